import t from 'tap'
import { deriveScrypt, isAffordable, readScrypt } from '../../../../plugins/passwords/foreign/scrypt.ts'
import { readsItsForm } from '../../../support/foreign-reader.ts'

readsItsForm('scrypt', readScrypt)

t.test('works with everything that it calls affordable', async (t) => {
  const [password, salt] = [Buffer.from('x'), Buffer.alloc(0)]
  const parameters = [2, 3, 4, 16, 1024, 16_384, 32_768, 65_536, 131_072].flatMap((cost) => [0, 1, 2, 4, 8, 32].flatMap((blockSize) => [0, 1, 3, 16, 17].map((parallelism) => ({ cost, blockSize, parallelism }))))
  const affordable = parameters.filter(isAffordable)
  for (const one of affordable.filter(({ cost, blockSize, parallelism }) => cost * blockSize * parallelism < 2 ** 16)) t.equal((await deriveScrypt(password, salt, 16, one)).length, 16, JSON.stringify(one))
  t.ok(affordable.length > 60)
  t.notOk(affordable.some(({ cost, blockSize, parallelism }) => blockSize === 0 || parallelism === 0 || parallelism > 16 || cost === 3 || (blockSize === 1 && cost >= 65_536)))
  await t.rejects(deriveScrypt(password, salt, 16, { cost: 3, blockSize: 8, parallelism: 1 }), 'what is not affordable is refused')
})

t.test('goes up to 256 MiB at once, and 512 MiB in all', async (t) => {
  const cases: Array<[cost: number, blockSize: number, parallelism: number, expected: boolean]> = [
    [2 ** 18, 8, 1, true], [2 ** 18, 8, 2, true], [2 ** 18, 8, 3, false], [2 ** 19, 8, 1, false], [2 ** 17, 8, 4, true], [2 ** 17, 8, 5, false], [2 ** 13, 8, 10, true], [2 ** 15, 32, 4, true], [2 ** 15, 32, 5, false]
  ]
  for (const [cost, blockSize, parallelism, expected] of cases) t.equal(isAffordable({ cost, blockSize, parallelism }), expected, `${cost} ${blockSize} ${parallelism}`)
})
