import { randomUUID } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import app, { fastifyOptions } from '../app.ts'
import { readConfig } from '../config.ts'

/** The whole service in this process, without a socket, on a database in memory. */
export async function createService (environment: Record<string, string> = {}): Promise<FastifyInstance> {
  const config = readConfig({ DATABASE_URL: 'sqlite::memory:', LOG_LEVEL: 'silent', ...environment })
  const service = Fastify(fastifyOptions(config))
  await service.register(app, { config })
  await service.ready()
  return service
}

/** A token of alice's that nobody has seen yet. */
export function issue ({ tokens }: FastifyInstance): string {
  const user = { id: randomUUID(), username: 'alice', email: null, passwordHash: null, disabled: false, roles: [], createdAt: 0 }
  const session = { id: randomUUID(), clientId: 'gatehouse', expiresAt: Number.POSITIVE_INFINITY }
  return tokens.issue({ user, session }).token
}
