import { once } from 'node:events'
import t, { type Test } from 'tap'
import type { Origin } from '../../plugins/origin.ts'
import { alice, build } from '../support/build.ts'
import { dial, listen } from '../support/wire.ts'

/** An app that answers where a request came from. */
async function mirror (t: Test, trustProxy: string) {
  const server = await build(t, {
    environment: { TRUST_PROXY: trustProxy },
    extend: (app) => app.get('/origin', { config: { access: 'public' } }, ({ origin: { ip, network, userAgent, requestId } }) => ({ ip, network, userAgent, requestId }))
  })
  return async (remoteAddress: string, headers: Record<string, string> = {}): Promise<Origin> =>
    (await server.inject({ url: '/origin', remoteAddress, headers })).json()
}

t.test('believes no header where no gateway is trusted', async (t) => {
  const originOf = await mirror(t, '')
  for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'true-client-ip', 'cf-connecting-ip', 'x-client-ip']) {
    t.equal((await originOf('192.0.2.1', { [name]: '203.0.113.9' })).ip, '192.0.2.1', name)
  }
})

t.test('walks X-Forwarded-For from the right past trusted gateways', async (t) => {
  const originOf = await mirror(t, '10.0.0.0/8, 127.0.0.1, fd00::/8')
  const cases: [peer: string, forwarded: string, ip: string][] = [
    ['10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '6.6.6.6, 203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '6.6.6.6, 203.0.113.9, 10.2.3.4', '203.0.113.9'],
    ['10.0.0.1', '6.6.6.6,203.0.113.9,127.0.0.1,10.9.9.9', '203.0.113.9'],
    ['10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['::ffff:10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['fd00::1', '2001:db8::7', '2001:db8::7'],
    ['11.0.0.1', '203.0.113.9', '11.0.0.1'],
    ['192.0.2.1', '203.0.113.9, 10.0.0.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '203.0.113.9', '192.0.2.1'],
    ['10.0.0.1', '::FFFF:203.0.113.9', '203.0.113.9'],
    ['2001:db8::ffff:1', '203.0.113.9', '2001:db8::ffff:1']
  ]
  for (const [peer, forwarded, ip] of cases) t.equal((await originOf(peer, { 'x-forwarded-for': forwarded })).ip, ip, `${forwarded} from ${peer}`)
  t.equal((await originOf('10.0.0.1')).ip, '10.0.0.1', 'a gateway that says nothing')
})

t.test('falls back to the peer where the address is none', async (t) => {
  const originOf = await mirror(t, '10.0.0.1')
  for (const garbage of ['unknown', '_hidden', '1.2.3.4:99', '[2001:db8::7]:99', '"><script>', '999.1.1.1', '1.2.3', '203.0.113.9 ;drop', `${'7, '.repeat(3000)}x`, 'for=203.0.113.9']) {
    t.equal((await originOf('10.0.0.1', { 'x-forwarded-for': garbage })).ip, '10.0.0.1', garbage.slice(0, 30))
  }
})

t.test('drops the zone of an address, which means nothing elsewhere', async (t) => {
  const originOf = await mirror(t, '10.0.0.1')
  for (const zone of ['eth0', '1']) t.match(await originOf('10.0.0.1', { 'x-forwarded-for': `fe80::1%${zone}` }), { ip: 'fe80::1', network: 'fe80::' }, zone)
  for (const garbage of ['a%b', '"><script>']) t.match(await originOf('10.0.0.1', { 'x-forwarded-for': `fe80::1%${garbage}` }), { ip: '10.0.0.1' }, garbage)
  t.equal((await originOf('fe80::2%eth0')).ip, 'fe80::2')
})

t.test('takes an IPv6 network for one, and an IPv4 address for itself however it is written', async (t) => {
  const originOf = await mirror(t, '10.0.0.1')
  const cases: [address: string, network: string][] = [
    ['192.0.2.7', '192.0.2.7'], ['::ffff:192.0.2.7', '192.0.2.7'], ['::FFFF:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2::7', '2001:db8:1:2::'], ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::'], ['2001:0DB8:0001:0002::', '2001:db8:1:2::'], ['2001:db8:1:3::', '2001:db8:1:3::'], ['::1', '::']
  ]
  for (const [address, network] of cases) t.equal((await originOf('10.0.0.1', { 'x-forwarded-for': address })).network, network, address)
})

t.test('warns once, loudly, of a peer that forwards and is not trusted', async (t) => {
  const warnings = async (trustProxy: string, ...requests: Array<[peer: string, headers: Record<string, string>]>) => {
    const log: Array<Record<string, unknown>> = []
    const server = await build(t, { log, environment: { TRUST_PROXY: trustProxy }, extend: (app) => app.get('/origin', { config: { access: 'public' } }, (request) => request.origin) })
    for (const [remoteAddress, headers] of requests) await server.inject({ url: '/origin', remoteAddress, headers })
    return log.filter(({ peer }) => peer !== undefined).map(({ level, peer, msg }) => [level, peer, String(msg).includes('TRUST_PROXY')])
  }
  const forwarded = { 'x-forwarded-for': '203.0.113.9' }
  t.same(await warnings('', ['192.0.2.1', {}], ['192.0.2.2', forwarded], ['192.0.2.3', forwarded]), [[40, '192.0.2.2', true]])
  t.same(await warnings('10.0.0.1', ['10.0.0.1', { 'x-forwarded-for': '203.0.113.9:4711' }], ['10.0.0.1', { 'x-forwarded-for': 'unknown' }]), [[40, '10.0.0.1', true]])
  t.same(await warnings('10.0.0.1', ['10.0.0.1', forwarded], ['10.0.0.1', {}], ['10.0.0.2', forwarded]), [[40, '10.0.0.2', true]])
})

t.test('carries the user agent, cut, and the id of the request', async (t) => {
  const originOf = await mirror(t, '')
  t.strictSame(await originOf('192.0.2.1', { 'user-agent': 'curl/8', 'x-request-id': 'r-1' }), { ip: '192.0.2.1', network: '192.0.2.1', userAgent: 'curl/8', requestId: 'r-1' })
  t.equal((await originOf('192.0.2.1', { 'user-agent': 'x'.repeat(5000) })).userAgent?.length, 256)
})

t.test('tells when the client of a request is gone, with one listener a connection', async (t) => {
  const origins: Origin[] = []
  const server = await build(t, {
    extend: (app) => app.get('/origin', { config: { access: 'public' } }, async (request) => {
      origins.push(request.origin, request.origin)
      return request.origin.signal.aborted
    })
  })
  const { socket, received } = await dial(t, await listen(server))
  for (let i = 1; i <= 3; i++) {
    socket.write('GET /origin HTTP/1.1\r\nHost: a\r\n\r\n')
    while (received().split('false').length <= i) await once(socket, 'data')
  }
  const [signal, ...others] = origins.map(({ signal }) => signal)
  t.equal(others.length, 5)
  t.ok(others.every((other) => other === signal))
  t.equal(signal?.aborted, false, 'one that stays after its answer')
  const gone = once(signal as AbortSignal, 'abort')
  socket.destroy()
  await gone
})

t.test('knows no address and no agent of a client that sent none and is gone', async (t) => {
  const gone = Promise.withResolvers<Origin>()
  const server = await build(t, {
    extend: (app) => app.get('/origin', { config: { access: 'public' } }, async (request, reply) => {
      reply.hijack()
      await once(request.socket, 'close')
      gone.resolve(request.origin)
    })
  })
  const { socket } = await dial(t, await listen(server))
  socket.write('GET /origin HTTP/1.1\r\nHost: a\r\n\r\n', () => socket.destroy())
  t.match(await gone.promise, { ip: '', network: '', userAgent: null, signal: { aborted: true } })
})

t.test('is one address in the log, the audit and the list of sessions', async (t) => {
  const log: Array<Record<string, unknown>> = []
  const server = await build(t, { log, environment: { TRUST_PROXY: '10.0.0.0/8' } })
  const from = { remoteAddress: '::ffff:10.0.0.1', headers: { 'x-forwarded-for': '6.6.6.6, ::ffff:203.0.113.9, 10.0.0.2' } }
  await server.inject({ method: 'POST', url: '/register', payload: alice, ...from })
  const { access_token: token } = (await server.inject({ method: 'POST', url: '/login', payload: alice, ...from })).json()
  const { sessions } = (await server.inject({ url: '/me/sessions', headers: { authorization: `Bearer ${token}` } })).json()
  t.match(sessions, [{ ip: '203.0.113.9' }])
  const addresses = log.filter(({ msg, operation }) => msg === 'audit' || operation === 'login').map(({ ip }) => ip)
  t.same(addresses, ['203.0.113.9', '203.0.113.9', '203.0.113.9'])
})
