// Another service, beside Gatehouse: it believes the tokens that Gatehouse signs and asks it for nothing but its keys.
// docs/tokens.md says how to run it. In a clone, with Gatehouse on port 3000: npm run example
import Fastify from 'fastify'
import verifier from 'gatehouse/verifier'

const { ISSUER = 'http://localhost:3000', AUDIENCE = 'api', PORT = '4000' } = process.env

const app = Fastify({ logger: true })

// Everything registered from here on has to say who may call it: the service does not start where a route forgets.
await app.register(verifier, { issuer: ISSUER, audience: AUDIENCE })

app.get('/', { config: { access: 'public' } }, async () => ({ message: 'Orders are at /orders, for whoever shows a token.' }))

app.get('/orders', { config: { access: 'user' } }, async ({ identity: { userId, username } }) => {
  // Keep what belongs to a user by its id: a name may change hands, an id never does.
  return { user_id: userId, username, orders: [] }
})

await app.listen({ port: Number(PORT) })
