import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { liveKeys, textsOf } from './forge.ts'
import { freePort } from './ports.ts'
import type { Owner } from './program.ts'
import { searchFor, secretsIn } from './secrets.ts'
import { type Service, type ServiceOptions, startService } from './service.ts'
import { until } from './until.ts'
import { overheard } from './wiretap.ts'

/** A service that attackers are let at. */
export interface Attacked extends Service {
  /** What must not show anywhere, beside what went over any connection of this process. A test may add others. */
  readonly secrets: Set<string>
  /** What it is measured by, at the end or now. */
  metrics (): Promise<string>
  readonly metricsPort: number
}

/** What a service left, by what it is. */
type Remains = Map<string, string | Buffer>

/** An access token, of which two parts are objects (`{"`), and a refresh token: also those that went over no connection. Less than that occurs in digests by chance. */
const tokens = /eyJ[\w-]{8,}\.eyJ[\w-]{8,}|gr1_[\w-]{40,}/g
/** Passwords, tokens and client secrets that went over any connection so far, and what was refused there. */
const overheardSecrets = new Set<string>()
const refusals: string[] = []

/**
 * Starts one that logs all it can and can be measured. When its test ends it ends too, and the test fails where a secret stands in its log, in the
 * files of its database (its WAL as it was at work), in its metrics or in what it refused with, whatever client the test has used.
 */
export async function startAttacked (t: Owner, options: ServiceOptions = {}): Promise<Attacked> {
  const faults: string[] = []
  // Where a teardown throws, tap fails the test and leaves out the teardowns that remain: this one was the first to be registered and is the last to run.
  t.teardown(() => {
    if (faults.length > 0) throw new Error(`what the service left is not as it should be:\n${faults.join('\n')}`)
  })
  const metricsPort = await freePort()
  const environment = { LOG_LEVEL: 'trace', METRICS_PORT: String(metricsPort), ...options.environment }
  const service = await startService(t, { ...options, environment })
  const secrets = new Set([service.secretKey])
  const remains: Remains = new Map()
  const metrics = async () => (await fetch(`http://127.0.0.1:${environment.METRICS_PORT}/metrics`)).text()
  // A little later than the service itself.
  await until(() => metrics().then(() => true, () => false))
  let looked: Promise<void> | null = null

  /** What is there while it runs and not afterwards. */
  async function look (): Promise<void> {
    remains.set('its metrics', await metrics())
    if (options.environment?.DATABASE_URL !== undefined) return
    const files = readdirSync(service.folder)
    for (const name of ['gatehouse.db', 'gatehouse.db-wal']) if (!files.includes(name)) faults.push(`there is no ${name}: ${files}`)
    const secretKey = options.environment?.SECRET_KEY === '' ? readFileSync(`${service.databaseFile}.secret`, 'utf8').trim() : service.secretKey
    for (const secret of [secretKey, ...liveKeys({ ...service, secretKey }).flatMap(textsOf)]) secrets.add(secret)
    read('at work')
  }

  function read (when: string): void {
    // The one file that is to hold a secret, its owner's alone.
    for (const file of readdirSync(service.folder).filter((name) => !name.endsWith('.secret'))) remains.set(`${file} ${when}`, readFileSync(join(service.folder, file)))
  }

  async function stop (signal?: NodeJS.Signals): Promise<number | null> {
    looked ??= look().catch((error: Error) => { faults.push(`it could not be looked at: ${error.stack}`) })
    await looked
    return service.stop(signal)
  }

  t.teardown(async () => {
    await stop()
    try {
      read('at rest')
      remains.set('its log', service.output())
      faults.push(...leaks(secrets, remains))
    } catch (error) {
      faults.push(`it could not be searched: ${(error as Error).stack}`)
    }
  })
  return { ...service, stop, secrets, metrics, metricsPort }
}

/** Where secrets stand that should not. */
function leaks (own: ReadonlySet<string>, remains: Remains): string[] {
  const { sent, heard } = overheard()
  for (const secret of [...secretsIn(sent), ...secretsIn(heard)]) overheardSecrets.add(secret)
  refusals.push(...heard.split(/(?=HTTP\/1\.[01] \d{3} )/).filter((answer) => /^HTTP\/1\.[01] [45]/.test(answer)))
  const search = searchFor(new Set([...own, ...overheardSecrets]))
  return [...remains, ['what was refused', refusals.join('\n')] as const].flatMap(([what, content]) => {
    const like = content.toString('latin1').match(tokens) ?? []
    return [...new Set([...search(content), ...like])].map((secret) => `${secret} in ${what}`)
  })
}
