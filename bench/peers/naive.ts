import jwt from '@fastify/jwt'
import argon2 from 'argon2'
import Fastify from 'fastify'

/** What a tutorial builds: Fastify, @fastify/jwt and argon2 with the same parameters, on libuv's own pool and with nothing to govern it. */
const parameters = { type: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const
const credentials = { type: 'object', required: ['username', 'password'], properties: { username: { type: 'string' }, password: { type: 'string' } } }

interface Credentials {
  username: string
  password: string
}

const digests = new Map<string, string>()
const server = Fastify()
await server.register(jwt, { secret: 'a secret that only measurements use', sign: { expiresIn: '10m' } })

server.post<{ Body: Credentials }>('/register', { schema: { body: credentials } }, async ({ body: { username, password } }, reply) => {
  digests.set(username, await argon2.hash(password, parameters))
  return reply.code(201).send({ username })
})

server.post<{ Body: Credentials }>('/login', { schema: { body: credentials } }, async ({ body: { username, password } }, reply) => {
  const digest = digests.get(username) ?? digests.values().next().value
  const matches = digest !== undefined && await argon2.verify(digest, password) && digests.has(username)
  if (!matches) return reply.code(401).send({ message: 'Invalid username or password' })
  return { access_token: server.jwt.sign({ sub: username }) }
})

server.get('/protected', async (request) => {
  await request.jwtVerify()
  return { message: 'Hello' }
})

await server.listen({ port: Number(process.env.PORT) })
