import type { Allowance } from './verdict.ts'

/** One key that a guess counts against. */
export interface Charge {
  key: string
  allowance: Allowance
  /** Milliseconds that failures are remembered after the last of them. */
  lifetime: number
}

export interface Guess {
  /** As it was typed: no name and address are to be found to belong together. */
  name: string
  network: string
  /** From a network that the account was let in from before. */
  trusted: boolean
}

const day = 86_400_000
const longestDelay = 900

/** ASVS 6.3.1: the eleventh failure in a row at one name from one network waits, and every one after it twice as long. */
export const perNetwork: Allowance = { free: 10, firstDelay: 30, longestDelay }
/** NIST SP 800-63B-4, section 3.2.2, allows a hundred failures in a row at one account, which may have two names. */
export const perName: Allowance = { free: 50, firstDelay: 60, longestDelay }

/**
 * What a guess at a user's password counts against. What strangers do from everywhere is a matter of strangers alone: it
 * keeps nobody away who comes from where the owner was let in (ASVS 6.1.1), and an owner's success gives them nothing back.
 */
export function userCharges ({ name, network, trusted }: Guess, keyOf: (...parts: string[]) => string): Charge[] {
  const typed = name.toLowerCase()
  const here = { key: keyOf('name', typed, network), allowance: perNetwork, lifetime: day }
  return trusted ? [here] : [here, { key: keyOf('name', typed), allowance: perName, lifetime: 30 * day }]
}

/** A client's secret is random, and no guess will find it: this is to stop whoever keeps asking. Ids that nobody has count as one. */
export function clientCharges (clientId: string | null, network: string, keyOf: (...parts: string[]) => string): Charge[] {
  return [{ key: keyOf('client', clientId ?? '', network), allowance: perNetwork, lifetime: day }]
}
