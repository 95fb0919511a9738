import { createPublicKey, verify } from 'node:crypto'
import { answers, holds, NotHere, segmentOf, type Visitor } from './visitor.ts'

export interface Check {
  name: string
  /** Spends what others may need, such as guesses of this address, or ends sessions that this run did not begin. */
  destructive?: true
  run (visitor: Visitor): Promise<void>
}

const identityHeaders = ['x-auth-user-id', 'x-auth-username', 'x-auth-session-id', 'x-auth-client-id', 'x-auth-roles', 'x-auth-scopes']
const wrong = 'not the password of anybody'
/** What a gateway answers for a path that it keeps to itself. */
const hidden = [403, 404]

export const checks: Check[] = [{
  name: 'it is alive and ready',
  async run ({ call }) {
    for (const path of ['/health/live', '/health/ready']) {
      const answer = await call('GET', path)
      if (hidden.includes(answer.status)) throw new NotHere(`${path} is not public`)
      answers(answer, 200)
    }
  }
}, {
  name: 'a registration answers the account, for nobody to keep',
  async run ({ registered, account }) {
    if (registered === null) throw new NotHere('the account is the operator\'s')
    answers(registered, 201)
    holds((registered.json['user'] as { username?: string }).username === account.username, 'the answer does not name the account')
    holds(!registered.text.includes(account.password) && !/argon2|hash/i.test(registered.text), 'the answer holds a password or a digest')
    holds(/no-store/.test(registered.headers['cache-control'] ?? ''), 'the answer may be kept')
  }
}, {
  name: 'a name that is taken is refused, and its password stays',
  async run ({ call, account, isOwn, signIn }) {
    const answer = await call('POST', '/register', { json: { ...account, password: 'another horse battery staple' } })
    if (!isOwn && answer.json['code'] === 'registration_closed') throw new NotHere('registration is closed')
    answers(answer, 409, 'username_taken')
    await signIn()
  }
}, {
  name: 'weak passwords, malformed bodies and foreign media types are refused by their codes',
  async run ({ call, isOwn }) {
    const post = (body: string, type = 'application/json') => call('POST', '/register', { body, headers: [['content-type', type]] })
    const username = 'conformance-weak'
    if (isOwn) answers(await post(JSON.stringify({ username, password: 'password' })), 400, 'weak_password')
    answers(await post('{"username":'), 400, 'invalid_request')
    answers(await post('{"username":"a","username":"b","password":"correct horse battery staple"}'), 400, 'invalid_request')
    answers(await post(JSON.stringify({ username, password: 'correct horse battery staple', roles: ['admin'] })), 400, 'invalid_request')
    answers(await post('username=a', 'text/plain'), 415, 'unsupported_media_type')
  }
}, {
  name: 'a body beyond the limit is refused',
  run: async ({ call }) => answers(await call('POST', '/login', { json: { username: 'a', password: 'x'.repeat(20_000) } }), 413)
}, {
  name: 'a sign-in answers both tokens, for nobody to keep',
  async run ({ call, account }) {
    const answer = await call('POST', '/login', { json: account })
    answers(answer, 200)
    for (const member of ['access_token', 'token_type', 'expires_in', 'refresh_token', 'refresh_expires_in', 'user']) holds(member in answer.json, `${member} is missing`)
    holds(/no-store/.test(answer.headers['cache-control'] ?? ''), 'the answer may be kept')
  }
}, {
  name: 'a wrong password and an unknown name are answered alike',
  async run ({ call, account }) {
    const [known, unknown] = [await call('POST', '/login', { json: { ...account, password: wrong } }), await call('POST', '/login', { json: { username: `${account.username}-x`, password: wrong } })]
    answers(known, 401, 'invalid_credentials')
    holds(unknown.status === known.status && unknown.text === known.text, 'the two answers differ')
  }
}, {
  name: 'a token opens what it should, and nothing opens it otherwise',
  async run ({ call, account, signIn }) {
    const { access_token: token } = await signIn()
    const [head, payload, signature] = token.split('.') as [string, string, string]
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
    const opened = await call('GET', '/protected', { token })
    answers(opened, 200)
    holds(opened.text.includes(account.username), 'the answer greets somebody else')
    const missing = await call('GET', '/protected')
    answers(missing, 401, 'missing_token')
    holds(/^Bearer /.test(missing.headers['www-authenticate'] ?? ''), 'no challenge comes with the refusal')
    for (const bad of [`${token}x`, `${none}.${payload}.`, `${head}.${payload}.`, `${head}.${payload}.${signature.slice(0, -4)}AAAA`]) answers(await call('GET', '/protected', { token: bad }), 401, 'invalid_token')
    answers(await call('GET', `/protected?access_token=${token}`), 401)
    answers(await call('GET', '/protected', { headers: [['proxy-authorization', `Bearer ${token}`]] }), 401)
  }
}, {
  name: 'two Authorization lines open nothing',
  async run ({ call, signIn }) {
    const { access_token: token } = await signIn()
    const { status } = await call('GET', '/protected', { token, headers: [['authorization', 'Bearer x']] })
    holds(status === 400 || status === 401, `answered ${status}`)
  }
}, {
  name: 'what a client says of itself is not believed',
  async run ({ call, signIn }) {
    const forged = ['X-Auth-User-Id', 'X_Auth_User_Id', 'X-Auth-Roles', 'X-Forwarded-User', 'Remote-User', 'X-User'].map((name): [string, string] => [name, 'admin'])
    answers(await call('GET', '/protected', { headers: forged }), 401)
    const { access_token: token } = await signIn()
    const [plain, other] = [await call('GET', '/me', { token }), await call('GET', '/me', { token, headers: forged })]
    holds(plain.status === 200 && plain.text === other.text, 'forged headers change the answer')
    answers(await call('GET', '/protected', { headers: [['x-original-url', '/health/live'], ['x-forwarded-uri', '/health/live']] }), 401)
  }
}, {
  name: 'the published keys verify the tokens and hold nothing private',
  async run ({ call, signIn }) {
    const { access_token: token } = await signIn()
    const answer = await call('GET', '/.well-known/jwks.json')
    answers(answer, 200)
    const keys = answer.json['keys'] as Array<Record<'kty' | 'kid' | 'alg', string>>
    holds(keys.every((key) => !['d', 'p', 'q', 'k'].some((member) => member in key)), 'a private member is published')
    const { kid, alg } = segmentOf(token, 0)
    const jwk = keys.find((key) => key.kid === kid)
    holds(jwk !== undefined && jwk.alg === alg, 'the key of a fresh token is not published')
    const dot = token.lastIndexOf('.')
    const signed = verify(alg === 'EdDSA' ? null : 'sha256', Buffer.from(token.slice(0, dot)), { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }, Buffer.from(token.slice(dot + 1), 'base64url'))
    holds(signed, 'the published key does not verify a fresh token')
    holds(/max-age=\d+/.test(answer.headers['cache-control'] ?? '') && answer.headers['etag'] !== undefined, 'the key set cannot be kept')
    const etag = answer.headers['etag'] as string
    holds((await call('GET', '/.well-known/jwks.json', { headers: [['if-none-match', etag]] })).status === 304, 'an ETag is not honoured')
  }
}, {
  name: 'discovery names the issuer of the tokens, whatever Host says',
  async run ({ call, signIn }) {
    const { access_token: token } = await signIn()
    const { iss } = segmentOf(token, 1)
    for (const headers of [[], [['x-forwarded-host', 'evil.example'], ['forwarded', 'host=evil.example']]] as Array<Array<[string, string]>>) {
      const answer = await call('GET', '/.well-known/openid-configuration', { headers })
      answers(answer, 200)
      holds(answer.json['issuer'] === iss, `discovery names ${String(answer.json['issuer'])}, tokens ${String(iss)}`)
    }
  }
}, {
  name: 'a token says what RFC 9068 asks for, and no address',
  async run ({ signIn }) {
    const { access_token: token } = await signIn()
    holds(segmentOf(token, 0)['typ'] === 'at+jwt', 'its typ is another')
    const claims = segmentOf(token, 1)
    for (const name of ['iss', 'aud', 'sub', 'exp', 'iat', 'jti', 'client_id']) holds(name in claims, `${name} is missing`)
    holds(Number(claims['exp']) - Number(claims['iat']) <= 3600, 'it lives longer than an hour')
    holds(!JSON.stringify(claims).includes('@'), 'it holds an address')
  }
}, {
  name: 'a refresh rotates; retried, it has the same successor; anything else is refused',
  async run ({ call, signIn }) {
    const { refresh_token: first, access_token: access } = await signIn()
    const refresh = (token: string) => call('POST', '/refresh', { json: { refresh_token: token } })
    const [second, again] = [await refresh(first), await refresh(first)]
    answers(second, 200)
    holds(second.json['refresh_token'] !== first, 'the token is the same')
    if (again.status === 200) holds(again.json['refresh_token'] === second.json['refresh_token'], 'a retry has another successor')
    for (const bad of [access, 'x', `${first.slice(0, -1)}${first.endsWith('A') ? 'B' : 'A'}`]) answers(await refresh(bad), 401, 'invalid_refresh_token')
  }
}, {
  name: 'sessions are listed without their tokens, and one ends the other',
  async run ({ call, signIn }) {
    const [here, there] = [await signIn(), await signIn()]
    const listed = await call('GET', '/me/sessions', { token: here.access_token })
    answers(listed, 200)
    holds(!listed.text.includes(here.refresh_token) && !listed.text.includes(here.access_token), 'a token is listed')
    holds((listed.json['sessions'] as Array<{ current: boolean }>).filter(({ current }) => current).length === 1, 'not one session is the current one')
    answers(await call('DELETE', `/me/sessions/${String(segmentOf(there.access_token, 1)['sid'])}`, { token: here.access_token }), 204)
    answers(await call('GET', '/protected', { token: there.access_token }), 401, 'invalid_token')
    answers(await call('DELETE', '/me/sessions/00000000-0000-7000-8000-000000000000', { token: here.access_token }), 404)
  }
}, {
  name: 'a logout is true at once, for both tokens',
  async run ({ call, signIn }) {
    const { access_token: token, refresh_token: refreshToken } = await signIn()
    answers(await call('POST', '/logout', { token }), 204)
    answers(await call('GET', '/protected', { token }), 401, 'invalid_token')
    answers(await call('POST', '/refresh', { json: { refresh_token: refreshToken } }), 401, 'invalid_refresh_token')
  }
}, {
  name: 'a gateway is told who may pass, in every header, and nobody else passes',
  async run ({ call, account, signIn }) {
    const none = await call('GET', '/verify')
    if (hidden.includes(none.status)) throw new NotHere('/verify is not public')
    answers(none, 401)
    const { access_token: token } = await signIn()
    const told = await call('GET', '/verify/orders/1?x=y', { token, headers: [['X-Auth-Roles', 'admin']] })
    answers(told, 200)
    for (const name of identityHeaders) holds(told.headers[name] !== undefined, `${name} is missing`)
    holds(told.headers['x-auth-username'] === account.username, 'it names somebody else')
    answers(await call('GET', '/verify?role=nobody-has-this-role', { token }), 403)
    answers(await call('GET', '/verify/%ff', { token }), 401)
  }
}, {
  name: 'answers carry what protects those who show them, and tell of no version',
  async run ({ call }) {
    for (const path of ['/protected', '/nowhere-at-all', '/.well-known/jwks.json']) {
      const { headers } = await call('GET', path)
      holds(headers['x-content-type-options'] === 'nosniff', `${path}: no X-Content-Type-Options`)
      holds(/default-src 'none'/.test(headers['content-security-policy'] ?? ''), `${path}: no Content-Security-Policy`)
      holds(headers['x-powered-by'] === undefined && !/\d+\.\d+/.test(headers['server'] ?? ''), `${path}: a header names what answers, with its version`)
    }
  }
}, {
  name: 'nothing is open to another origin but what is public',
  async run ({ call }) {
    const { headers } = await call('GET', '/protected', { headers: [['origin', 'https://evil.example']] })
    holds(headers['access-control-allow-origin'] === undefined, 'another origin may read /protected')
    holds((await call('GET', '/.well-known/jwks.json', { headers: [['origin', 'https://app.example']] })).headers['access-control-allow-origin'] === '*', 'another origin may not read the key set')
  }
}, {
  name: 'errors have the one shape and tell nothing of the inside',
  async run ({ call }) {
    for (const [method, path, status] of [['GET', '/nowhere-at-all', 404], ['GET', '/login', 405], ['DELETE', '/login', 405]] as const) {
      const answer = await call(method, path)
      answers(answer, status)
      holds(answer.json['statusCode'] === status && typeof answer.json['message'] === 'string', `${method} ${path}: another shape`)
      holds(!/node_modules|\.ts\b|sqlite|postgres|stack/i.test(answer.text), `${method} ${path} tells of the inside`)
    }
  }
}, {
  name: 'metrics, administration and files are not public',
  async run ({ call, signIn }) {
    const { access_token: token } = await signIn()
    for (const path of ['/metrics', '/.env', '/.git/config', '/server-status', '/debug']) holds([401, 403, 404].includes((await call('GET', path, { token })).status), `${path} is public`)
    for (const path of ['/admin/users', '/admin/keys', '/admin/audit']) holds([401, 403, 404].includes((await call('GET', path, { token })).status), `${path} is open to a user without the role`)
  }
}, {
  name: 'clients authenticate, and a password is no grant',
  async run ({ call, account }) {
    const form = (path: string, body: string) => call('POST', path, { body, headers: [['content-type', 'application/x-www-form-urlencoded']] })
    const answer = await form('/oauth/introspect', 'token=x')
    if (hidden.includes(answer.status)) throw new NotHere('/oauth is not public')
    answers(answer, 401)
    holds((await form('/oauth/token', `grant_type=password&username=${account.username}&password=x`)).status >= 400, 'a password is a grant')
  }
}, {
  name: 'no method and no spelling of a path gets around a guard',
  async run ({ call }) {
    for (const [method, path] of [['HEAD', '/protected'], ['TRACE', '/protected'], ['GET', '/%70rotected'], ['GET', '/PROTECTED'], ['GET', '/protected;x=y'], ['GET', '/protected/']] as const) {
      const { status } = await call(method, path)
      holds(status >= 400 && status < 500, `${method} ${path} answered ${status}`)
    }
  }
}, {
  name: 'a change of password ends the other sessions',
  async run ({ call, account, isOwn, signIn }) {
    if (!isOwn) throw new NotHere('the account is the operator\'s')
    const [here, there] = [await signIn(), await signIn()]
    const next = `${account.password}-2`
    answers(await call('PUT', '/me/password', { token: here.access_token, json: { current_password: wrong, new_password: next } }), 401, 'invalid_credentials')
    answers(await call('PUT', '/me/password', { token: here.access_token, json: { current_password: account.password, new_password: next } }), 204)
    account.password = next
    answers(await call('GET', '/protected', { token: here.access_token }), 200)
    answers(await call('GET', '/protected', { token: there.access_token }), 401, 'invalid_token')
  }
}, {
  name: 'fifty refreshes at once have one successor',
  destructive: true,
  async run ({ call, signIn }) {
    const { refresh_token: token } = await signIn()
    const replies = await Promise.all(Array.from({ length: 50 }, () => call('POST', '/refresh', { json: { refresh_token: token } })))
    for (const reply of replies) answers(reply, 200)
    holds(new Set(replies.map(({ json }) => json['refresh_token'])).size === 1, 'there are several')
  }
}, {
  name: 'a logout everywhere ends every session of the account',
  destructive: true,
  async run ({ call, signIn }) {
    const [here, there] = [await signIn(), await signIn()]
    answers(await call('POST', '/logout?scope=global', { token: here.access_token }), 204)
    for (const { access_token: token } of [here, there]) answers(await call('GET', '/protected', { token }), 401, 'invalid_token')
  }
}, {
  name: 'the eleventh guess at the latest has to wait, and is told how long',
  destructive: true,
  async run ({ call, account }) {
    // At a name that nobody has, which waits as any other: the account has to sign in once more.
    for (let guesses = 0; guesses < 11; guesses++) {
      const answer = await call('POST', '/login', { json: { username: `${account.username}-y`, password: wrong } })
      if (answer.status === 401) continue
      answers(answer, 429)
      holds(/^\d+$/.test(answer.headers['retry-after'] ?? ''), 'it is not told how long')
      return
    }
    throw new Error('eleven guesses were checked')
  }
}]
