import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'
import { bearer } from 'better-auth/plugins'

// A whole service: better-auth on SQLite, in its production settings but for the limit of requests, asked who a bearer token speaks for.
const url = `http://127.0.0.1:${process.env.PORT}`
const auth = betterAuth({
  baseURL: url,
  secret: randomBytes(32).toString('hex'),
  database: new DatabaseSync(process.env.DATABASE_FILE),
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  plugins: [bearer()]
})
await (await getMigrations(auth.options)).runMigrations()
const { token } = await auth.api.signUpEmail({ body: { name: 'alice', email: 'alice@example.com', password: 'correct horse battery staple' } })
const answer = toNodeHandler(auth)

createServer((request, response) => {
  if (request.url !== '/token') return answer(request, response)
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ path: '/api/auth/get-session', headers: { authorization: `Bearer ${token}` } }))
}).listen(Number(process.env.PORT), '127.0.0.1')
