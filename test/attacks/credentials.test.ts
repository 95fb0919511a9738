import t, { type Test } from 'tap'
import { alice } from '../support/build.ts'
import { type Answer, exchange, type HeaderLine, headerOf } from '../support/http.ts'
import { type Refusal, startTarget } from '../support/target.ts'

const target = await startTarget(t)
const { service, call, visit } = target
const good = target.alice.access_token
const bob = await target.signUp('bob')
const bad = target.forge({ claims: { aud: 'evil' } })

const line = (value: string): HeaderLine => ['authorization', value]

/** Each of these header values is answered by this refusal. */
async function areRefused (t: Test, refusal: Refusal, values: Record<string, string>) {
  for (const [what, value] of Object.entries(values)) target.isRefusal(t, await visit(line(value)), refusal, what)
}

function greets (t: Test, { status, body }: Answer, name: string, what: string) {
  t.equal(status, 200, what)
  t.equal(JSON.parse(body).message, `Hello, ${name}! This is a protected resource.`, what)
}

t.test('E090 asks for a token where none is sent', async (t) => {
  target.isRefusal(t, await visit(), 'missing_token', 'no Authorization')
  target.isRefusal(t, await visit(line('')), 'missing_token', 'an empty one')
})

t.test('E091 takes another scheme, and a token without one, for no token', async (t) => {
  const basic = Buffer.from(`${alice.username}:${alice.password}`).toString('base64')
  await areRefused(t, 'missing_token', {
    Basic: 'Basic dTpw',
    'Basic, with what would sign in': `Basic ${basic}`,
    Digest: 'Digest username="alice", realm="gatehouse", nonce="n", uri="/protected", response="0"',
    DPoP: `DPoP ${good}`,
    Token: `Token ${good}`,
    JWT: `JWT ${good}`,
    'a longer scheme': `Bearers ${good}`,
    'a longer scheme with a hyphen': `Bearer-Token ${good}`,
    'no scheme': good,
    'another scheme before': `Basic Bearer ${good}`
  })
})

t.test('E092 answers Bearer without a token as a malformed request', (t) => areRefused(t, 'invalid_request', { alone: 'Bearer', 'one space': 'Bearer ', spaces: `Bearer${' '.repeat(20)}`, 'in small letters': 'bearer' }))

t.test('E093 reads the scheme in any case', async (t) => {
  for (const scheme of ['bearer', 'BEARER', 'bEaReR']) greets(t, await visit(line(`${scheme} ${good}`)), 'alice', scheme)
})

t.test('E094 reads any number of spaces behind the scheme', async (t) => {
  for (const count of [1, 2, 20]) greets(t, await visit(line(`Bearer${' '.repeat(count)}${good}`)), 'alice', `${count} spaces`)
})

t.test('E095 answers a TAB, and a word behind the token, as a malformed request', (t) => areRefused(t, 'invalid_request', {
  TAB: `Bearer\t${good}`, 'a space and a TAB': `Bearer \t${good}`, 'a word behind': `Bearer ${good} x`, 'a parameter behind': `Bearer ${good}, scope="admin"`, 'token=': `Bearer token="${good}"`, 'no space': `Bearer,${good}`
}))

t.test('E096 answers two Authorization lines as a malformed request, whatever they say', async (t) => {
  const pairs = {
    'good, bad': [good, bad], 'bad, good': [bad, good], 'good, good': [good, good], "alice's, bob's": [good, bob.access_token]
  }
  for (const [what, tokens] of Object.entries(pairs)) target.isRefusal(t, await visit(...tokens.map((token) => line(`Bearer ${token}`))), 'invalid_request', what)
  const bearer = line(`Bearer ${good}`)
  const lines = {
    'another scheme first': [line('Basic dTpw'), bearer],
    'another scheme last': [bearer, line('Basic dTpw')],
    'no Bearer at all': [line('Basic dTpw'), line('Basic dTpw')],
    'an empty one last': [bearer, line('')],
    'an empty one first': [line(''), bearer],
    'another spelling': [bearer, ['AUTHORIZATION', `Bearer ${bad}`] as const],
    'another header between': [bearer, ['x-between', '1'] as const, bearer],
    'fifty': Array(50).fill(line('Bearer x'))
  }
  for (const [what, headers] of Object.entries(lines)) target.isRefusal(t, await visit(...headers), 'invalid_request', what)
})

t.test('E097 answers two tokens in one line as a malformed request', (t) => areRefused(t, 'invalid_request', { 'good, good': `Bearer ${good}, Bearer ${good}`, 'good,good': `Bearer ${good},Bearer ${good}`, 'good; bad': `Bearer ${good}; Bearer ${bad}` }))

t.test('E098 takes no token from the address, a body or a cookie', async (t) => {
  for (const query of [`access_token=${good}`, `token=${good}`, `authorization=Bearer%20${good}`, `Authorization=Bearer+${good}`]) {
    target.isRefusal(t, await call({ path: `/protected?${query}` }), 'missing_token', query.slice(0, 13))
  }
  const form = [['content-type', 'application/x-www-form-urlencoded']] as const
  target.isRefusal(t, await call({ path: '/protected', headers: form, body: `access_token=${good}` }), 'missing_token', 'a form body')
  for (const name of ['access_token', 'token', 'authorization', 'Authorization', 'jwt']) {
    target.isRefusal(t, await visit(['cookie', `${name}=${good}`]), 'missing_token', `the cookie ${name}`)
  }
  target.isRefusal(t, await visit(['x-access-token', good]), 'missing_token', 'a header of its own')
})

t.test('E100 believes the header, whatever the address says', async (t) => {
  const path = `/protected?access_token=${bob.access_token}`
  greets(t, await call({ path, headers: [line(`Bearer ${good}`)] }), 'alice', "bob's token in the address")
  greets(t, await call({ path: '/protected?access_token=evil', headers: [line(`Bearer ${good}`)] }), 'alice', 'a bad one in the address')
  target.isRefusal(t, await call({ path, headers: [line(`Bearer ${bad}`)] }), 'invalid_token', 'a bad one in the header')
})

t.test('E102 reads no token for a proxy, and none under a name like ours', async (t) => {
  for (const name of ['proxy-authorization', 'x-authorization', 'x-forwarded-authorization', 'authorization2', 'www-authenticate', 'authentication', 'x-original-authorization']) {
    target.isRefusal(t, await visit([name, `Bearer ${good}`]), 'missing_token', name)
  }
  greets(t, await visit(['proxy-authorization', `Bearer ${bob.access_token}`], line(`Bearer ${good}`)), 'alice', 'both')
})

t.test('E103 survives headers named as what every object has', async (t) => {
  for (const name of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf']) {
    target.isRefusal(t, await visit([name, 'x']), 'missing_token', `${name}, no token`)
    target.isRefusal(t, await visit([name, `Bearer ${good}`]), 'missing_token', `${name} with a token`)
    greets(t, await visit([name, 'x'], [name, 'y'], line(`Bearer ${good}`)), 'alice', `${name} and a token`)
  }
  greets(t, await visit(line(`Bearer ${good}`)), 'alice', 'nothing stays behind')
})

t.test('E104 answers HEAD and OPTIONS with nothing of the user', async (t) => {
  for (const headers of [[], [line(`Bearer ${good}`)]]) {
    const head = await exchange(service.port, `HEAD /protected HTTP/1.1\r\nHost: x\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}Connection: close\r\n\r\n`)
    t.equal(head.status, 405, 'HEAD')
    t.equal(head.body, '')
    const options = await call({ path: '/protected', method: 'OPTIONS', headers })
    t.equal(options.status, 405, 'OPTIONS')
    t.equal(JSON.parse(options.body).code, 'method_not_allowed')
    for (const { headers, body } of [head, options]) {
      t.notMatch(JSON.stringify([headers, body]), /alice|access-control/i, 'no user, no origin let in')
      t.equal(headerOf(headers, 'allow'), 'GET')
    }
  }
})

t.test('is unharmed', (t) => target.isUnharmed(t))
