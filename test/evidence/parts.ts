import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Owner } from '../support/program.ts'
import { startService } from '../support/service.ts'
import { sectionOf } from './page.ts'
import { type Ended, type Finding, fromConformance, fromLines, fromMutation, fromSoak, fromTap, table, withFaults } from './readers.ts'

/** What a part is given. */
export interface Setting {
  /** How long it may take, or, where it goes on as long as it is told to, how long that is. */
  minutes: number
  date: string
  commit: string
  /** The page as it stands. */
  page: string
  /** For what it writes; gone afterwards. */
  folder: string
  /** Ends with the part. */
  owner: Owner
  /** Runs a line of shell at the root, until its time is up. */
  run (line: string, environment?: Record<string, string>): Promise<Ended>
}

export interface Part {
  minutes: number
  /** Whether it goes on for as long as it is told to. */
  isTimed?: true
  look (setting: Setting): Promise<Finding>
}

const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { scripts: Record<string, string> }
const tap = 'tap --disable-coverage --timeout=900'

/** How many times as fast as the machine's the time of a service goes that lives a day. */
const fast = 20

/** What `npm run faults` runs, without the attacks, which have a part of their own. */
const faultsAlone = (scripts['faults'] ?? '').split(' ').filter((word) => !word.startsWith('test/attacks/')).join(' ')

/** In the order in which a whole run goes through them: what fails soonest comes first. */
export const parts: Readonly<Record<string, Part>> = {
  supply: { minutes: 5, look: supply },
  attacks: { minutes: 20, look: tests(`${tap} ${['test/attacks.test.ts', ...globSync('test/attacks/*.test.ts', { exclude: ['**/timing.test.ts'] }).sort()].join(' ')}`) },
  conformance: { minutes: 5, look: conformance },
  timing: { minutes: 15, look: tests(`TIMING_SAMPLES=100 STORM_SECONDS=30 STORM_CLIENTS=200 ${tap} test/attacks/timing.test.ts`) },
  'equal-time': { minutes: 10, look: async ({ run }) => fromLines(await run('npm run --silent bench:equal-time')) },
  gateways: { minutes: 15, look: tests(`${tap} test/gateways/*.test.ts`) },
  races: { minutes: 30, look: tests('npm run --silent races') },
  faults: { minutes: 40, look: faults },
  image: { minutes: 30, look: tests('npm run --silent reproducible') },
  fuzz: { minutes: 5, isTimed: true, look: async ({ run, minutes }) => fromLines(await run(`npm run --silent fuzz -- --seconds ${minutes * 60}`)) },
  'fuzz-http': { minutes: 5, isTimed: true, look: async ({ run, minutes }) => fromTap(await run(`npm run --silent fuzz:http -- --seconds ${minutes * 60}`)) },
  mutation: { minutes: 120, isTimed: true, look: async ({ run, minutes }) => fromMutation(await run(`npm run --silent mutation -- --json --minutes ${minutes}`)) },
  soak: { minutes: 60, isTimed: true, look: soak('soak', 1, 50) },
  day: { minutes: 1440 / fast, isTimed: true, look: soak('day', fast, 2) }
}

function tests (line: string): Part['look'] {
  return async ({ run }) => fromTap(await run(line))
}

async function supply ({ run }: Setting): Promise<Finding> {
  const [sbom, licences] = [await run('npm run --silent sbom'), await run('npm run --silent licences')]
  const tested = fromTap(await run(`${tap} test/supply.test.ts test/packages.test.ts`))
  const counts = Object.entries(Object.groupBy(licences.out.trim().split('\n'), (line) => line.split('\t')[2] ?? '')).map(([licence, lines = []]) => [licence, lines.length])
  const components = sbom.code === 0 ? (JSON.parse(sbom.out) as { components: unknown[] }).components.length : 0
  const failed = Object.entries({ sbom, licences }).filter(([, { code }]) => code !== 0).map(([name, { code }]) => `npm run ${name} ended with ${code}`)
  return { failed: [...failed, ...tested.failed], text: `${components} packages in the SBOM.\n\n${table(['licence', 'packages'], counts)}\n\n${tested.text}` }
}

async function conformance ({ run, owner }: Setting): Promise<Finding> {
  const { url } = await startService(owner)
  return fromConformance(await run('npm run --silent conformance -- --json --destructive', { BASE_URL: url }))
}

async function faults ({ run, folder }: Setting): Promise<Finding> {
  const file = join(folder, 'faults.jsonl')
  const ended = await run(faultsAlone, { EVIDENCE_FILE: file })
  return withFaults(fromTap(ended), textOf(file))
}

/** So many requests a second of the service's own time, which goes so many times as fast as the machine's. */
function soak (name: string, speed: number, rate: number): Part['look'] {
  return async ({ run, folder, minutes, page, date, commit }) => {
    const file = join(folder, 'soak.json')
    const ended = await run(`npm run --silent soak -- --minutes ${minutes * speed} --speed ${speed} --rate ${rate} --out docs/${name}.svg --json ${file}`)
    return fromSoak(ended, textOf(file), sectionOf(page, name), [date, commit], `${name}.svg`)
  }
}

function textOf (path: string): string {
  return globSync(path).map((one) => readFileSync(one, 'utf8')).join('')
}
