import { randomUUID, randomUUIDv7 } from 'node:crypto'
import Fastify from 'fastify'
import app, { fastifyOptions } from '../app.ts'
import { readConfig } from '../config.ts'
import { alice } from './alice.ts'

/** Good tokens of so many sessions for a service that runs at `url`: signed with its keys, by the same app beside it on its database. */
export async function tokensFor (environment: Record<string, string>, url: string, count: number, { username = alice.username, roles = [] as string[] } = {}): Promise<string[]> {
  const config = readConfig({ ...environment, PORT: new URL(url).port, LOG_LEVEL: 'silent' })
  const { logger: _, ...options } = fastifyOptions(config)
  const signer = Fastify(options)
  await signer.register(app, { config })
  await signer.ready()
  const user = { id: randomUUIDv7(), username, roles }
  const tokens = Array.from({ length: count }, () => signer.tokens.issue({ user, session: { id: randomUUID(), clientId: 'gatehouse', expiresAt: Number.POSITIVE_INFINITY } }).token)
  await signer.close()
  return tokens
}
