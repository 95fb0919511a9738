import type { Allowance } from './verdict.ts'

/** One key that a guess counts against. */
export interface Charge {
  key: string
  /** Null where the guess counts and is not judged. */
  allowance: Allowance | null
  /** Milliseconds that failures are remembered after the last of them. */
  lifetime: number
}

export interface Guess {
  name: string
  userId: string | null
  network: string
  /** From a network that the account was let in from before. */
  trusted: boolean
}

const day = 86_400_000
const longestDelay = 900

/** ASVS 6.3.1: the eleventh failure in a row at one account from one network waits, and every one after it twice as long. */
export const perNetwork: Allowance = { free: 10, firstDelay: 30, longestDelay }
/** NIST SP 800-63B-4, section 3.2.2: at most a hundred failures in a row at one account, from wherever they come. */
export const perAccount: Allowance = { free: 100, firstDelay: 60, longestDelay }

/**
 * What a guess at a user's password counts against. The first goes by the name as it was typed, so that no name and
 * address can be found to belong together; the second by the account, known or not. Whoever comes from where the
 * owner was let in is not judged by what everybody else does: nobody can lock an owner out (ASVS 6.1.1).
 */
export function userCharges ({ name, userId, network, trusted }: Guess, keyOf: (...parts: string[]) => string): Charge[] {
  const typed = name.toLowerCase()
  return [
    { key: keyOf('name', typed, network), allowance: perNetwork, lifetime: day },
    { key: userId === null ? keyOf('nobody', typed) : keyOf('user', userId), allowance: trusted ? null : perAccount, lifetime: 30 * day }
  ]
}

/** A client's secret is random: what is counted is only whoever keeps asking from one network. */
export function clientCharges (clientId: string, network: string, keyOf: (...parts: string[]) => string): Charge[] {
  return [{ key: keyOf('client', clientId, network), allowance: perNetwork, lifetime: day }]
}
