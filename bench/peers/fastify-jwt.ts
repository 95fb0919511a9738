import { generateKeyPairSync, randomBytes } from 'node:crypto'
import jwt from '@fastify/jwt'
import Fastify from 'fastify'

/** What guards a route in most Fastify services: @fastify/jwt, by default without a cache. ALG is HS256 or EdDSA, CACHE=1 switches its cache on. */
const alg = process.env.ALG === 'EdDSA' ? 'EdDSA' : 'HS256'
const pem = { publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } } as const
const { publicKey, privateKey } = generateKeyPairSync('ed25519', pem)
const claims = { sub: 'alice', iss: 'http://localhost:3000', aud: 'api', sid: 'a session', roles: [], preferred_username: 'alice' }

const server = Fastify()
await server.register(jwt, {
  secret: alg === 'EdDSA' ? { private: privateKey, public: publicKey } : randomBytes(32).toString('hex'),
  sign: { algorithm: alg, expiresIn: '1h' },
  verify: { algorithms: [alg], ...process.env.CACHE === '1' ? { cache: true } : {} }
})

server.get('/token', () => ({ path: '/hello', headers: { authorization: `Bearer ${server.jwt.sign(claims)}` } }))
server.get('/hello', { schema: { response: { 200: { type: 'object', properties: { message: { type: 'string' } } } } }, onRequest: (request) => request.jwtVerify() }, async (request) => {
  const { preferred_username: name } = request.user as typeof claims
  return { message: `Hello, ${name}! This is a protected resource.` }
})
await server.listen({ port: Number(process.env.PORT) })
