import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { resolve } from 'node:path'
import t from 'tap'
import { answerTo, runHttpCampaign } from './http-campaign.ts'
import type { Sent } from './requests.ts'
import { startWorld } from './world.ts'

// `npm run fuzz:http` goes on for as long as it is told to; this is a few hundred of the same, and all that was ever found.
const corpus: Array<Sent & { statuses: number[] }> = JSON.parse(readFileSync(resolve(import.meta.dirname, 'corpus.json'), 'utf8'))
t.setTimeout(180_000)

const { service, description, holdings } = await startWorld(t)

t.test('answers what was once found as it does since', async (t) => {
  const { token } = await holdings()
  for (const { what, bytes, statuses } of corpus) {
    const { status, why } = await answerTo(service.port, { bytes: bytes.replaceAll('TOKEN', token) })
    t.equal(why, null, what)
    t.ok(statuses.includes(status), `${what}: ${status}`)
  }
})

t.test('answers whatever is sent, in its own shape and never 500', async (t) => {
  const { count, statuses, findings, slowest } = await runHttpCampaign({ port: service.port, seed: 1, description, holdings, patience: 10_000, goesOn: (sent) => sent < 500 })
  t.comment(`${count} requests, ${[...statuses].sort().map(([status, times]) => `${status}: ${times}`).join(', ')}; slowest ${Math.round(slowest)} ms`)
  t.same(findings.map(({ what, why }) => `${what}: ${why}`), [])
  for (const status of [200, 400, 401, 404, 405, 415]) t.ok(statuses.has(status), `${status} was met`)
  t.equal((await fetch(`${service.url}/health/ready`)).status, 200, 'alive')
})

t.test('finds out a service that breaks, tells of its inside, or never answers', async (t) => {
  const faulty = createServer((request, response) => {
    const path = request.url ?? ''
    if (path.startsWith('/login')) response.writeHead(500).end('Error at server.ts:1')
    else if (path.startsWith('/me')) response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not Found</h1>')
    else response.setHeader('x-injected', 'yes').writeHead(200).end()
  })
  await new Promise<void>((listening) => faulty.listen(0, '127.0.0.1', listening))
  t.teardown(() => faulty.close())
  const { port } = faulty.address() as { port: number }
  const { findings } = await runHttpCampaign({ port, seed: 2, description, holdings: async () => ({ token: 'a.b.c', refreshToken: 'r', basic: 'eA==' }), patience: 10_000, goesOn: (sent) => sent < 500 })
  t.equal(findings.length, 10, 'it shows the first few')
  for (const [path, why] of [['/login', 'answered 500'], ['/me', '404: x-content-type-options'], ['/protected', 'a header was injected']] as const) {
    t.equal((await answerTo(port, { bytes: `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n` })).why, why, path)
  }
})

t.test('the service ends in order, with nothing broken in its log', async (t) => {
  t.equal(await service.stop(), 0)
  t.notMatch(service.output(), /"level":60|"msg":"internal"/)
})
