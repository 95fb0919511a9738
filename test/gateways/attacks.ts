import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import type { HeaderLine } from '../support/http.ts'
import { spoof } from './application.ts'
import type { Case } from './cases.ts'
import { requestLines } from './request-lines.ts'
import { say, statusesIn } from './world.ts'

const words = [['user', 'id'], ['username'], ['session', 'id'], ['client', 'id'], ['roles'], ['scopes']]
const separators = ['-', '_', '.', '--', '__', '-_', '_-']

/** Every name of a caller's header with every separator, also with different ones, in several cases, and names that nobody uses. */
export const spellings: string[] = [
  ...'.!#$%&\'*+^`|~'.split('').flatMap((sign) => [`X${sign}Auth-User-Id`, `X-Auth${sign}User${sign}Id`, `X${sign}-Auth${sign}Roles`, `${sign}X-Auth-User-Id`]),
  ...words.flatMap((rest) => separators.flatMap((first) => separators.slice(0, 4).map((last) => `X${first}Auth${first}${rest.join(last)}`))),
  'x-auth-user-id', 'X-AUTH-USER-ID', 'x_auth-user_id', 'X-Auth_User-Id', 'X-Auth-User--Id', 'X--Auth-Roles', 'X-Auth--Roles', 'X-Auth-Session--Id', 'X--Auth-User--Id', 'X-Auth--User-Id'
]

/** Names of hyphens and letters alone, which are nobody's: nginx, which knows no pattern for names, lets them pass. */
const strange = ['X---Auth-User-Id', 'X-Auth---User-Id', 'XAuth-User-Id', 'XAuthUserId', '-X-Auth-User-Id', 'X--Auth---Roles', 'XAuthRoles']

/** Names by which other proxies tell of a caller, of an address or of a path: what an application may believe beside the six. */
const aliases = ['X-Auth-User', 'X-Auth-Email', 'X-Auth-Role', 'Remote-User', 'X-Remote-User', 'X-Forwarded-User', 'X-Forwarded-Email', 'X-Forwarded-Groups', 'X-Forwarded-Method', 'X-Forwarded-Port', 'X-Forwarded-Scheme', 'X-Original-Path', 'X-Envoy-Original-Path', 'True-Client-IP', 'Remote_User', 'X_Remote_User', 'X_Forwarded_User']

const strangers: Case = {
  name: 'the same with three hyphens, with none, or with one ahead',
  async run (t, { ask, adapter, world: { tokens, application, target: { alice } } }) {
    for (const name of strange) {
      const { status, saw } = await ask('/api/orders', tokens.good, { headers: [[name, spoof]] })
      t.ok([200, 400].includes(status), `${name}: ${status}`)
      if (status === 200) t.equal(saw?.headers['x-auth-user-id'], alice.user.id, name)
      t.equal((await ask('/api/orders', undefined, { headers: [[name, spoof]] })).status === 200, false, name)
    }
    if (adapter.name !== 'nginx') return 'yes'
    t.equal(application.faults().length, strange.length, 'beside the six, which are the gateway\'s')
    application.forget()
    return 'passed on, beside the six'
  }
}

const trailers: Case = {
  name: 'trailers: none of a client\'s reaches the application',
  async run (t, { adapter, gateway, world: { tokens, application } }) {
    const text = await say(gateway.port, `POST /api/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${tokens.good}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Auth-User-Id\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\nX-Auth-User-Id: ${spoof}\r\n\r\n`)
    t.same(statusesIn(text), [200])
    t.match(application.seen, [{ length: 5 }])
    if (!adapter.name.startsWith('haproxy')) return 'yes'
    t.same(application.seen[0]?.trailers, [['x-auth-user-id', spoof]])
    application.forget()
    return 'passed on as trailers'
  }
}

const expectations: Case = {
  name: 'Expect: 100-continue: a body is asked for with a good token alone',
  async run (t, { gateway, world: { tokens, application } }) {
    const request = (token: string) => `POST /api/upload HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`
    t.equal(statusesIn(await say(gateway.port, request('x.y.z')))[0], 401)
    t.equal(application.seen.length, 0)
    const text = await say(gateway.port, [request(tokens.good), 'hello'])
    t.same(statusesIn(text), [100, 200])
    t.match(application.seen, [{ length: 5 }])
  }
}

const spoofs: Case = {
  name: 'identity headers that a client made up, in every spelling, reach nobody',
  async run (t, { ask, adapter, gateway, world: { tokens, application, target: { alice } } }) {
    for (const name of spellings) {
      const headers: HeaderLine[] = [[name, spoof], [name, `${spoof} admin`]]
      const { status, saw } = await ask('/api/orders', tokens.good, { headers })
      t.ok([200, 400].includes(status), `${name}: ${status}`)
      if (status === 200) t.equal(saw?.headers['x-auth-user-id'], alice.user.id, name)
      t.equal((await ask('/api/orders', undefined, { headers })).status === 200, false, name)
      t.ok([400, 403].includes((await ask('/api/admin/x', tokens.good, { headers: [[name, 'admin']] })).status), name)
    }
    const from: HeaderLine[] = ['X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Real-IP', 'Forwarded', 'X-Original-URL', 'X-Original-URI', 'X-Rewrite-URL', 'X-Forwarded-Uri', 'X-Forwarded-Prefix', 'Proxy'].map((name) => [name, spoof])
    t.equal((await ask('/api/orders', tokens.good, { headers: from })).status, 200, 'where it comes from is the gateway\'s word too: the application looks')
    for (const name of [...aliases, 'X_Forwarded_For', 'X-Forwarded_For', 'X.Forwarded.For', 'X_Forwarded-Host', 'X_Real_IP', 'X-Real_IP', 'X.Original.URL', 'X_Original_URI', 'X-Rewrite_URL', 'X_Forwarded_Prefix']) {
      const { status } = await ask('/api/orders', tokens.good, { headers: [[name, spoof]] })
      t.ok([200, 400].includes(status), `${name}: ${status}`)
    }
    // mod_oauth2's own names for claims.
    if (adapter.name === 'apache') for (const name of ['OAUTH2_CLAIM_sub', 'OAuth2-Claim-Roles']) t.equal((await ask('/api/orders', tokens.good, { headers: [[name, spoof]] })).status, 400, name)
    const request = (lines: string) => `GET /api/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${tokens.good}\r\n${lines}Connection: close\r\n\r\n`
    for (const lines of [
      `X-Auth-User-Id : ${spoof}\r\n`, `X-Auth-User-Id\t: ${spoof}\r\n`, ` X-Auth-User-Id: ${spoof}\r\n`, `A: b\r\n X-Auth-User-Id: ${spoof}\r\n`, `A: b\rX-Auth-User-Id: ${spoof}\r\n`,
      `A: b\nX-Auth-User-Id: ${spoof}\r\n`, `A: b\0\r\nX-Auth-User-Id: ${spoof}\r\n`, `X-Auth-User-Id:${spoof}\r\n`, `X-Auth-User-Id\0: ${spoof}\r\n`, `X-Auth-User-\xcfd: ${spoof}\r\n`
    ]) await say(gateway.port, request(lines), 200)
    t.same(application.faults(), [])
  }
}

const hops: Case = {
  name: 'Connection cannot take an identity header away',
  async run (t, { ask, world: { tokens } }) {
    for (const value of ['X-Auth-User-Id', 'close, x-auth-user-id, x-auth-roles', 'keep-alive, X-Auth-Client-Id', 'X-Auth-User-Id, upgrade']) {
      const { status, saw } = await ask('/api/orders', tokens.good, { headers: [['Connection', value]] })
      t.ok(status === 400 || (saw?.headers['x-auth-user-id'] !== undefined && !/auth/i.test(saw.headers['connection'] ?? '')), value)
    }
  }
}

const smuggling: Case = {
  name: 'smuggling shapes: nothing reaches the application beside what was asked about',
  async run (t, { gateway, world: { tokens, application } }) {
    const hidden = 'GET /api/hidden HTTP/1.1\r\nHost: a\r\nX-Auth-User-Id: spoofed\r\n\r\n'
    const bearer = `Authorization: Bearer ${tokens.good}\r\n`
    const chunked = (framing: string) => `POST /api/orders HTTP/1.1\r\nHost: a\r\n${bearer}${framing}\r\n0\r\n\r\n${hidden}`
    const sized = (framing: string) => `POST /api/orders HTTP/1.1\r\nHost: a\r\n${bearer}${framing}\r\n${hidden}`
    const shapes = [
      chunked(`Content-Length: ${5 + hidden.length}\r\nTransfer-Encoding: chunked\r\n`), chunked(`Transfer-Encoding: chunked\r\nContent-Length: ${5 + hidden.length}\r\n`), chunked('Transfer-Encoding: xchunked\r\n'), chunked('Transfer-Encoding : chunked\r\n'), chunked('Transfer-Encoding:\tchunked\r\n'),
      chunked('Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n'), chunked('Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n'), chunked('Transfer-Encoding: chunked, identity\r\n'), chunked('Transfer-Encoding: identity, chunked\r\n'), chunked('Transfer-Encoding: "chunked"\r\n'),
      chunked('X: y\rTransfer-Encoding: chunked\r\n'), chunked('X: y\nTransfer-Encoding: chunked\n'), chunked(' Transfer-Encoding: chunked\r\n'), chunked(`Content-Length: ${5 + hidden.length}\r\nTransfer-Encoding:\0chunked\r\n`), chunked('Transfer-Encoding: chunked\x0b\r\n'), chunked(`Transfer_Encoding: chunked\r\nContent-Length: ${5 + hidden.length}\r\n`),
      sized('Content-Length: 0\r\nContent-Length: 71\r\n'), sized('Content-Length: 71\r\nContent-Length: 0\r\n'), sized('Content-Length: +71\r\n'), sized('Content-Length: 0, 71\r\n'), sized('Content-Length: -1\r\n'), sized('Content-Length : 71\r\n'), sized('Content-Length: 7 1\r\n'), sized('Content-Length: 0x47\r\n'), sized('Content_Length: 71\r\n'),
      `GET /api/orders HTTP/1.1\r\nHost: a\r\n${bearer}Content-Length: ${hidden.length}\r\n\r\n${hidden}`, `GET /api/orders HTTP/1.0\r\nHost: a\r\n${bearer}Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n${hidden}`,
      `POST /api/orders HTTP/1.1\r\nHost: a\r\n${bearer}Transfer-Encoding: chunked\r\n\r\n5;a=\nb\r\nhello\r\n0\r\n\r\n${hidden}`, `POST /api/orders HTTP/1.1\r\nHost: a\r\n${bearer}Transfer-Encoding: chunked\r\n\r\n2\r\nxx47\r\n0\r\n\r\n${hidden}`,
      `POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: ${5 + hidden.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`, `POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`, `GET /api/orders HTTP/1.1\r\nHost: a\r\n${bearer}Expect: 100-continue\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`
    ]
    for (const shape of shapes) {
      application.forget()
      await say(gateway.port, shape, 200)
      t.same(application.seen.filter(({ url }) => url.includes('hidden')).map(({ url }) => url), [], JSON.stringify(shape.slice(60).replace(tokens.good, '…').slice(0, 160)))
      t.same(application.faults(), [])
      // What was left on the application's connection would come out with the next request of somebody else.
      await say(gateway.port, `GET /api/next HTTP/1.1\r\nHost: a\r\n${bearer}Connection: close\r\n\r\n`, 1000)
      t.same(application.seen.filter(({ url }) => url.includes('hidden')), [])
    }
  }
}

const bodies: Case = {
  name: 'a body of 1 MiB passes whole, with a length and in chunks; without a token not at all',
  async run (t, { ask, gateway, world: { tokens } }) {
    const body = 'gatehouse'.repeat(120_000).slice(0, 1_048_576)
    const digest = createHash('sha256').update(body).digest('hex')
    const counted = await ask('/api/upload', tokens.good, { method: 'POST', body })
    t.match(counted.saw, { length: 1_048_576, digest }, 'counted')
    const chunked = await fetch(`http://127.0.0.1:${gateway.port}/api/upload`, { method: 'POST', headers: { authorization: `Bearer ${tokens.good}` }, body: new Blob([body]).stream(), duplex: 'half' } as RequestInit)
    t.match(await chunked.json(), { length: 1_048_576, digest }, 'in chunks')
    t.equal((await ask('/api/upload', undefined, { method: 'POST', body: body.slice(0, 10_000) })).status, 401)
  }
}

const largeHeaders: Case = {
  name: 'large headers: 6 KiB of cookies pass, 200 KiB are refused',
  async run (t, { ask, gateway, world: { tokens, application } }) {
    t.equal((await ask('/api/orders', tokens.good, { headers: [['Cookie', `a=${'x'.repeat(6_000)}`]] })).status, 200)
    application.forget()
    const text = await say(gateway.port, `GET /api/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${tokens.good}\r\n${Array.from({ length: 50 }, (_, i) => `X-${i}: ${'x'.repeat(4_000)}\r\n`).join('')}\r\n`)
    t.ok(statusesIn(text).every((status) => status >= 400), `${statusesIn(text)}`)
    t.equal(application.seen.length, 0)
    t.ok((await ask('/api/orders', 'x'.repeat(7_000))).status >= 400)
  }
}

const webSockets: Case = {
  name: 'WebSocket: opened with a token, refused without; nothing else is switched to',
  async run (t, { gateway, world: { tokens, application } }) {
    const opening = (more: string, upgrade = 'websocket') => `GET /api/socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`
    t.equal(await echoes(gateway.port, opening(`Authorization: Bearer ${tokens.good}\r\n`)), true)
    t.same(application.faults(), [])
    application.forget()
    t.same(statusesIn(await say(gateway.port, opening('')))[0], 401)
    t.same(statusesIn(await say(gateway.port, opening('Authorization: Bearer x.y.z\r\n')))[0], 401)
    t.equal(application.seen.length, 0)
    for (const protocol of ['h2c', 'TLS/1.0', 'websocket, h2c']) {
      const text = await say(gateway.port, opening(`Authorization: Bearer ${tokens.good}\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n`, protocol))
      t.same(application.seen.flatMap(({ headers }) => headers).filter(([name, value]) => name === 'upgrade' && value !== 'websocket'), [], `${protocol}: ${statusesIn(text)}`)
      application.forget()
    }
    for (const protocols of [['h2c', 'websocket'], ['websocket', 'h2c'], ['websocket', 'websocket, h2c']]) {
      const text = await say(gateway.port, opening(`Authorization: Bearer ${tokens.good}\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n`, protocols.join('\r\nUpgrade: ')))
      t.same(application.seen.flatMap(({ headers }) => headers).filter(([name, value]) => name === 'upgrade' && value !== 'websocket'), [], `${protocols.join(' and ')}: ${statusesIn(text)}`)
      application.forget()
    }
  }
}

/** Whether a tunnel opens that sends back what is written into it. */
async function echoes (port: number, opening: string): Promise<boolean> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  let text = ''
  socket.setTimeout(3_000, () => socket.destroy())
  socket.on('error', () => {}).on('data', (chunk: string) => {
    if (text === '' && chunk.startsWith('HTTP/1.1 101')) socket.write('are you there?')
    text += chunk
    if (text.includes('are you there?')) socket.destroy()
  })
  socket.write(opening)
  await once(socket, 'close')
  return text.endsWith('are you there?')
}

const reuse: Case = {
  name: 'one connection, many users: everybody is who they are',
  async run (t, { gateway, world: { tokens, application, target: { alice } } }) {
    const turns = [[tokens.good, alice.user.id], ['', ''], [tokens.client, ''], [tokens.admin, alice.user.id], ['x.y.z', ''], [tokens.good, alice.user.id]] as const
    const request = (token: string, path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n${token === '' ? '' : `Authorization: Bearer ${token}\r\n`}\r\n`
    application.forget()
    const text = await say(gateway.port, turns.map(([token], i) => request(token, `/api/turn/${i}`)).join(''), 700)
    t.same(statusesIn(text).filter((status) => ![200, 401].includes(status)), [])
    t.ok(application.seen.length > 0)
    for (const { url, headers } of application.seen) {
      const [, user] = turns[Number(url.slice('/api/turn/'.length))] ?? []
      t.equal(headers.find(([name]) => name === 'x-auth-user-id')?.[1] ?? '', user, url)
    }
    t.same(application.seen.filter(({ url }) => /\/[14]$/.test(url)), [])
  }
}

const http2: Case = {
  name: 'HTTP/2: the same of tokens, made-up headers and paths',
  async run (t, { gateway, world: { tokens, application, target: { alice } } }) {
    const session = connectHttp2(`http://127.0.0.1:${gateway.port2}`)
    session.on('error', () => {})
    const ask = (path: string, more: Record<string, string> = {}) => new Promise<number>((resolve) => {
      const stream = session.request({ ':path': path, ...more })
      let status = 0
      stream.on('response', (headers) => { status = Number(headers[':status']) }).on('error', () => resolve(0)).on('close', () => resolve(status)).resume()
    })
    const bearer = { authorization: `Bearer ${tokens.good}` }
    t.equal(await ask('/api/orders', bearer), 200)
    t.equal(application.seen.at(-1)?.headers.find(([name]) => name === 'x-auth-user-id')?.[1], alice.user.id)
    for (const headers of [{}, { authorization: 'Bearer x.y.z' }, { 'x-auth-user-id': spoof }]) t.not(await ask('/api/orders', headers), 200)
    for (const name of ['x-auth-user-id', 'x_auth_user_id', 'x.auth.user.id', 'x--auth-user-id', 'x-auth_roles']) await ask('/api/orders', { ...bearer, [name]: spoof })
    for (const path of ['//api/x', '/%61pi/x', '/x/../api/x', '/api/..;/x', '/API/x', 'api/x', '/x%2f..%2fapi/x']) {
      application.forget()
      await ask(path)
      t.same(application.seen, [], path)
    }
    for (const path of ['/api/%61dmin/x', '/api//admin/x', '/api/x/../admin', '/api/;/admin/x', '/api/ADMIN']) await ask(path, bearer)
    t.same(application.faults(), [])
    session.destroy()
  }
}

export const attacks: readonly Case[] = [spoofs, strangers, trailers, hops, ...requestLines, smuggling, bodies, expectations, largeHeaders, webSockets, reuse, http2]