import Fastify from 'fastify'
import t from 'tap'
import { RequestLogger } from '../../../plugins/http/request-logger.ts'

function parent (level: string) {
  const lines: Array<Record<string, unknown>> = []
  const { log } = Fastify({ logger: { level, stream: { write: (line: string) => { lines.push(JSON.parse(line)) } } } })
  return { log, lines }
}

t.test('writes every line of a request with its id, at every level', async (t) => {
  const { log, lines } = parent('trace')
  const logger = new RequestLogger(log, 'r-1')
  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) logger[level]({ word: level }, 'said')
  logger.info('a text of its own')
  logger.silent()
  t.same(lines.map(({ level, reqId, word, msg }) => [level, reqId, word, msg]), [
    [10, 'r-1', 'trace', 'said'], [20, 'r-1', 'debug', 'said'], [30, 'r-1', 'info', 'said'], [40, 'r-1', 'warn', 'said'],
    [50, 'r-1', 'error', 'said'], [60, 'r-1', 'fatal', 'said'], [30, 'r-1', undefined, 'a text of its own']
  ])
})

t.test('writes nothing below the level, and says what that is', async (t) => {
  const { log, lines } = parent('warn')
  const logger = new RequestLogger(log, 'r-1')
  logger.info({ word: 'lost' }, 'said')
  t.same(lines, [])
  t.equal(logger.level, 'warn')
  t.equal(logger.isLevelEnabled('info'), false)
  t.equal(logger.isLevelEnabled('warn'), true)
})

t.test('writes all to a log that knows no levels', async (t) => {
  const written: unknown[] = []
  const logger = new RequestLogger({ info: (...line: unknown[]) => { written.push(line) } } as never, 'r-1')
  logger.info('said')
  t.same(written, [[{ reqId: 'r-1' }, 'said']])
})

t.test('hands its id to a child', async (t) => {
  const { log, lines } = parent('info')
  new RequestLogger(log, 'r-1').child({ part: 'one' }).info('said')
  t.match(lines[0], { reqId: 'r-1', part: 'one', msg: 'said' })
})
