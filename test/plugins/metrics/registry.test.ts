import t from 'tap'
import { createRegistry } from '../../../plugins/metrics/registry.ts'
import { figure } from '../../support/metrics.ts'

t.test('takes answers by operation and status, and sign-ins by what became of them', async (t) => {
  const registry = createRegistry()
  for (const [operation, status] of [['login', 200], ['login', 401], ['login', 418], ['me', 200], ['me', 200]] as const) registry.measure(operation, status, 0.25)
  const text = await registry.text()
  t.strictSame(['success', 'failure', 'other', 'refused'].map((outcome) => figure(text, 'gatehouse_logins_total', { outcome })), [1, 1, 1, null])
  t.strictSame([figure(text, 'gatehouse_requests_total', { operation: 'me', status: '200' }), figure(text, 'gatehouse_request_duration_seconds_sum', { operation: 'me' })], [2, 0.5])
  t.match(registry.contentType, /^text\/plain/)
})

t.test('has nothing in common with another', async (t) => {
  const [one, other] = [createRegistry(), createRegistry()]
  one.count('authn_login_fail')
  t.equal(figure(await one.text(), 'gatehouse_events_total', { event: 'authn_login_fail', limit: '' }), 1)
  t.notMatch(await other.text(), /authn_login_fail/)
})

t.test('looks at the process of its own accord once a second', async (t) => {
  const intervals = t.capture(globalThis, 'setInterval', globalThis.setInterval)
  createRegistry()
  t.strictSame(intervals().map(({ args: [, milliseconds] }) => milliseconds), [1000])
})
