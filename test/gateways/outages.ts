import type { RequestListener } from 'node:http'
import type { Case } from './cases.ts'

const answering = (status: number, headers: Record<string, string> = {}): RequestListener => (_, response) => { response.writeHead(status, headers).end() }

const bad: Array<[what: string, by: 'nobody' | 'silence' | RequestListener]> = [
  ['stopped', 'nobody'], ['too slow', 'silence'], ['answering 503', answering(503, { 'retry-after': '1' })], ['answering 500', answering(500)], ['answering 302', answering(302, { location: '/login' })],
  ['answering 429', answering(429)], ['answering 404', answering(404)], ['hanging up', (request) => { request.socket.destroy() }], ['talking nonsense', (request) => { request.socket.end('nonsense\r\n\r\n') }]
]

/** What may listen where a name or an address leads by mistake: none says who is calling. */
const strangers: Array<[what: string, by: RequestListener]> = [
  ['200 with a page', (_, response) => { response.setHeader('content-type', 'text/html').end('<!doctype html><title>Hello</title>') }],
  ['200 with names and nothing in them', answering(200, { 'x-auth-user-id': '', 'x-auth-client-id': '', 'x-auth-roles': 'admin' })],
  ['204', answering(204)]
]

const named = [...bad.map(([what, by]) => [`Gatehouse ${what}`, by] as const), ...strangers.map(([what, by]) => [`a service that answers ${what} and is not Gatehouse`, by] as const)]

/** Whatever becomes of the service, nobody passes who would not have passed before. */
export const outages: readonly Case[] = named.map(([what, by]) => ({
  name: `${what}: nobody passes unverified`,
  async run (t, { ask, adapter: { mode }, world: { replaceService, restoreService, tokens, application } }) {
    await replaceService(by)
    try {
      const since = performance.now()
      const calls = [ask('/api/orders', tokens.good), ask('/api/admin/x', tokens.good), ...[undefined, 'x.y.z', tokens.bad['expired']].map((token) => ask('/api/orders', token))]
      const [status = 0, ...others] = (await Promise.all(calls)).map(({ status }) => status)
      // mod_oauth2 reads the key set again for a bad signature, waits 15 seconds for it, and has none for a token that comes meanwhile.
      if (by !== 'silence' || mode !== 'verifies') others.push((await ask('/api/orders', tokens.bad['with another payload'])).status)
      t.ok(performance.now() - since < 6_000, 'two seconds are waited for')
      t.same(others.filter((one) => one < 300), [])
      t.equal(application.seen.length, mode === 'asks' ? 0 : 1)
      if (mode === 'asks') t.ok(status >= 300, `a good token: ${status}`)
      else t.equal(status, 200, 'a good token, by the key that the gateway has')
      return mode === 'asks' ? String(status) : 'good tokens pass'
    } finally {
      restoreService()
    }
  }
}))
