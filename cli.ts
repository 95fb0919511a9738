import { existsSync, readFileSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError } from 'commander'
import Fastify, { type FastifyInstance } from 'fastify'
import app, { fastifyOptions } from './app.ts'
import { type Config, readConfig, readPostgresUrl } from './config.ts'
import type { Client } from './plugins/clients.ts'
import type { KeyReport } from './plugins/keys.ts'

interface Json {
  json?: true
}

const misused = 2

/** Rows between two lines about a long way. */
const progressStep = 50_000

/** Nothing is listened to and nothing but faults is logged: standard output is the command's own. With `existing`, no database is made where there is none. */
async function withApp<T> (environment: Record<string, string | undefined>, work: (app: FastifyInstance, config: Config) => Promise<T> | T, { existing = false, ...options }: { reset?: boolean, existing?: boolean } = {}): Promise<T> {
  const config = readConfig({ ...environment, LOG_LEVEL: 'silent', OTEL_EXPORTER_OTLP_ENDPOINT: undefined })
  const { postgres, file } = config.database
  if (existing && postgres === null && (file === null || !existsSync(file))) throw new Error(`There is no database ${file === null ? 'on a disk' : `at ${file}`}`)
  const service = Fastify(fastifyOptions(config))
  try {
    await service.register(app, { config, ...options })
    await service.ready()
    return await work(service, config)
  } finally {
    await service.close()
  }
}

/** The environment for commands that describe the service and need none of its data. */
const describing = { ...process.env, DATABASE_URL: 'sqlite::memory:', DATABASE_URL_FILE: undefined, SECRET_KEY: undefined, SECRET_KEY_FILE: undefined, SECRET_KEY_PREVIOUS: undefined, SECRET_KEY_PREVIOUS_FILE: undefined }

const program = new Command('cli')
  .description('What the HTTP interface does, on the same configuration, without a socket.')
  .exitOverride()
  .showHelpAfterError()

program.command('migrate')
  .description('bring the database up to date, as a start does; or copy it to PostgreSQL')
  .option('--to <url>', 'copy the SQLite database that DATABASE_URL names, with all that is in it, to this empty PostgreSQL one')
  .option('--to-file <file>', 'the same, with the address in a file, so that its password is in no list of processes')
  .option('--json', 'for programs: how many rows were copied, by table')
  .addHelpText('after', `
Stop the service first: what would write meanwhile is answered 503. The source stays as it is.

Examples:
  cli migrate
  cli migrate --to postgres://gatehouse:PASSWORD@db.internal/gatehouse
  cli migrate --to-file /run/secrets/database-url`)
  .action(async ({ to, toFile, json }: Json & { to?: string, toFile?: string }, command: Command) => {
    if (to !== undefined && toFile !== undefined) command.error('error: one of --to and --to-file is enough')
    if (to === undefined && toFile === undefined) return withApp(process.env, () => print('The database is up to date.'))
    const target = addressOf(to ?? readFileSync(toFile as string, 'utf8').trim(), command)
    return withApp(process.env, async (service) => {
      const rows = await service.database.moveTo(target, ({ table, done, total }) => {
        if (done === total || done % progressStep === 0) process.stderr.write(`${table}: ${done} of ${total}\n`)
      })
      print(json === true ? JSON.stringify(rows, null, 2) : 'Everything is there. Set DATABASE_URL to the new address and SECRET_KEY to the secret used until now, then start the service.')
    }, { existing: true })
  })

program.command('backup <file>')
  .description('copy the SQLite database to a new file, beside a running service')
  .addHelpText('after', `
Example:
  cli backup /backups/gatehouse-$(date +%F).db`)
  .action((file: string) => withApp(process.env, async (service, { secrets }) => {
    await service.database.backUp(file)
    print(`The backup is ${file}.`)
    if (secrets.secretKey === null) print(`It is of no use without ${secrets.databaseFile}.secret: keep a copy of that elsewhere.`)
  }, { existing: true }))

program.command('sessions')
  .description('sessions and their tokens')
  .command('revoke [name]')
  .description('end sessions: all of one user, or all that anybody began before a time')
  .option('--before <time>', 'everybody\'s sessions begun before this time (RFC 3339), as after a restore', moment)
  .option('--json', 'for programs')
  .addHelpText('after', `
Examples:
  cli sessions revoke alice
  cli sessions revoke --before 2026-03-01T12:00:00Z`)
  .action((name: string | undefined, { before, json }: Json & { before?: number }, command: Command) => {
    if ((name === undefined) === (before === undefined)) command.error('error: either a name or --before')
    return withApp(process.env, async ({ signOut }) => {
      const ended = before === undefined ? await signOut.endAllOf(name as string) : await signOut.endBefore(before)
      print(json === true ? JSON.stringify({ ended }) : `Sessions ended: ${ended}.`)
    }, { existing: true })
  })

program.command('openapi')
  .description('print the description of the HTTP interface')
  .action(() => withApp(describing, (service) => print(JSON.stringify(service.swagger(), null, 2))))

program.command('routes')
  .description('print every route: method, address, who may call it, what limits it, operation')
  .option('--json', 'for programs')
  .action(({ json }: Json) => withApp(describing, ({ routeTable }) => {
    const routes = routeTable.entries.filter(({ operation }) => operation !== '-')
    print(json === true ? JSON.stringify(routes, null, 2) : columns(routes.map(({ method, url, access, limit, operation }) => [method, url, access, limit ?? '-', operation])))
  }))

const keys = program.command('keys').description('the signing keys')

keys.command('list')
  .description('every key and where it stands')
  .option('--json', 'for programs')
  .action(({ json }: Json) => withApp(process.env, (service) => printKeys(service.keys.list(), json)))

keys.command('rotate')
  .description('let the next key sign as soon as it has been published for KEY_LEAD')
  .option('--now', 'at once: verifiers that cache the key set may not know it yet')
  .option('--json', 'for programs')
  .action(({ now = false, json }: Json & { now?: boolean }) => withApp(process.env, async (service) => printKeys(await service.keys.rotate({ now }), json)))

keys.command('revoke <kid>')
  .description('for a stolen key: its tokens are refused at once')
  .action((kid: string) => withApp(process.env, async (service) => {
    await service.keys.revoke(kid)
    print('The key is gone; another one signs.')
  }))

keys.command('export [kid]')
  .description('print the public key set as JSON, or one public key as PEM')
  .action((kid?: string) => withApp(process.env, (service) => {
    print(kid === undefined ? JSON.stringify(service.keys.jwks(), null, 2) : service.discovery.pem(`${kid}.pem`).trimEnd())
  }))

keys.command('reset')
  .description('for a lost SECRET_KEY: new keys, every session ended, passwords kept')
  .requiredOption('--yes', 'nobody stays signed in')
  .action(() => withApp(process.env, async (service) => {
    const ended = await service.sessions.reset()
    print(`New keys sign from now on; sessions ended: ${ended}.`)
  }, { reset: true }))

const clients = program.command('clients').description('registered clients')

clients.command('create <name>')
  .description('register a client; its secret is printed this once')
  .option('--scope <scope>', 'a scope that the client holds; may be repeated', (scope: string, held: string[]) => [...held, scope], [])
  .option('--json', 'for programs')
  .action((name: string, { scope, json }: Json & { scope: string[] }) => withApp(process.env, async (service) => printSecret(await service.clients.create(name, scope), json)))

clients.command('list')
  .description('every client')
  .option('--json', 'for programs')
  .action(({ json }: Json) => withApp(process.env, async (service) => {
    const rows = (await service.clients.list()).map(({ id, name, scopes, createdAt }) => ({ client_id: id, name, scopes, created_at: time(createdAt) }))
    print(json === true ? JSON.stringify({ clients: rows }, null, 2) : table(rows.map(({ scopes, ...row }) => ({ ...row, scopes: scopes.join(' ') }))))
  }))

clients.command('rotate <id>')
  .description('give a client a new secret; it is printed this once')
  .option('--overlap <seconds>', 'how long the old secret is good beside it, at most 7 days', '0')
  .option('--json', 'for programs')
  .action((id: string, { overlap, json }: Json & { overlap: string }) => withApp(process.env, async (service) => printSecret(await service.clients.rotate(id, Number(overlap)), json)))

clients.command('delete <id>')
  .description('delete a client; its tokens are refused at once')
  .action((id: string) => withApp(process.env, async (service) => {
    await service.clients.remove(id)
    print('The client is gone.')
  }))

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : misused
  else fail(error as Error)
}

/** An operator may know why the database did not answer; a client is not told. */
function fail ({ message, cause, code }: Error & { code?: string }): void {
  const why = code === 'unavailable' && cause instanceof Error ? ` (${cause.message})` : ''
  process.stderr.write(`gatehouse: ${message}${why}\n`)
  process.exitCode = 1
}

function print (text: string): void {
  process.stdout.write(`${text}\n`)
}

/** In milliseconds since 1970. */
function moment (given: string): number {
  const milliseconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i.test(given) ? Date.parse(given.toUpperCase()) : Number.NaN
  if (Number.isNaN(milliseconds)) throw new InvalidArgumentError('A time is written 2026-03-01T12:00:00Z.')
  return milliseconds
}

/** Not read by Commander, which would print what was given, its password too. */
function addressOf (given: string, command: Command): ReturnType<typeof readPostgresUrl> {
  try {
    return readPostgresUrl(given)
  } catch (error) {
    return command.error(`error: the address of the target ${(error as Error).message}`)
  }
}

function printKeys (reports: readonly KeyReport[], json: true | undefined): void {
  const rows = reports.map(({ kid, alg, state, createdAt, signsFrom, endsAt }) => ({
    kid, alg, state, created_at: time(createdAt), signs_from: time(signsFrom), ends_at: endsAt === null ? null : time(endsAt)
  }))
  print(json === true ? JSON.stringify({ keys: rows }, null, 2) : table(rows))
}

function printSecret ({ client: { id, name, scopes, createdAt }, secret }: { client: Client, secret: string }, json: true | undefined): void {
  const row = { client_id: id, client_secret: secret, name, scopes, created_at: time(createdAt) }
  print(json === true ? JSON.stringify(row, null, 2) : columns(Object.entries({ ...row, scopes: scopes.join(' ') })))
}

function time (milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

function table (rows: ReadonlyArray<Record<string, string | null>>): string {
  return columns([...rows.slice(0, 1).map((row) => Object.keys(row)), ...rows.map((row) => Object.values(row).map((value) => value ?? '-'))])
}

/** Rows with their cells aligned; nothing is cut. */
function columns (rows: string[][]): string {
  const widths = rows.reduce<number[]>((widest, row) => row.map(({ length }, index) => Math.max(length, widest[index] ?? 0)), [])
  return rows.map((row) => row.map((cell, index) => cell.padEnd(widths[index] as number)).join('  ').trimEnd()).join('\n')
}
