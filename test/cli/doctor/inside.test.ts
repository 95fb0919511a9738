import t from 'tap'
import { checkAdministrator, checkBlocklist, checkHashing, checkKeys, checkProxy } from '../../../cli/doctor/inside.ts'
import type { World } from '../../../cli/service.ts'
import { readConfig } from '../../../config.ts'
import { build } from '../../support/build.ts'
import { createClock, origin } from '../../support/calls.ts'

const world = (environment = {}) => ({ environment }) as World

t.test('says which key signs and which is next, and where either is missing or late', async (t) => {
  const clock = createClock()
  const server = await build(t, { now: clock.now })
  t.match(checkKeys(server), [{ verdict: 'ok', finding: / \(ES256\) signs\./ }, { verdict: 'ok', finding: / is next, from 2026-/ }])
  const [active, next] = server.keys.list()
  const keys = (list: object[]) => checkKeys({ keys: { list: () => list }, clock: server.clock } as never)
  t.match(keys([{ ...active, endsAt: null }]), [{ verdict: 'ok', finding: /signs\.$/ }, { verdict: 'warning', finding: /No next key/ }])
  t.match(keys([{ ...active, endsAt: clock.now() - 1 }, { ...next }]), [{ verdict: 'warning', finding: /should have been replaced/ }, { verdict: 'ok' }])
  t.match(keys([{ ...next }]), [{ verdict: 'failure', finding: 'No key signs.' }])
})

t.test('says what a password costs, and warns where many at once take too much memory', async (t) => {
  const server = await build(t)
  const config = readConfig({ HASH_CONCURRENCY: '1' })
  t.match(await checkHashing(world(), server, config), [{ verdict: 'ok', finding: /^A password takes \d+ ms, with the build of argon2 from npm; 1 at once on \d+ processors\.$/ }])
  const greedy = { ...config, hashing: { ...config.hashing, concurrency: 256 }, passwords: { ...config.passwords, memory: 2 ** 30 } }
  t.match(await checkHashing(world({ ARGON2_PREBUILD: '/native' }), server, greedy), [{ finding: /for this processor/ }, { verdict: 'warning', finding: /MiB, of \d+ there are\.$/ }])
})

t.test('tries a common password', async (t) => {
  t.match(checkBlocklist(await build(t)), [{ verdict: 'ok' }])
  t.match(checkBlocklist({ passwords: { admit: () => {} } } as never), [{ verdict: 'failure' }])
})

t.test('looks for an administrator', async (t) => {
  const server = await build(t)
  t.match(await checkAdministrator(server), [{ verdict: 'warning', finding: 'Nobody has the role admin.' }])
  await server.userTransfer.takeIn((async function * () { yield { number: 1, value: { username: 'ghost', roles: ['admin'] } } })(), { dryRun: false, refused: () => {}, progress: () => {} }, {})
  t.match(await checkAdministrator(server), [{ verdict: 'warning', finding: /can sign in/ }])
  await server.administration.createUser({ username: 'root', password: 'seven lamps by the harbour wall', roles: ['admin'] }, { actor: 'cli', origin })
  t.match(await checkAdministrator(server), [{ verdict: 'ok' }])
})

t.test('tells from the addresses of sessions whether a gateway hands on those of clients', async (t) => {
  const check = async (addresses: string[], TRUST_PROXY = '') => {
    const [{ verdict } = { verdict: '' }] = await checkProxy({ sessions: { addresses: async () => addresses } } as never, readConfig({ TRUST_PROXY }))
    return verdict
  }
  const of = (address: string, count = 10) => Array.from({ length: count }, () => address)
  t.equal(await check([]), 'ok')
  t.equal(await check(of('10.0.0.1', 9)), 'ok', 'too few to tell')
  t.equal(await check(of('10.0.0.1')), 'warning', 'one gateway, or one client')
  t.equal(await check([...of('10.0.0.1'), '192.0.2.1']), 'ok')
  t.equal(await check(of('10.0.0.1'), '10.0.0.0/8'), 'warning', 'the gateway itself')
  t.equal(await check(of('2001:db8::1'), '2001:db8::1,10.0.0.7'), 'warning')
  t.equal(await check([...of('10.0.0.1'), '192.0.2.1'], '10.0.0.0/8'), 'ok')
  t.equal(await check([...of('', 20)]), 'ok', 'what is no address')
})
