import { existsSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import app, { fastifyOptions, inspectDatabase } from '../app.ts'
import { type Config, readConfig } from '../config.ts'
import type { Administrator } from '../plugins/administration.ts'

/** What a command sees of the process it runs in. */
export interface World {
  environment: Readonly<Record<string, string | undefined>>
  /** Standard input; `setRawMode` where it is a terminal. */
  input: Readable & { isTTY?: boolean, setRawMode?: (raw: boolean) => unknown }
  /** Standard output: what was asked for, and nothing else. `columns` where it is a terminal. */
  output: Writable & { isTTY?: boolean, columns?: number }
  /** Standard error: prompts, progress, and why a command failed. */
  errors: Writable & { isTTY?: boolean, columns?: number }
}

/** Who is at the command line, and no request's client. */
export const operator: Administrator = { actor: 'cli', origin: { ip: '', network: '', userAgent: null, requestId: '', signal: new AbortController().signal } }

export interface Circumstances {
  /** For a lost SECRET_KEY. */
  reset?: boolean
  /** No database is made where there is none. */
  existing?: boolean
  /** Nothing of what is there is changed, in passing or otherwise. */
  looking?: boolean
  /** Commands that describe the service need none of its data: nothing of it is opened. */
  describing?: boolean
}

const withoutData = { DATABASE_URL: 'sqlite::memory:', DATABASE_URL_FILE: undefined, SECRET_KEY: undefined, SECRET_KEY_FILE: undefined, SECRET_KEY_PREVIOUS: undefined, SECRET_KEY_PREVIOUS_FILE: undefined }

/** A command makes no administrator in passing, and is not stopped by what the two are: it may be the remedy. */
const withoutFirst = { BOOTSTRAP_ADMIN_USERNAME: undefined, BOOTSTRAP_ADMIN_PASSWORD: undefined, BOOTSTRAP_ADMIN_PASSWORD_FILE: undefined }

/** Runs `work` on the service without its socket: nothing is listened to and nothing is logged, for standard output is the command's own. */
export async function withApp<T> ({ environment }: World, work: (app: FastifyInstance, config: Config) => Promise<T> | T, { reset = false, existing = false, describing = false, looking = false }: Circumstances = {}): Promise<T> {
  const config = readConfig({ ...environment, ...describing ? withoutData : {}, ...withoutFirst, LOG_LEVEL: 'silent', OTEL_EXPORTER_OTLP_ENDPOINT: undefined })
  const { postgres, file } = config.database
  if (existing && postgres === null && (file === null || !existsSync(file))) throw new Error(`There is no database ${file === null ? 'on a disk' : `at ${file}`}`)
  // What is in memory is gone with the command.
  const careful = looking && (postgres !== null || file !== null)
  if (careful) await demandUpToDate(config)
  const service = Fastify(fastifyOptions(config))
  try {
    await service.register(app, { config, reset, looking: careful })
    await service.ready()
    return await work(service, config)
  } finally {
    await service.close()
  }
}

/** A start would migrate it. */
async function demandUpToDate ({ database }: Config): Promise<void> {
  const { there, missing } = await inspectDatabase(database)
  if (!there) throw new Error('There is no database of Gatehouse')
  if (missing.length > 0) throw new Error(`The database lacks ${missing.join(', ')}: "npm run --silent cli -- migrate" brings it up to date`)
}
