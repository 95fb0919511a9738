import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { parseStrictJson, parseStrictJsonBytes, StrictJsonError } from '../../../plugins/strict-json/parse.ts'
import { readJson } from './oracle.ts'

const secret = 'correct-horse'

/** What comes of a text: its value, or why it was refused. */
function outcome (read: () => unknown): { value: unknown } | { reason: string } {
  try {
    return { value: read() }
  } catch (error) {
    if (error instanceof StrictJsonError) return { reason: error.reason }
    throw error
  }
}

function nested (depth: number, open = '[', close = ']') {
  return `${open.repeat(depth)}1${close.repeat(depth)}`
}

t.test('reads well-formed text whose names are unique', async (t) => {
  const texts = [
    '{}', '[]', '0', '-0', '1e9', '1e999', '"x"', 'null', 'true', 'false', ' \t\r\n{ } ', '""', '"\\""', '"\\\\"', '"\\\\\\""',
    '{"a":"{\\"b\\":1,\\"b\\":[[[[[[[[[[["}', '{"a:":1,"a":":::"}', '{"a":{"a":{"a":[{"a":1},{"a":2}]}}}', '{"\\u0061" : "\\u0062","\\u002f\\/":["\\n"]}', '[null,[null,{}]]',
    '{"a":[],"b":{},"c":null}', '{"":1," ":2}', '{"\\ud800":1,"\\ud801":2}', '{"A":1,"a":2}', '{"1":1,"01":2,"-1":3}', '{"é":1,"e\\u0301":2}'
  ]
  for (const text of texts) t.strictSame(readJson(text), { wellFormed: true, value: parseStrictJson(text), faults: new Set() }, text)
})

t.test('refuses what is not JSON', async (t) => {
  const texts = [
    '', ' ', '{', '}', '[', ']', '"', '"\\', '"\\"', '{"a"', '{"a":', '{"a":1', '{"a":1,}', '[1,]', '[,1]', '{,}', '{a:1}', "{'a':1}", '{"a" 1}', '{"a"::1}',
    '{"a":1}{', '{"a":1} x', '1 2', '01', '+1', '1.', '.1', '1e', '0x1', 'NaN', 'Infinity', 'undefined', 'True', 'nul', '"\u0000"', '"\n"', '"\\x"', '"\\u12"',
    '/**/1', '1//', '\u00a01', '\ufeff{}', '{}\ufeff', '\u3000{}', ']]]][[[[', '{"a":1]', '{"a":1,"a":2', ':', '::::'
  ]
  for (const text of texts) t.same(outcome(() => parseStrictJson(text)), { reason: 'syntax' }, JSON.stringify(text))
})

t.test('refuses a member name that comes twice in one object', async (t) => {
  const texts = [
    '{"a":1,"a":1}', '{"a":1,"b":2,"a":3}', '{"password":"x","p\\u0061ssword":"y"}', '{"\\/":1,"/":2}', '{"\\u0061" \t\r\n:1,"a":2}', '{"":1,"":2}', '{"1":1,"\\u0031":2}',
    '[[{"a":1},{"a":1,"a":2}]]', '{"a":{"b":{"c":1,"c":1}}}', '{"a":1,"a":{"b":2}}', '{"a":{"b":2},"a":1}', '{"a":{"a":1},"a":{}}', '{"é":1,"\\u00e9":2}'
  ]
  for (const text of texts) t.same(outcome(() => parseStrictJson(text)), { reason: 'duplicate_member' }, text)
})

t.test('refuses the names that reach a prototype, at every level and in every spelling', async (t) => {
  for (const name of ['__proto__', 'constructor', 'prototype', '__pr\\u006fto__', '\\u0063onstructor', '\\u005f_proto_\\u005f']) {
    for (const text of [`{"${name}":1}`, `{"a":{"${name}":{"role":"admin"}}}`, `[[{"b":1,"${name}":null}]]`]) {
      t.same(outcome(() => parseStrictJson(text)), { reason: 'forbidden_member' }, text)
    }
  }
  t.same(parseStrictJson('{"Constructor":1,"proto":"__proto__","prototype ":2}'), { Constructor: 1, proto: '__proto__', 'prototype ': 2 })
})

t.test('refuses a name that cannot be written without an escape', async (t) => {
  for (const name of ['\\n', '\\u0000', '\\"', '\\\\', 'a\\u001fb', '\\u005c', '\\u0022']) {
    t.same(outcome(() => parseStrictJson(`{"${name}" :1}`)), { reason: 'forbidden_member' }, name)
    t.same(outcome(() => parseStrictJson(`{"a":"${name}"}`)), { value: { a: JSON.parse(`"${name}"`) } }, name)
  }
  t.same(outcome(() => parseStrictJson('{"\\x":1}')), { reason: 'syntax' })
})

t.test('is not led astray by what the process parsed before', async (t) => {
  for (let i = 0; i < 4; i++) JSON.parse('{"sub":1,"\\\\u0":1}')
  t.same(outcome(() => parseStrictJson('{"sub":1,"\\u0061ud":1}')), { value: { sub: 1, aud: 1 } })
  t.same(outcome(() => parseStrictJson('{"sub":1,"\\u0073ub":2}')), { reason: 'duplicate_member' })
})

t.test('refuses what is nested deeper than the limit', async (t) => {
  const cases: [string, number | undefined, boolean][] = [
    [nested(8), undefined, true], [nested(9), undefined, false], [nested(8, '{"a":', '}'), undefined, true], [nested(9, '{"a":', '}'), undefined, false],
    [`[${nested(7)},${nested(7)}]`, undefined, true], ['[1]', 1, true], ['[[1]]', 1, false], ['1', 0, true], ['[]', 0, false], [nested(5000), 5000, true]
  ]
  for (const [text, depth, fits] of cases) {
    const result = outcome(() => parseStrictJson(text, depth === undefined ? {} : { depth }))
    t.same(fits ? Object.keys(result) : result, fits ? ['value'] : { reason: 'too_deep' }, text.slice(0, 60))
  }
})

t.test('stops at the depth before the rest is read', async (t) => {
  const started = performance.now()
  for (let i = 0; i < 100; i++) t.same(outcome(() => parseStrictJson('['.repeat(1_000_000))), { reason: 'too_deep' })
  t.ok(performance.now() - started < 1000)
})

t.test('takes time in proportion to the length', async (t) => {
  const hostile = [
    `"${'\\"'.repeat(500_000)}"`, `"${'\\\\'.repeat(500_000)}"`, `[${'{},'.repeat(300_000)}1]`, '9'.repeat(1_000_000), ' '.repeat(1_000_000), '"'.repeat(1_000_001),
    `{${Array.from({ length: 60_000 }, (_, i) => `"claim${i}":0`).join()}}`
  ]
  for (const text of hostile) {
    const started = performance.now()
    outcome(() => parseStrictJson(text))
    t.ok(performance.now() - started < 1000, text.slice(0, 20))
  }
})

t.test('reads bytes as UTF-8 without a fault', async (t) => {
  const faulty = [[0xff], [0x22, 0x80, 0x22], [0x22, 0xc0, 0xaf, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xf5, 0x80, 0x80, 0x80, 0x22], [0x22, 0xe2, 0x82, 0x22]]
  for (const bytes of faulty) t.same(outcome(() => parseStrictJsonBytes(Uint8Array.from(bytes))), { reason: 'encoding' }, bytes.join())
  t.same(outcome(() => parseStrictJsonBytes(Uint8Array.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]))), { reason: 'syntax' }, 'a byte order mark')
  t.same(outcome(() => parseStrictJsonBytes(Buffer.from('{"a":1}', 'utf16le'))), { reason: 'syntax' }, 'UTF-16')
  t.same(outcome(() => parseStrictJsonBytes(Buffer.from('[[1]]'), { depth: 1 })), { reason: 'too_deep' })
  t.same(parseStrictJsonBytes(Buffer.from('{"grüße":"\u{1f30d}"}')), { grüße: '\u{1f30d}' })
})

t.test('says why and never what', async (t) => {
  const inputs: [Uint8Array, string][] = [
    [Buffer.from(`{"${secret}"`), 'syntax'], [Buffer.from(`{"${secret}":1,"${secret}":2}`), 'duplicate_member'], [Buffer.from(`{"a":"${secret}","__proto__":1}`), 'forbidden_member'],
    [Buffer.from(`"${secret}"${'['.repeat(9)}`), 'too_deep'], [Buffer.concat([Buffer.from(secret), Buffer.from([0xff])]), 'encoding']
  ]
  for (const [bytes, reason] of inputs) {
    const error = t.throws(() => parseStrictJsonBytes(bytes), { name: 'StrictJsonError', reason }) as StrictJsonError
    t.type(error, StrictJsonError)
    t.notMatch(`${error.message} ${error.stack}`, secret)
    t.notMatch(error.stack, /\n/, 'no stack is taken')
  }
  t.match(new Error('another').stack, /\n/, 'other errors keep theirs')
})

const space = fc.constantFrom('', '', '', ' ', '\n\t', '\r')
const quoted = fc.oneof(
  fc.constantFrom('"a"', '"\\u0061"', '"b"', '""', '"\\""', '"\\\\"', '":"', '"{"', '"]"', '"__proto__"', '"constructor"', '"proto\\u0074ype"', '"é"', '"\\u00E9"'),
  fc.string({ unit: 'binary', maxLength: 6 }).map((text) => JSON.stringify(text))
)
const jsonText = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium', maxDepth: 12 },
    fc.oneof(quoted, fc.constantFrom('0', '-0', '12', '1.5e3', 'true', 'false', 'null'), fc.double({ noNaN: true, noDefaultInfinity: true }).map(String)),
    fc.tuple(space, fc.array(tie('value'), { maxLength: 4 })).map(([gap, items]) => `${gap}[${gap}${items.join(`${gap},`)}]${gap}`),
    fc.tuple(space, fc.array(fc.tuple(quoted, tie('value')), { maxLength: 4 })).map(([gap, members]) =>
      `{${gap}${members.map(([name, value]) => `${name}${gap}:${value}${gap}`).join(`,${gap}`)}}`)
  )
})).value
const piece = fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', '"a":', '\\u', '0', '-', '.', 'e', ' ', 'null', '\n', '\u0000', '\ufeff')
const damaged = fc.tuple(jsonText, fc.nat(), fc.nat(3), fc.array(piece, { maxLength: 2 })).map(([text, at, cut, pieces]) => {
  const begin = at % (text.length + 1)
  return text.slice(0, begin) + pieces.join('') + text.slice(begin + cut)
})

t.test('agrees with a parser written from the RFC', async (t) => {
  const seen = new Set<string>()
  fc.assert(fc.property(fc.oneof(jsonText, damaged, fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))), (text) => {
    const expected = readJson(text)
    const actual = outcome(() => parseStrictJson(text))
    seen.add('reason' in actual ? actual.reason : 'value')
    if (!expected.wellFormed) return 'reason' in actual && ['syntax', 'too_deep', 'forbidden_member'].includes(actual.reason)
    if (expected.faults.size > 0) return 'reason' in actual && expected.faults.has(actual.reason)
    return 'value' in actual && isDeepStrictEqual(actual.value, expected.value)
  }), { numRuns: 10_000 })
  t.same([...seen].sort(), ['duplicate_member', 'forbidden_member', 'syntax', 'too_deep', 'value'], 'every outcome was met')
})

t.test('agrees with itself on text and bytes', async () => {
  fc.assert(fc.property(damaged.map((text) => text.toWellFormed()), (text) => isDeepStrictEqual(outcome(() => parseStrictJsonBytes(Buffer.from(text))), outcome(() => parseStrictJson(text)))))
})
