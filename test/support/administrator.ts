import type { FastifyInstance } from 'fastify'
import { alice } from './build.ts'
import { type Pair, signIn } from './calls.ts'

export const root = { username: 'root', password: 'a password of the first administrator' }

/** The first administrator, signed in. */
export async function administrator (server: FastifyInstance, account = root): Promise<Pair> {
  const { id } = await person(server, account)
  await server.users.setRoles(id, ['admin'])
  return signIn(server, account)
}

/** Somebody registered. */
export async function person (server: FastifyInstance, account: { username: string, password?: string, email?: string } = alice): Promise<{ id: string }> {
  const reply = await server.inject({ method: 'POST', url: '/register', payload: { password: alice.password, ...account } })
  if (reply.statusCode !== 201) throw new Error(`${account.username} cannot register: ${reply.body}`)
  return reply.json().user
}
