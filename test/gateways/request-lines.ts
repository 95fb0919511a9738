import { mostForgiving } from './application.ts'
import type { Case } from './cases.ts'
import { say, statusesIn } from './world.ts'

const oneHost: Case = {
  name: 'one host, no TRACE; a whole address in the request line goes on as its path',
  async run (t, { gateway, world: { tokens, application } }) {
    const bearer = `Authorization: Bearer ${tokens.good}\r\nConnection: close\r\n\r\n`
    for (const hosts of ['', 'Host: a\r\nHost: b\r\n', 'Host: b\r\nHost: a\r\nHost: a\r\n']) t.same(statusesIn(await say(gateway.port, `GET /api/x HTTP/1.1\r\n${hosts}${bearer}`)), [400], JSON.stringify(hosts))
    t.same(statusesIn(await say(gateway.port, `TRACE /api/x HTTP/1.1\r\nHost: a\r\n${bearer}`)), [405])
    t.same(application.seen, [])
    t.same(statusesIn(await say(gateway.port, `GET http://a/api/x?y=z HTTP/1.1\r\nHost: a\r\n${bearer}`)), [200])
    t.same(application.seen.map(({ url }) => url), ['/api/x?y=z'])
  }
}

const hostless: Case = {
  name: 'HTTP/1.0 without a host, and a host that is empty: as guarded as anything else, and nothing that fails',
  async run (t, { gateway, world: { tokens, application } }) {
    const credentials = JSON.stringify({ username: 'alice', password: 'correct horse battery staple' })
    const passing: string[] = []
    for (const [version, host] of [['1.0', ''], ['1.0', 'Host:\r\n'], ['1.1', 'Host: \r\n']] as const) {
      const ask = async (line: string, token?: string, body = '') => {
        const [status = 0] = statusesIn(await say(gateway.port, `${line} HTTP/${version}\r\n${host}${token === undefined ? '' : `Authorization: Bearer ${token}\r\n`}${body === '' ? '' : `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`}Connection: close\r\n\r\n${body}`, 2_000))
        t.ok(status >= 200 && status < 500, `${line} HTTP/${version} ${JSON.stringify(host)}: ${status}`)
        return status
      }
      for (const token of [undefined, 'x.y.z', tokens.bad['expired']]) t.ok([400, 401].includes(await ask('GET /api/x', token)))
      t.ok([400, 403].includes(await ask('GET /api/admin/x', tokens.good)))
      for (const path of ['/admin/users', '/verify', '/metrics']) t.ok([400, 404].includes(await ask(`GET ${path}`, tokens.admin)))
      t.same(application.seen, [])
      const good = [await ask('GET /api/x', tokens.good), await ask('POST /api/x', tokens.good, 'x'), await ask('POST /login', undefined, credentials), await ask('GET /.well-known/jwks.json')]
      t.ok(good.every((status) => status === 200) || good.every((status) => status === 400), `${good}`)
      if (good[0] === 200) passing.push(`${host === '' ? 'none' : 'empty'} in ${version}`)
      t.equal(application.seen.length, good[0] === 200 ? 2 : 0)
      t.same(application.faults(), [])
      application.forget()
    }
    return passing.length === 0 ? '400' : `passes: ${passing.join(', ')}`
  }
}

const paths: Case = {
  name: 'path tricks: nothing reaches the application unguarded, nor as another path',
  async run (t, { gateway, world: { tokens, application } }) {
    const tricks = [
      '//api/x', '/%61pi/x', '/api/../api/x', '/x/../api/x', '/x/..;/api/x', '/api/..;/x', '/%2e%2e/api/x', '/x/%2e%2e/api/x', '/x/..%2fapi/x', '/x%2f..%2fapi/x', '/API/x', '/Api/x', '/api;/x', '/api;a=b/x', '/api\\x', '\\api\\x', '/x\\..\\api\\x',
      '/x/%5c../api/x', '/./api/x', '/api/./x', '/api//x', '///api///x', '/api%2fx', '/api%2Fx', '/%2fapi/x', '/api%00/x', '/api/x%00', '/api%20/x', '/api/%09x', '/api%0a/x', '/%252e%252e/api/x', '/x/%252e%252e/api/x', '/x/%c0%ae%c0%ae/api/x', '/login/../api/x', '/login/..%2fapi/x', '/login/..;/api/x',
      '/.well-known/../api/x', '/.well-known/..%2f..%2fapi/x', '/.well-known/%2e%2e/api/x', '/me/sessions/..%2f..%2fapi%2fx', '/login;/api/x', '/login%3b/../api/x', '/login?/../api/x', '/login%3f/../api/x', '/login#/../api/x', '/login%23/../api/x', 'http://a/api/x', 'HTTP://a/api/x', 'http://a//api/x', 'http://a/x/../api/x', 'https://a/api/x', 'http://a:80@b/api/x', 'api/x', '/api/x HTTP/1.1\r\nX: y', '*', '/%', '/%zz/api/x', '/api/%', '/\xe2\x80\xa5/api/x', '/api/\xff'
    ]
    await say(gateway.port, `GET /api/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${tokens.good}\r\nConnection: close\r\n\r\n`)
    t.same(application.seen.map(({ url }) => url), ['/api/x'], 'said plainly it gets there')
    for (const line of ['GET /api/x HTTP/1.0', 'GET /api/x', 'get /api/x HTTP/1.1', 'GET  /api/x HTTP/1.1', 'GET\t/api/x HTTP/1.1', 'GET /api/x HTTP/1.1 x', 'GET /api/x HTTP/2.0', 'TRACE /api/x HTTP/1.1', 'CONNECT app:8080 HTTP/1.1', 'CONNECT /api/x HTTP/1.1', 'PRI * HTTP/2.0', 'OPTIONS * HTTP/1.1']) {
      application.forget()
      await say(gateway.port, `${line}\r\nHost: a\r\nConnection: close\r\n\r\n`, 300)
      t.same(application.seen.map(({ url }) => url), [], line)
    }
    for (const path of tricks) {
      application.forget()
      await say(gateway.port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`, 300)
      t.same(application.seen.map(({ url }) => url), [], `${path} without a token`)
    }
    const admin = [
      '/api/%61dmin/x', '/api/./admin/x', '/api//admin/x', '/api/x/../admin/x', '/api/x/..%2fadmin/x', '/api/x%2f..%2fadmin/x', '/api/%2e/admin/x', '/api/x/%2e%2e/admin/x', '/api/x/..;/admin/x', '/api/;/admin/x', '/api/;a=b/admin/x', '/api/admin;/x', '/api/admin;a=b/x', '/api/admin%3b/x', '/api\\admin\\x',
      '/api/\\admin/x', '/api%2fadmin/x', '/api%2fadmin%2fx', '/api/admin%2fx', '/api/admin%5cx', '/api/%41DMIN/x', '/api/aDmIn/x', '/api/%2561dmin/x', '/api/x/%252e%252e/admin/x', '/api/admin/', '/api/admin?x', '/api/admin%3fx', '/api/admin#x', 'http://a/api/admin/x', 'http://a/api//admin/x', 'HTTP://a/api/Admin/x', '/api/admin%00', '/api/%c0%afadmin/x', '/api/ad%6din', '/API//ADMIN'
    ]
    for (const path of admin) {
      application.forget()
      const text = await say(gateway.port, `GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${tokens.good}\r\nConnection: close\r\n\r\n`, 300)
      t.same(application.seen.filter(({ url }) => mostForgiving(url).startsWith('/api/admin')).map(({ url }) => url), [], `${path} without the role: ${statusesIn(text)}`)
      t.same(application.faults(), [], path)
    }
    application.forget()
    for (const path of ['/api/x#', '/api/x#/admin', '/api/#/x', '/api/x#?y', '/me#/../admin/users', '/login#']) {
      const text = await say(gateway.port, `GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${tokens.good}\r\nConnection: close\r\n\r\n`, 1_000)
      t.ok([400, 404].includes(statusesIn(text)[0] ?? 0), `${path}: ${statusesIn(text)}`)
    }
    t.same(application.seen.map(({ url }) => url), [], 'with a raw #')
  }
}

/** What can be said with the first lines of a request: its method, its path, its version and its host. */
export const requestLines: readonly Case[] = [oneHost, hostless, paths]
