import fc from 'fast-check'
import t from 'tap'
import { adoption, type Lifespan, type Policy, revocation, rotation, signing, stages, upkeep } from '../../../plugins/keys/lifecycle.ts'
import { createKeyLife, inOrder, type Step } from '../../support/key-life.ts'

const second = 1000
const day = 86_400 * second
const start = 1_763_939_500_000
const policy: Policy = { algorithm: 'ES256', rotation: 30 * day, lead: 2 * day, lag: 15 * second, tail: 615 * second }

function key (kid: string, signsFrom: number, rest: Partial<Lifespan> = {}): Lifespan {
  return { kid, alg: 'ES256', createdAt: 0, signsFrom, canSign: true, ...rest }
}

const states = (keys: Lifespan[], now: number) => stages(keys, now, policy).map(({ state }) => state).join(' ')

t.test('tells each key\'s state from the time', async (t) => {
  const keys = [key('a', 100), key('b', 200), key('c', 300)]
  t.equal(states([], 100), '')
  t.equal(states(keys, 100), 'active next next')
  t.equal(states(keys, 199), 'active next next')
  t.equal(states(keys, 200), 'retired active next')
  t.equal(states(keys, 1e15), 'retired retired active')
  t.strictSame(stages(keys, 200, policy).map(({ endsAt }) => endsAt), [200 + policy.tail, 300 + policy.tail, null])
})

t.test('lets the first key that can sign do so where the clock is behind them all', async (t) => {
  t.equal(states([key('a', 100), key('b', 200)], 50), 'active next')
  t.equal(states([key('a', 100, { canSign: false }), key('b', 200), key('c', 300)], 150), 'retired active next')
  t.equal(signing([key('a', 100, { canSign: false })], 150), -1)
  t.equal(states([key('a', 100, { canSign: false })], 150), 'retired')
  t.equal(states([key('b', 50), key('a', 100, { canSign: false }), key('c', 300)], 60), 'active retired next')
})

t.test('begins with a key that signs and one that is to', async (t) => {
  t.strictSame(upkeep([], start, policy), [{ add: { alg: 'ES256', signsFrom: start } }, { add: { alg: 'ES256', signsFrom: start + 30 * day } }])
  t.strictSame(upkeep([], start, { ...policy, rotation: day })[1], { add: { alg: 'ES256', signsFrom: start + 2 * day } }, 'a lead longer than the rotation holds')
  t.equal(upkeep([key('a', start, { canSign: false })], start, policy).length, 2, 'as where none of those that are there can sign')
})

t.test('adds a next key when the last one begins to sign, after the rotation and no sooner than the lead', async (t) => {
  t.strictSame(upkeep([key('a', start)], start, policy), [{ add: { alg: 'ES256', signsFrom: start + 30 * day } }])
  t.strictSame(upkeep([key('a', start)], start + 29 * day, policy), [{ add: { alg: 'ES256', signsFrom: start + 31 * day } }])
  t.strictSame(upkeep([key('a', start), key('b', start + day)], start, policy), [])
})

t.test('erases a retired key after the lag and removes it after the tail', async (t) => {
  const keys = [key('a', start - day), key('b', start), key('c', start + day)]
  t.strictSame(upkeep(keys, start + policy.lag - 1, policy), [])
  t.strictSame(upkeep(keys, start + policy.lag, policy), [{ erase: 'a' }])
  const erased = [{ ...keys[0] as Lifespan, canSign: false }, ...keys.slice(1)]
  t.strictSame(upkeep(erased, start + policy.tail - 1, policy), [])
  t.strictSame(upkeep(erased, start + policy.tail, policy), [{ remove: 'a' }])
  t.strictSame(upkeep(keys, start + policy.tail, policy), [{ remove: 'a' }], 'both at once after a long stop')
})

t.test('removes a key without private part that nothing follows', async (t) => {
  t.strictSame(upkeep([key('a', 50), key('b', start + 40 * day, { canSign: false })], start, policy).slice(0, 1), [{ remove: 'b' }])
})

t.test('draws times near that a changed policy or a clock that ran ahead left too far off', async (t) => {
  t.strictSame(upkeep([key('a', start), key('b', start + 365 * day)], start + day, policy), [{ move: 'b', signsFrom: start + 30 * day }])
  t.strictSame(upkeep([key('a', start + 365 * day), key('b', start + 400 * day)], start, policy), [
    { move: 'a', signsFrom: start }, { move: 'b', signsFrom: start + 30 * day }
  ])
  t.strictSame(upkeep([key('a', start + policy.lag), key('b', start + 30 * day)], start, policy), [], 'a difference of clocks is left alone')
})

t.test('makes the next key one of a new algorithm, published for the lead', async (t) => {
  const edDsa = { ...policy, algorithm: 'EdDSA' as const }
  const keys = [key('a', start), key('b', start + 30 * day)]
  t.strictSame(adoption(keys, start + day, policy), [], 'nothing to do where it is of that algorithm')
  t.strictSame(adoption(keys, start + day, edDsa), [{ remove: 'b' }, { add: { alg: 'EdDSA', signsFrom: start + 3 * day } }])
  t.strictSame(adoption([keys[0] as Lifespan, key('c', start + 3 * day, { alg: 'EdDSA' })], start + day, policy),
    [{ remove: 'c' }, { add: { alg: 'ES256', signsFrom: start + 3 * day } }], 'and back again: no sooner than it would have been')
  t.strictSame(adoption([key('a', start)], start, edDsa), [], 'upkeep makes a missing one')
  t.strictSame(adoption([], start, edDsa), [])
})

t.test('keeps a next key of another algorithm that may sign already in a process whose clock is ahead', async (t) => {
  const edDsa = { ...policy, algorithm: 'EdDSA' as const }
  const keys = [key('a', start - day), key('b', start + policy.lag)]
  const changes = adoption(keys, start, edDsa)
  t.strictSame(changes, [{ add: { alg: 'EdDSA', signsFrom: start + 2 * day } }])
  t.strictSame(adoption([...keys, key('c', start + 2 * day, { alg: 'EdDSA' })], start, edDsa), [], 'once')
})

t.test('rotates when the next key has been published for the lead, or at once', async (t) => {
  const keys = [key('a', start), key('b', start + 30 * day, { createdAt: start })]
  t.strictSame(rotation(keys, start + day, policy, false), [{ move: 'b', signsFrom: start + 2 * day }])
  t.strictSame(rotation(keys, start + 5 * day, policy, false), [{ move: 'b', signsFrom: start + 5 * day }])
  t.strictSame(rotation(keys, start + day, policy, true), [{ move: 'b', signsFrom: start + day }])
  t.strictSame(rotation(keys, start, policy, true), [{ move: 'b', signsFrom: start + 1 }], 'after the key before it, in the same millisecond too')
  t.strictSame(rotation([key('a', start), key('b', start + day, { createdAt: start })], start, { ...policy, lead: 9 * day }, false), [{ move: 'b', signsFrom: start + day }], 'never later than it would be')
  t.strictSame(rotation([key('a', start)], start, policy, true), [])
})

t.test('hands over at once where the key that signs is revoked', async (t) => {
  const keys = [key('a', start - day), key('b', start), key('c', start + day)]
  t.strictSame(revocation(keys, start + 9, policy, 'b'), [{ move: 'c', signsFrom: start + 9 }, { remove: 'b' }])
  t.strictSame(revocation(keys, start + 9, policy, 'a'), [{ remove: 'a' }])
  t.strictSame(revocation(keys, start + 9, policy, 'c'), [{ remove: 'c' }])
})

const rotations = fc.constantFrom<Step>({ rotate: 'plain' }, { rotate: 'now' })
const adoptions = fc.constantFrom<Step>({ adopt: 'ES256' }, { adopt: 'RS256' }, { adopt: 'EdDSA' })
const revocations = fc.nat(9).map((revoke): Step => ({ revoke }))
const forwards = fc.oneof(fc.integer({ min: 0, max: 20 * second }), fc.integer({ min: 0, max: 45 * day })).map((turn): Step => ({ turn }))
const anyTurn = fc.oneof(fc.integer({ min: -20 * second, max: 20 * second }), fc.integer({ min: -45 * day, max: 45 * day })).map((turn): Step => ({ turn }))
const steps = (...kinds: Array<fc.Arbitrary<Step>>) => fc.array(fc.oneof(...kinds), { maxLength: 40, size: 'max' })

function holdTogether (life: ReturnType<typeof createKeyLife>): void {
  const states = life.states()
  if (states.filter((state) => state === 'active').length !== 1) throw new Error(`active keys: ${states}`)
  if (!states.includes('next')) throw new Error(`no next key: ${states}`)
  if (states.some((state, index) => state !== 'retired' && life.keys[index]?.canSign === false)) throw new Error(`cannot sign: ${states}`)
  for (const _key of life.keys) life.keepUp()
  if (upkeep(life.keys, life.now, life.policy).length > 0) throw new Error('upkeep never settles')
}

t.test('keeps one active key that can sign and a next one, whatever the clock and the operators do', async () => {
  fc.assert(fc.property(steps(anyTurn, rotations, adoptions, revocations), (taken) => {
    const life = createKeyLife(start, policy)
    for (const step of taken) {
      life.take(step)
      holdTogether(life)
      const latest = Math.max(...life.keys.filter((_key, index) => life.states()[index] !== 'retired').map(({ signsFrom }) => signsFrom))
      if (latest > life.now + policy.rotation) throw new Error('a rotation is put off beyond its time')
    }
  }), { numRuns: 500 })
})

t.test('publishes every key for the lead before it signs, unless somebody was in a hurry', async (t) => {
  let unhurried = 0
  fc.assert(fc.property(steps(forwards, rotations, adoptions, revocations), (taken) => {
    const life = createKeyLife(start, policy)
    for (const step of taken) life.take(step)
    const born = new Map(life.events.flatMap(({ change, now, kid }) => 'add' in change ? [[kid, now]] : []))
    for (const [kid, { hurried, firstSigned }] of life.diary) {
      if (hurried || firstSigned === null) continue
      unhurried++
      if (firstSigned < (born.get(kid) as number) + policy.lead) throw new Error(`${kid} signed before anybody could know it`)
    }
  }), { numRuns: 500 })
  t.ok(unhurried > 500, 'and most keys had the time')
})

t.test('keeps every key until its last token is dead, and its private part until no process signs with it', async (t) => {
  let removed = 0
  fc.assert(fc.property(steps(forwards, rotations, adoptions), (taken) => {
    const life = createKeyLife(start, policy)
    for (const step of taken) life.take(step)
    for (const { change, now, kid, byUpkeep } of life.events) {
      const last = life.diary.get(kid)?.lastSigned ?? null
      if ('remove' in change && byUpkeep) removed++
      if ('remove' in change && last !== null && now < last + policy.tail) throw new Error(`${kid} was needed`)
      if ('erase' in change && (last === null || now < last + policy.lag)) throw new Error(`${kid} may sign yet`)
    }
  }), { numRuns: 500 })
  t.ok(removed > 500, 'and keys do end')
})

t.test('keeps a key for the life of its tokens while clocks wobble within the lag', async () => {
  const life = policy.tail - policy.lag
  const wobble = fc.tuple(fc.integer({ min: 0, max: policy.lag }), fc.integer({ min: 0, max: 40 * day })).map(([back, on]): Step[] => [{ turn: -back }, { turn: back + on }])
  fc.assert(fc.property(fc.array(fc.oneof(wobble, rotations.map((step) => [step]), adoptions.map((step) => [step])), { maxLength: 30 }), (taken) => {
    const simulated = createKeyLife(start, policy)
    for (const step of taken.flat()) {
      simulated.take(step)
      holdTogether(simulated)
    }
    for (const { change, now, kid } of simulated.events) {
      const last = simulated.diary.get(kid)?.lastSigned ?? null
      if ('remove' in change && last !== null && now < last + life) throw new Error(`${kid} was needed`)
    }
  }), { numRuns: 500 })
})

t.test('says the same in every process, however the rows come', async (t) => {
  fc.assert(fc.property(steps(anyTurn, rotations, revocations), fc.func(fc.nat()), (taken, shuffle) => {
    const life = createKeyLife(start, policy)
    for (const step of taken) life.take(step)
    const elsewhere = [...life.keys].sort((a, b) => shuffle(a.kid) - shuffle(b.kid)).sort(inOrder)
    const other: Policy = { ...life.policy, algorithm: 'EdDSA', rotation: 90 * day, lead: day }
    t.strictSame(stages(elsewhere, life.now, other), stages(life.keys, life.now, life.policy))
  }), { numRuns: 50 })
})
