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
 * The place of the key that signs at `now`: of those that can, the last whose time has come, or the first where the clock
 * is behind them all; -1 where none can. `keys` are in the order in which they begin to sign.
 */
export function signing (keys: ReadonlyArray<Pick<Lifespan, 'signsFrom' | 'canSign'>>, now: number): number {
  const begun = keys.findLastIndex(({ signsFrom, canSign }) => canSign && signsFrom <= now)
  return begun === -1 ? keys.findIndex(({ canSign }) => canSign) : begun
}

/** Where each key stands at `now`, told from times alone, so that every process says the same without asking another. */
export function stages (keys: readonly Lifespan[], now: number, { tail }: Pick<Policy, 'tail'>): Stage[] {
  const active = signing(keys, now)
  return keys.map(({ canSign }, index) => {
    const successor = keys[index + 1]
    const state = index === active ? 'active' : index > active && canSign ? 'next' : 'retired'
    return { state, endsAt: successor === undefined || state === 'next' ? null : successor.signsFrom + tail }
  })
}

/**
 * What upkeep is due at `now`: there is always an active and a next key, retired ones lose their private part and in the
 * end all. Times further off than the policy puts them (it was changed, or the clock had run ahead) are drawn near.
 */
export function upkeep (keys: readonly Lifespan[], now: number, policy: Policy): Change[] {
  const { algorithm: alg, rotation, lead, lag, tail } = policy
  const period = Math.max(rotation, lead)
  const judged = stages(keys, now, policy).map((stage, index) => ({ ...stage, ...keys[index] as Lifespan }))
  const active = judged.find(({ state }) => state === 'active')
  if (active === undefined) return [{ add: { alg, signsFrom: now } }, { add: { alg, signsFrom: now + period } }]
  const signsFrom = Math.max(Math.min(active.signsFrom, now) + rotation, now + lead)
  const next = judged.filter(({ state }) => state === 'next')
  const ended = judged.filter(({ state, endsAt }) => state === 'retired' && (endsAt ?? now) <= now)
  const retired = judged.filter((key) => key.state === 'retired' && key.canSign && !ended.includes(key) && (key.endsAt as number) - tail + lag <= now)
  return [
    ...ended.map(({ kid }) => ({ remove: kid })),
    ...retired.map(({ kid }) => ({ erase: kid })),
    ...active.signsFrom > now + lag ? [{ move: active.kid, signsFrom: now }] : [],
    ...next.filter((key) => key.signsFrom > now + period).map(({ kid }) => ({ move: kid, signsFrom })),
    ...next.length === 0 ? [{ add: { alg, signsFrom } }] : []
  ]
}

/**
 * What a change of the algorithm asks for: a next key of the new one, published for `lead` before it signs. A next key of
 * another goes, unless its time is so near that it may sign already in another process.
 */
export function adoption (keys: readonly Lifespan[], now: number, { algorithm: alg, lead, lag, tail }: Policy): Change[] {
  const judged = stages(keys, now, { tail })
  const next = keys.filter((_key, index) => judged[index]?.state === 'next')
  const active = keys[signing(keys, now)]
  const last = next.at(-1)
  if (last === undefined || active === undefined || last.alg === alg) return []
  const signsFrom = active.alg === alg ? Math.max(last.signsFrom, now + lead) : now + lead
  return [...next.filter((key) => key.signsFrom > now + lag).map(({ kid }) => ({ remove: kid })), { add: { alg, signsFrom } }]
}

/** The next key signs as soon as it has been published for `lead`, or, where `atOnce`, from now on: after the one before it in any case. */
export function rotation (keys: readonly Lifespan[], now: number, { lead, tail }: Policy, atOnce: boolean): Change[] {
  const next = keys[stages(keys, now, { tail }).findIndex(({ state }) => state === 'next')]
  const active = keys[signing(keys, now)]
  if (next === undefined || active === undefined) return []
  const soonest = Math.max(now, active.signsFrom + 1, atOnce ? now : next.createdAt + lead)
  return [{ move: next.kid, signsFrom: Math.min(soonest, next.signsFrom) }]
}

/** A key that is to be trusted no more goes at once; where it was the one that signs, the next one does. */
export function revocation (keys: readonly Lifespan[], now: number, policy: Policy, kid: string): Change[] {
  const succession = keys[signing(keys, now)]?.kid === kid ? rotation(keys, now, policy, true) : []
  return [...succession, { remove: kid }]
}
