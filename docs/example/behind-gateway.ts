// An application behind a gateway: it looks at no token, and believes the headers that the gateway sets from Gatehouse's answer.
// It has to be where the gateway alone reaches it. npm run demo:gateway starts all three.
import { createServer } from 'node:http'

const { PORT = '8080' } = process.env

const server = createServer(({ headers, url }, response) => {
  // Keep what belongs to a user by its id: a name may change hands, an id never does.
  const userId = headers['x-auth-user-id'] ?? ''
  // Nobody comes here without a caller but by going around the gateway; a client's own token has no user.
  const [status, body] = userId === '' ? [403, { message: 'This is for users.' }] : [200, { user_id: userId, username: headers['x-auth-username'], path: url, orders: [] }]
  response.writeHead(Number(status), { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body))
})

server.listen(Number(PORT), '127.0.0.1')
