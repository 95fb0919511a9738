import { once } from 'node:events'
import { createServer, IncomingMessage, type RequestListener, type Server } from 'node:http'
import { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { closingServers, DrainingResponse } from '../../../plugins/drain/response.ts'
import { dial } from '../../support/wire.ts'

async function start (t: Test, answer: RequestListener): Promise<{ server: Server, port: number }> {
  const server = createServer({ ServerResponse: DrainingResponse }, answer)
  t.teardown(() => server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as { port: number }).port }
}

async function ask (t: Test, port: number) {
  const connection = await dial(t, port)
  connection.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  return connection
}

t.test('keeps the connection while its server stays', async (t) => {
  const { port } = await start(t, (_request, response) => response.end('ok'))
  const { socket, received } = await ask(t, port)
  await once(socket, 'data')
  t.match(received(), /\r\nConnection: keep-alive\r\n/)
  socket.destroy()
})

t.test('says that it closes from the moment its server goes away, also to who asked before', async (t) => {
  const { promise: asked, resolve: arrived } = Promise.withResolvers<void>()
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
  const { server, port } = await start(t, async (_request, response) => {
    arrived()
    await finished
    response.writeHead(200, { 'x-more': '1' }).end('ok')
  })
  const before = await ask(t, port)
  await asked
  closingServers.add(server)
  finish()
  const after = await ask(t, port)
  await Promise.all([before, after].map(({ socket }) => once(socket, 'close')))
  for (const text of [before, after].map(({ received }) => received())) {
    t.match(text, /\r\nConnection: close\r\n/)
    t.match(text, /\r\nx-more: 1\r\n/)
    t.notMatch(text, /keep-alive/i)
  }
})

t.test('is an ordinary response where there is no server', async (t) => {
  const response = new DrainingResponse(new IncomingMessage(new Socket())).writeHead(204)
  t.equal(response.statusCode, 204)
  t.equal(response.headersSent, true)
})
