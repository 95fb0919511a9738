import { type Spread, spreadOf } from './slices.ts'

/** One row of what was measured. */
export interface Figure {
  part: string
  name: string
  /** Of each slice or pair of slices; none where it could not be measured here. */
  values: readonly number[]
  unit?: '' | 'µs' | 'ms' | 'MiB'
  /** What it is made of, in absolute terms; or why it is missing. */
  note?: string
}

/** What is asked of a row: a floor and an aim, or a ceiling and an aim below it. */
export interface Goal {
  bound: number
  aim: number
  less?: true
}

export type Verdict = 'reached' | 'met' | 'missed' | ''

/** By part and name. What is not here is measured beside. */
export const goals: Readonly<Record<string, Goal>> = {
  'gate: /protected, known token ÷ bare Fastify': { bound: 0.60, aim: 0.75 },
  'gate: /verify, known token ÷ bare Fastify': { bound: 0.60, aim: 0.75 },
  'gate: /protected ÷ @fastify/jwt HS256': { bound: 1.5, aim: 1.9 },
  'gate: /verify ÷ @fastify/jwt HS256': { bound: 1.5, aim: 1.9 },
  'gate: 5,000 tokens in turn ÷ bare Fastify': { bound: 0.50, aim: 0.65 },
  'gate: /protected with 100,000 live revocations ÷ without': { bound: 0.97, aim: 1 },
  'tokens: first seen ÷ raw verification, EdDSA': { bound: 0.60, aim: 0.70 },
  'tokens: first seen ÷ raw verification, ES256': { bound: 0.40, aim: 0.55 },
  'tokens: first seen ÷ raw verification, RS256': { bound: 0.30, aim: 0.45 },
  'logins: sign-ins ÷ raw argon2, the same binary': { bound: 0.90, aim: 0.95 },
  'logins: sign-ins with the wide build ÷ raw argon2 from npm': { bound: 2.2, aim: 2.6 },
  'storm: /protected p99 ÷ idle p99': { bound: 2, aim: 1.5, less: true },
  'storm: /protected p99': { bound: 5, aim: 2.5, less: true },
  'storm: HASH_QUEUE=200ms, accepted sign-ins p99': { bound: 300, aim: 250, less: true },
  'refresh: refreshes ÷ raw one-row commits': { bound: 0.35, aim: 0.50 },
  'start: first answer ÷ Fastify with @fastify/jwt': { bound: 1.5, aim: 1.25, less: true },
  'memory: resident, idle': { bound: 100, aim: 90, less: true },
  'memory: resident, after the storm': { bound: 175, aim: 150, less: true },
  'processes: processor time a request, 2 on one PostgreSQL ÷ 1': { bound: 1.15, aim: 1.05, less: true }
}

export function goalOf ({ part, name }: Figure): Goal | undefined {
  return goals[`${part}: ${name}`]
}

/** By the median: the machine is never quiet. */
export function verdictOf (figure: Figure): Verdict {
  const goal = goalOf(figure)
  if (goal === undefined || figure.values.length === 0) return ''
  const { median } = spreadOf(figure.values)
  const isWithin = (limit: number) => goal.less === true ? median <= limit : median >= limit
  if (isWithin(goal.aim)) return 'reached'
  return isWithin(goal.bound) ? 'met' : 'missed'
}

/** As tables show it: two digits of a ratio, and one of what has a unit. */
export function textOf (value: number, unit: Figure['unit'] = ''): string {
  if (unit === '') return value.toFixed(value < 0.095 ? 3 : 2)
  return `${value.toFixed(unit === 'MiB' || value >= 100 ? 0 : 1)} ${unit}`
}

/** `0.71 (0.70–0.73; 0.66–0.75)`: the median, the middle half, the extremes. */
export function spreadText ({ values, unit }: Figure): [median: string, half: string, extremes: string] {
  if (values.length === 0) return ['–', '–', '–']
  const { median, lower, upper, least, most }: Spread = spreadOf(values)
  if (values.length === 1) return [textOf(median, unit), '–', '–']
  const range = (from: number, to: number) => `${textOf(from)}–${textOf(to)}`
  return [textOf(median, unit), range(lower, upper), range(least, most)]
}
