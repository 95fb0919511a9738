import Fastify from 'fastify'
import t from 'tap'
import { logOptions } from '../../../plugins/http/log.ts'
import { alice, build } from '../../support/build.ts'

type Line = Record<string, unknown>

function logger (level: string) {
  const lines: string[] = []
  const { logger, ...others } = logOptions(level)
  const { log } = Fastify({ ...others, logger: { ...logger, stream: { write: (line: string) => { lines.push(line) } } } })
  return { log, lines }
}

t.test('writes one JSON object a line, in UTC, whatever is in it', async (t) => {
  const { log, lines } = logger('info')
  log.info({ agent: 'curl\r\n{"level":60}\u0000\u001b[31m' }, 'a message\nof two lines')
  t.equal(lines.length, 1)
  t.match(lines[0], /^\{[^\n\r\0\x1b]+\}\n$/)
  t.match(JSON.parse(lines[0] as string), { level: 30, msg: 'a message\nof two lines', time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ })
})

t.test('redacts every member that may hold a secret, should one be handed over', async (t) => {
  const { log, lines } = logger('trace')
  const secrets = Object.fromEntries(['password', 'current_password', 'new_password', 'access_token', 'refresh_token', 'token', 'secret', 'client_secret', 'authorization', 'cookie'].map((name) => [name, 'hunter2']))
  log.trace(secrets)
  log.error({ body: secrets, headers: secrets })
  t.equal(lines.length, 2)
  t.notMatch(lines.join(''), 'hunter2')
  t.match(JSON.parse(lines[1] as string), { body: { password: '[redacted]' }, headers: { authorization: '[redacted]' } })
})

t.test('writes no request and no reply as a whole', async (t) => {
  const { log, lines } = logger('info')
  log.info({ req: { url: '/?password=hunter2' }, res: { headers: 'hunter2' } })
  t.notMatch(lines[0], 'hunter2')
})

t.test('writes what is severe enough', async (t) => {
  const { log, lines } = logger('warn')
  log.info('less')
  log.warn('enough')
  t.same(lines.map((line) => JSON.parse(line).msg), ['enough'])
})

t.test('writes one line an answered request, without its address', async (t) => {
  const log: Line[] = []
  const server = await build(t, { log })
  const headers = { 'x-request-id': 'r-1', 'user-agent': 'hunter2' }
  await server.inject({ url: '/health/live?password=hunter2', headers, remoteAddress: '192.0.2.9' })
  await server.inject({ url: '/nothing/hunter2', headers })
  await server.inject({ method: 'POST', url: '/login', payload: { ...alice, username: 'hunter2' }, headers })
  const answered = log.filter(({ msg }) => msg === 'answered')
  t.match(answered, [
    { level: 30, reqId: 'r-1', operation: 'live', method: 'GET', status: 200, ip: '192.0.2.9', milliseconds: Number },
    { level: 30, reqId: 'r-1', operation: null, method: 'GET', status: 404 },
    { level: 30, reqId: 'r-1', operation: 'login', method: 'POST', status: 401 }
  ])
  t.notMatch(JSON.stringify(log), 'hunter2')
})
