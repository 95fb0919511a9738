import { adoption, type Change, type Lifespan, type Policy, revocation, rotation, signing, stages, upkeep } from '../../plugins/keys/lifecycle.ts'
import type { Algorithm } from '../../plugins/keys/signing-key.ts'

/** What can happen to a set of keys. `turn` is by how many milliseconds the clock goes, forwards or back. */
export type Step =
  | { turn: number }
  | { rotate: 'plain' | 'now' }
  | { revoke: number }
  | { adopt: Algorithm }

/** What a simulated key did, by the clock. */
export interface History {
  /** True where it may sign without having been published for long: the first key, `rotate --now`, the heir of a revoked one. */
  hurried: boolean
  firstSigned: number | null
  lastSigned: number | null
}

/** The pure functions of the key life with what a database and a clock would do around them, and a diary of who signed when. */
export function createKeyLife (start: number, policy: Policy) {
  let keys: Lifespan[] = []
  let now = start
  let made = 0
  let current = policy
  const diary = new Map<string, History>()
  const events: Array<{ change: Change, now: number, kid: string, byUpkeep: boolean }> = []

  function apply (changes: Change[], byUpkeep: boolean): void {
    for (const change of changes) {
      const kid = 'add' in change ? makeId() : 'move' in change ? change.move : 'erase' in change ? change.erase : change.remove
      events.push({ change, now, kid, byUpkeep })
      if ('add' in change) {
        keys.push({ kid, alg: change.add.alg, createdAt: now, signsFrom: change.add.signsFrom, canSign: true })
        diary.set(kid, { hurried: keys.length === 1, firstSigned: null, lastSigned: null })
      } else if ('remove' in change) keys = keys.filter((key) => key.kid !== kid)
      else keys = keys.map((key) => key.kid !== kid ? key : 'move' in change ? { ...key, signsFrom: change.signsFrom } : { ...key, canSign: false })
    }
    keys.sort(inOrder)
  }

  /** Ids fall while time goes on, so that an order by ids alone would be the wrong one. */
  function makeId (): string {
    return String(1_000_000 - made++)
  }

  function keepUp (): void {
    apply(upkeep(keys, now, current), true)
  }

  /** The key that signs writes into the diary at both ends of the time that passes, and at each change on the way. */
  function pass (milliseconds: number): void {
    const until = now + milliseconds
    const moments = keys.flatMap(({ signsFrom }) => [signsFrom - 1, signsFrom]).filter((moment) => moment > now && moment < until)
    for (const moment of [now, ...moments, until].sort((a, b) => a - b)) sign(moment)
    now = until
  }

  function sign (moment: number): void {
    const key = keys[signing(keys, moment)]
    const history = key === undefined ? undefined : diary.get(key.kid)
    if (history === undefined) return
    history.firstSigned ??= moment
    history.lastSigned = Math.max(history.lastSigned ?? moment, moment)
  }

  function take (step: Step): void {
    if ('turn' in step) pass(step.turn)
    else if ('rotate' in step) {
      const changes = rotation(keys, now, current, step.rotate === 'now')
      if (step.rotate === 'now') hurry(changes)
      apply(changes, false)
    } else if ('revoke' in step) {
      const changes = revocation(keys, now, current, keys[step.revoke % keys.length]?.kid ?? '')
      hurry(changes)
      apply(changes, false)
    } else {
      current = { ...current, algorithm: step.adopt }
      apply(adoption(keys, now, current), false)
    }
    keepUp()
    sign(now)
  }

  function hurry (changes: Change[]): void {
    for (const change of changes) {
      const history = 'move' in change ? diary.get(change.move) : undefined
      if (history !== undefined) history.hurried ||= history.firstSigned === null
    }
  }

  keepUp()
  sign(now)
  return {
    take,
    keepUp,
    diary,
    events,
    get now () { return now },
    get keys () { return keys },
    get policy () { return current },
    states: () => stages(keys, now, current).map(({ state }) => state)
  }
}

export function inOrder (a: Lifespan, b: Lifespan): number {
  return a.signsFrom - b.signsFrom || a.createdAt - b.createdAt || (a.kid < b.kid ? -1 : 1)
}
