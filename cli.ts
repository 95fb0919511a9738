import { Command, CommanderError } from 'commander'
import Fastify, { type FastifyInstance } from 'fastify'
import app, { fastifyOptions } from './app.ts'
import { readConfig } from './config.ts'

const misused = 2

/** Nothing is listened to and nothing but faults is logged: standard output is the command's own. */
async function withApp<T> (environment: Record<string, string | undefined>, work: (app: FastifyInstance) => Promise<T> | T): Promise<T> {
  const config = readConfig({ ...environment, LOG_LEVEL: 'silent' })
  const service = Fastify(fastifyOptions(config))
  try {
    await service.register(app, { config })
    await service.ready()
    return await work(service)
  } finally {
    await service.close()
  }
}

/** The environment for commands that describe the service and need none of its data. */
const describing = { ...process.env, DATABASE_URL: 'sqlite::memory:', DATABASE_URL_FILE: undefined, SECRET_KEY: undefined, SECRET_KEY_FILE: undefined }

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
  .description('print every route: method, address, who may call it, operation')
  .option('--json', 'for programs')
  .action(({ json }: { json?: true }) => withApp(describing, ({ routeTable }) => {
    const routes = routeTable.entries.filter(({ operation }) => operation !== '-')
    print(json === true ? JSON.stringify(routes, null, 2) : columns(routes.map(({ method, url, access, operation }) => [method, url, access, operation])))
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

/** Rows with their cells aligned; nothing is cut. */
function columns (rows: string[][]): string {
  const widths = rows[0]?.map((_cell, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0))) ?? []
  return rows.map((row) => row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ').trimEnd()).join('\n')
}
