import { randomBytes } from 'node:crypto'
import express from 'express'
import jsonwebtoken from 'jsonwebtoken'

// What most tutorials build: Express and jsonwebtoken, HS256.
const secret = randomBytes(32).toString('hex')
const claims = { sub: 'alice', iss: 'http://localhost:3000', aud: 'api', sid: 'a session', roles: [], preferred_username: 'alice' }
const server = express()

server.get('/token', (_request, response) => {
  response.json({ path: '/hello', headers: { authorization: `Bearer ${jsonwebtoken.sign(claims, secret, { expiresIn: '1h' })}` } })
})
server.get('/hello', (request, response) => {
  const { preferred_username: name } = jsonwebtoken.verify(request.headers.authorization.slice('Bearer '.length), secret, { algorithms: ['HS256'] })
  response.json({ message: `Hello, ${name}! This is a protected resource.` })
})
server.listen(Number(process.env.PORT), '127.0.0.1')
