import t from 'tap'
import { connectionConfig } from '../../../plugins/database/postgres-connection.ts'
import { createListener } from '../../../plugins/database/postgres-listener.ts'
import { addressOf, startPostgres } from '../../support/postgres.ts'
import { until } from '../../support/until.ts'

const server = await startPostgres(t)
const url = await server.createDatabase({ empty: true })
const config = connectionConfig({ address: addressOf(url), connectTime: 2000, statementTime: 2000, idleTime: 2000 })
const say = (topic: string) => server.run(`select pg_notify('gatehouse', '${topic}')`, url)

t.test('hears what is said on its channel, and that it may have missed something before', async (t) => {
  const heard: Array<string | null> = []
  const listener = createListener({ config, channel: 'gatehouse', patience: 10, heard: (topic) => heard.push(topic) })
  t.teardown(() => listener.stop())
  listener.start()
  await until(() => heard.length === 1)
  await server.run('select pg_notify(\'another\', \'x\')', url)
  await say('revocations')
  await until(() => heard.length === 2)
  t.same(heard, [null, 'revocations'])
})

t.test('comes back when the server does', async (t) => {
  const heard: Array<string | null> = []
  const listener = createListener({ config, channel: 'gatehouse', patience: 10, heard: (topic) => heard.push(topic) })
  t.teardown(() => listener.stop())
  listener.start()
  await until(() => heard.length === 1)
  await server.stop('at once')
  await server.start()
  await until(() => heard.length === 2)
  await say('again')
  await until(() => heard.length === 3)
  t.same(heard, [null, null, 'again'])
})

t.test('stops while it waits for the server, and before it ever heard of it', async (t) => {
  const heard: Array<string | null> = []
  await server.stop('fast')
  const listener = createListener({ config, channel: 'gatehouse', patience: 10, heard: (topic) => heard.push(topic) })
  await listener.stop()
  listener.start()
  await listener.stop()
  await server.start()
  t.same(heard, [])
})
