import { Command, CommanderError } from 'commander'
import Fastify, { type FastifyInstance } from 'fastify'
import app, { fastifyOptions } from './app.ts'
import { readConfig } from './config.ts'
import type { Client } from './plugins/clients.ts'
import type { KeyReport } from './plugins/keys.ts'

interface Json {
  json?: true
}

const misused = 2

/** Nothing is listened to and nothing but faults is logged: standard output is the command's own. */
async function withApp<T> (environment: Record<string, string | undefined>, work: (app: FastifyInstance) => Promise<T> | T, options: { reset?: boolean } = {}): Promise<T> {
  const config = readConfig({ ...environment, LOG_LEVEL: 'silent' })
  const service = Fastify(fastifyOptions(config))
  try {
    await service.register(app, { config, ...options })
    await service.ready()
    return await work(service)
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
  .description('bring the database up to date, as a start does')
  .action(() => withApp(process.env, () => print('The database is up to date.')))

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

function fail ({ message }: Error): void {
  process.stderr.write(`gatehouse: ${message}\n`)
  process.exitCode = 1
}

function print (text: string): void {
  process.stdout.write(`${text}\n`)
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
