import type { Algorithm } from './signing-key.ts'

/** What the life of a key is judged by. Times are milliseconds since 1970. */
export interface Lifespan {
  kid: string
  alg: Algorithm
  createdAt: number
  /** When it begins to sign. */
  signsFrom: number
  /** False once its private part was erased. */
  canSign: boolean
}

export type KeyState = 'next' | 'active' | 'retired'

export interface Stage {
  state: KeyState
  /** When the last token that it may have signed is dead; null while nothing is to follow it. */
  endsAt: number | null
}

/** Milliseconds. */
export interface Policy {
  algorithm: Algorithm
  /** How long a key signs. */
  rotation: number
  /** How long a key is published before it signs. */
  lead: number
  /** How far processes may be apart, in their clocks and in what they have read. */
  lag: number
  /** How long after its last moment of signing a key may still be needed: a token's life, and what clocks and processes differ by. */
  tail: number
}

/** A change to the set of keys. */
export type Change =
  | { add: { alg: Algorithm, signsFrom: number } }
  | { move: string, signsFrom: number }
  | { erase: string }
  | { remove: string }

/**
 * Where each key stands at `now`, told from times alone, so that every process says the same without asking another.
 * `keys` are in the order in which they begin to sign.
 */
export function stages (keys: readonly Lifespan[], now: number, { tail }: Pick<Policy, 'tail'>): Stage[] {
  const active = Math.max(0, keys.findLastIndex(({ signsFrom }) => signsFrom <= now))
  return keys.map((_key, index) => {
    const successor = keys[index + 1]
    return {
      state: index > active ? 'next' : index === active ? 'active' : 'retired',
      endsAt: successor === undefined || index > active ? null : successor.signsFrom + tail
    }
  })
}

/** What upkeep is due at `now`: there is always an active and a next key, retired ones lose their private part and in the end all. */
export function upkeep (keys: readonly Lifespan[], now: number, policy: Policy): Change[] {
  const { algorithm: alg, rotation, lead, lag, tail } = policy
  if (keys.length === 0) return [{ add: { alg, signsFrom: now } }, { add: { alg, signsFrom: now + Math.max(rotation, lead) } }]
  const judged = stages(keys, now, policy).map((stage, index) => ({ ...stage, ...keys[index] as Lifespan }))
  const ended = judged.filter(({ state, endsAt }) => state === 'retired' && (endsAt ?? now) <= now)
  const retired = judged.filter((key) => key.state === 'retired' && key.canSign && !ended.includes(key) && (key.endsAt ?? now) - tail + lag <= now)
  const changes: Change[] = [...ended.map(({ kid }) => ({ remove: kid })), ...retired.map(({ kid }) => ({ erase: kid }))]
  if (judged.some(({ state }) => state === 'next')) return changes
  const active = judged.find(({ state }) => state === 'active') as Lifespan
  return [...changes, { add: { alg, signsFrom: Math.max(active.signsFrom + rotation, now + lead) } }]
}

/** What a change of the algorithm asks for: a next key of the new one, published for `lead` before it signs. */
export function adoption (keys: readonly Lifespan[], now: number, { algorithm: alg, lead, tail }: Policy): Change[] {
  const judged = stages(keys, now, { tail })
  const next = keys[judged.findIndex(({ state }) => state === 'next')]
  const active = keys[judged.findIndex(({ state }) => state === 'active')]
  if (next === undefined || active === undefined || next.alg === alg) return []
  const signsFrom = active.alg === alg ? Math.max(next.signsFrom, now + lead) : now + lead
  return [{ remove: next.kid }, { add: { alg, signsFrom } }]
}

/** The next key signs as soon as it has been published for `lead`, or, where `atOnce`, from now on. */
export function rotation (keys: readonly Lifespan[], now: number, { lead, tail }: Policy, atOnce: boolean): Change[] {
  const next = keys[stages(keys, now, { tail }).findIndex(({ state }) => state === 'next')]
  if (next === undefined) return []
  const soonest = atOnce ? now : Math.max(now, next.createdAt + lead)
  return [{ move: next.kid, signsFrom: Math.min(soonest, next.signsFrom) }]
}

/** A key that is to be trusted no more goes at once; where it was the one that signs, the next one does. */
export function revocation (keys: readonly Lifespan[], now: number, policy: Policy, kid: string): Change[] {
  const signing = stages(keys, now, policy).findIndex(({ state }) => state === 'active')
  const succession = keys[signing]?.kid === kid ? rotation(keys, now, policy, true) : []
  return [...succession, { remove: kid }]
}
