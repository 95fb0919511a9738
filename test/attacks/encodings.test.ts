import { generateKeyPairSync, sign } from 'node:crypto'
import t from 'tap'
import { rawSegment, segment, signSegments } from '../support/forge.ts'
import { exchange, headerOf } from '../support/http.ts'
import { startTarget } from '../support/target.ts'

const target = await startTarget(t)
const { service, header, claims, keys, forge } = target
const good = target.alice.access_token
const [h, p, s] = good.split('.') as [string, string, string]
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The order of the group of P-256 (FIPS 186-5). */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

const withSignature = (signature: Uint8Array, head = h) => `${head}.${p}.${rawSegment(signature)}`

/** R and S as RFC 7518 puts them, 32 bytes each. */
const pair = (r: bigint, s: bigint) => Buffer.from([r, s].map((value) => value.toString(16).padStart(64, '0')).join(''), 'hex')

/** The other spellings of a segment that decode to the same bytes: the last character's spare bits turned. */
function spellings (segment: string): string[] {
  const spare = { 2: 4, 3: 2 }[segment.length % 4] ?? 0
  const last = alphabet.indexOf(segment.at(-1) as string)
  return Array.from({ length: 2 ** spare - 1 }, (_, i) => segment.slice(0, -1) + alphabet[last + i + 1])
}

/** A token of alice's in whose signature both letters stand that the two alphabets do not share. */
function withBothLetters (): string {
  for (let i = 0; i < 1000; i++) {
    const token = forge({})
    const signature = token.split('.')[2] as string
    if (signature.includes('-') && signature.includes('_')) return token
  }
  throw new Error('a thousand signatures without - or _')
}

t.test('accepts what is forged without a fault, so that each fault is what is refused', async (t) => {
  await target.accepts(t, withBothLetters(), 'any signature')
  await target.accepts(t, withSignature(Buffer.from(s, 'base64url')), 'taken apart and put together')
  await target.accepts(t, signSegments(rawSegment(`${JSON.stringify(header)} `), rawSegment(`${JSON.stringify(claims)}\n`), keys[0]), 'white space in the JSON')
})

t.test('D077 refuses padding', async (t) => {
  await target.refuses(t, { one: `${good}=`, two: `${good}==`, 'what would be right': `${good}${'='.repeat((4 - s.length % 4) % 4)}`, many: `${good}${'='.repeat(20)}` })
})

t.test('D078 refuses the other alphabet', async (t) => {
  const token = withBothLetters()
  const respelt = (from: string, to: string) => {
    const [head, payload, signature] = token.split('.') as [string, string, string]
    return `${head}.${payload}.${signature.replaceAll(from, to)}`
  }
  await target.refuses(t, { plus: respelt('-', '+'), slash: respelt('_', '/') })
})

t.test('D079 refuses a signature whose spare bits are not zero', async (t) => {
  const others = spellings(s)
  t.equal(others.length, 15)
  for (const other of others) {
    t.ok(Buffer.from(other, 'base64url').equals(Buffer.from(s, 'base64url')), 'the same bytes')
    await target.refuses(t, { [`ending in ${other.at(-1)}`]: `${h}.${p}.${other}` })
  }
})

t.test('D079 refuses spare bits in what is signed, too', async (t) => {
  for (const spaces of [0, 1, 2]) {
    const head = rawSegment(JSON.stringify(header) + ' '.repeat(spaces))
    const payload = rawSegment(JSON.stringify(claims) + ' '.repeat(spaces))
    for (const other of spellings(head)) await target.refuses(t, { [`header, ${spaces} spaces, ending in ${other.at(-1)}`]: signSegments(other, p, keys[0]) })
    for (const other of spellings(payload)) await target.refuses(t, { [`payload, ${spaces} spaces, ending in ${other.at(-1)}`]: signSegments(h, other, keys[0]) })
  }
})

t.test('D081 answers what is no b64token as a malformed request', async (t) => {
  for (const [what, between] of Object.entries({ space: ' ', TAB: '\t', '%2E': '%2E', comma: ',', quote: '"', 'padding inside': '=', colon: ':', NBSP: '\u00a0', 'a letter beyond ASCII': '\u00e9' })) {
    target.isRefusal(t, await target.present(`${h}${between}.${p}.${s}`), 'invalid_request', `${what} inside`)
  }
  target.isRefusal(t, await target.present(`${h}%2E${p}%2E${s}`), 'invalid_request', 'both dots encoded')
  target.isRefusal(t, await target.present(`${good} x`), 'invalid_request', 'a word behind')
})

t.test('D081 answers a token over two lines as broken HTTP', async (t) => {
  for (const [what, between] of Object.entries({ LF: '\n', CR: '\r', 'LF and a space': '\n ', 'CRLF and a space': '\r\n ', NUL: '\0' })) {
    const { status, headers, body } = await exchange(service.port, `GET /protected HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${h}${between}.${p}.${s}\r\nConnection: close\r\n\r\n`)
    t.equal(status, 400, what)
    t.equal(JSON.parse(body).code, 'invalid_request', what)
    t.equal(headerOf(headers, 'connection'), 'close', what)
  }
})

t.test('D082 refuses a signature of zeros', (t) => target.refuses(t, { zeros: withSignature(pair(0n, 0n)) }))

t.test('D083 refuses every pair of the numbers that no signature has', async (t) => {
  const edges = { 0: 0n, 1: 1n, 'n-1': order - 1n, n: order }
  for (const [r, first] of Object.entries(edges)) {
    for (const [s, second] of Object.entries(edges)) await target.refuses(t, { [`r = ${r}, s = ${s}`]: withSignature(pair(first, second)) })
  }
})

t.test('D085 refuses a signature in DER', async (t) => {
  const der = sign('sha256', Buffer.from(`${h}.${p}`), keys[0].privateKey)
  await target.refuses(t, { DER: withSignature(der), 'DER, cut to 64 bytes': withSignature(der.subarray(0, 64)), 'DER, its last 64 bytes': withSignature(der.subarray(-64)) })
})

t.test('D088 refuses a signature of zeros, of 63 and of 65 bytes, under every algorithm of 64', async (t) => {
  const signature = Buffer.from(s, 'base64url')
  for (const alg of ['ES256', 'EdDSA']) {
    const head = segment({ ...header, alg })
    await target.refuses(t, {
      [`${alg}, zeros`]: withSignature(Buffer.alloc(64), head),
      [`${alg}, 63 bytes`]: withSignature(signature.subarray(0, 63), head),
      [`${alg}, 65 bytes`]: withSignature(Buffer.concat([signature, Buffer.alloc(1)]), head),
      [`${alg}, 65 bytes, a zero before`]: withSignature(Buffer.concat([Buffer.alloc(1), signature]), head)
    })
  }
  const { privateKey } = generateKeyPairSync('ed25519')
  await target.refuses(t, { 'a good EdDSA signature by a stranger': forge({ header: { alg: 'EdDSA' }, key: { alg: 'EdDSA', privateKey } }) })
})

t.test('is unharmed', (t) => target.isUnharmed(t))
