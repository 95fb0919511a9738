import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { build } from '../../support/build.ts'
import { listen } from '../../support/wire.ts'

const server = await build(t)
const port = await listen(server)
const ask = 'GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n'

/** Sends at once, and gives how many answers there were until the service hung up, or until there were as many as wanted. */
function answersTo (text: string, wanted: number): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  let heard = ''
  const count = () => heard.split('HTTP/1.1 200 OK').length - 1
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  socket.on('error', () => {}).on('close', () => resolve(count())).on('data', (data: string) => {
    heard += data
    if (count() >= wanted) socket.destroy()
  })
  socket.write(text)
  return promise
}

t.test('answers a hundred requests that came ahead of their answers, again and again', async (t) => {
  t.equal(await answersTo(ask.repeat(101), 101), 101)
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  for (let times = 0; times < 3; times++) {
    let heard = ''
    socket.write(ask.repeat(101))
    while (heard.split('HTTP/1.1 200 OK').length <= 101) heard += String(await new Promise((resolve) => { socket.once('data', resolve) }))
    // Another byte would belong to an answer that nobody asked for.
    await new Promise((resolve) => { setImmediate(resolve) })
  }
})

t.test('hangs up on who sends more, and serves others', async (t) => {
  t.ok(await answersTo(ask.repeat(102), 102) < 102)
  t.ok(await answersTo(ask.repeat(1500), 1500) < 102)
  t.equal(await answersTo(ask, 1), 1)
})

t.test('keeps nothing of a connection whose requests were answered', async (t) => {
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const [served] = await Promise.all([new Promise<Socket>((resolve) => { server.server.once('connection', resolve) }), once(socket, 'connect')])
  const listeners: number[] = []
  for (let times = 0; times < 40; times++) {
    let heard = ''
    socket.write(ask.repeat(2))
    while (heard.split('HTTP/1.1 200 OK').length <= 2) heard += String(await new Promise((resolve) => { socket.once('data', resolve) }))
    listeners.push(served.listenerCount('close'))
  }
  t.equal(Math.max(...listeners.slice(1)), listeners[1], 'however often it asks ahead')
})
