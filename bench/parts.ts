import type { Figure } from './figures.ts'
import type { Load } from './load.ts'
import gate from './parts/gate.ts'
import growth from './parts/growth.ts'
import logins from './parts/logins.ts'
import processes from './parts/processes.ts'
import profile from './parts/profile.ts'
import refresh from './parts/refresh.ts'
import start from './parts/start.ts'
import storm from './parts/storm.ts'
import tokens from './parts/tokens.ts'

export interface Setup {
  load: Load
  quick: boolean
  /** How many slices of each kind are counted. */
  pairs: number
  /** For what the part writes; gone after the run. */
  folder: string
  /** The page whose pictures and tables beside the figures are to be written too. */
  page: string | null
  /** Whether the packages of bench/peers are installed. */
  hasPeers: boolean
  /** The folder with what the image runs; null where what bundles it is not installed. */
  image: string | null
}

/** A figure without the part's name may be given, which is then that of the part. */
export type Part = (setup: Setup) => Promise<Array<Omit<Figure, 'part'> & { part?: string }>>

/** In the order in which a whole run goes through them. */
export const parts: Readonly<Record<string, Part>> = { gate, tokens, logins, storm, refresh, start, processes, growth, profile }
