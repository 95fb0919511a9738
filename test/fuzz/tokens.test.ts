import t from 'tap'
import { createVerifier, type Identity, type VerifierOptions } from '../../plugins/tokens/verifier.ts'
import { runCampaign } from './campaign.ts'
import { createChance } from './chance.ts'
import { mutations } from './mutations.ts'
import { algorithms } from './seeds.ts'
import { spellings } from './spellings.ts'
import { textMutations } from './texts.ts'

// `npm run fuzz` goes on for as long as it is told to; this is a few thousand of the same.
t.setTimeout(120_000)

const few = 4000
const upTo = (most: number) => (count: number) => count < most

t.test('takes no mutant of a good token, and agrees with the oracle about every one', async (t) => {
  const { accepted, disagreements, findings, outcomes, count } = await runCampaign({ seed: 1, goesOn: upTo(2 * few) })
  t.strictSame({ accepted, disagreements, findings }, { accepted: 0, disagreements: 0, findings: [] })
  t.ok(count >= few)
  for (const outcome of ['accepted', 'base64url', 'header', 'algorithm', 'type', 'key_id', 'key', 'signature', 'claims', 'issuer', 'audience', 'lifetime', 'future', 'not_yet_valid', 'expired', 'forged']) {
    t.same([...outcomes.get(outcome)?.keys() ?? []].sort(), [...algorithms].sort(), `${outcome}, of every algorithm`)
  }
})

/** A verifier of the service behind one that looks away. */
function blind (look: (token: string, options: VerifierOptions) => [string, VerifierOptions]) {
  return (options: VerifierOptions) => ({ verify: (token: string): Identity => createVerifier(look(token, options)[1]).verify(look(token, options)[0]) })
}

t.test('finds out a verifier that looks away', async (t) => {
  const faulty: Record<string, ReturnType<typeof blind>> = {
    'no signature is verified': blind((token, options) => [token, { ...options, verifySignature: () => {} }]),
    'any spelling of base64url': blind((token, options) => [token.split('.').map((part) => Buffer.from(part, 'base64url').toString('base64url')).join('.'), options]),
    'any JSON': blind((token, options) => [token, { ...options, parseJson: (bytes) => JSON.parse(Buffer.from(bytes).toString()) }]),
    'a clock that is late': blind((token, options) => [token, { ...options, now: () => options.now() - 3000 }]),
    'a longer life': blind((token, options) => [token, { ...options, maxLifetime: options.maxLifetime + 1 }]),
    'one key for all': blind((token, options) => [token, { ...options, keys: { ...options.keys, find: (kid) => options.keys.find(kid) ?? { alg: 'ES256', publicPem: '' } } }])
  }
  for (const [what, create] of Object.entries(faulty)) {
    const { accepted, disagreements, findings } = await runCampaign({ seed: 2, goesOn: upTo(few / 2), create })
    t.ok(accepted + disagreements > 0, what)
    t.ok(findings.length > 0 && findings.length <= 10, 'and shows the first few')
  }
})

t.test('tries one in so many of those that only a signature gives away', async (t) => {
  const forgedOf = async (deep: number) => {
    const { outcomes } = await runCampaign({ seed: 3, deep, goesOn: upTo(few) })
    return [...outcomes.get('forged')?.values() ?? []].reduce((sum, count) => sum + count, 0)
  }
  t.ok(await forgedOf(1) > 3 * await forgedOf(20))
})

t.test('makes the same choices of the same seed', async (t) => {
  const draw = (seed: number) => {
    const chance = createChance(seed)
    return Array.from({ length: 50 }, () => [chance.below(1000), chance.pick(['a', 'b', 'c']), chance.once(2)])
  }
  for (const seed of [0, 1, 2 ** 31]) t.same(draw(seed), draw(seed))
  t.notSame(draw(0), draw(1))
  t.ok(Object.keys(mutations).length + Object.keys(spellings).length + Object.keys(textMutations).length > 40, 'there are dozens to choose from')
})
