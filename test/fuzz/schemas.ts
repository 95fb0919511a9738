import fc, { type Arbitrary } from 'fast-check'

/** As much of a JSON schema as the description of the interface uses. */
export interface Schema {
  type?: string
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  anyOf?: Schema[]
  enum?: unknown[]
  const?: unknown
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  pattern?: string
  format?: string
}

/** Texts that have broken parsers, databases and logs before. */
const hostile = [
  '', ' ', '\0', '\u2028', '\ud800', '\udfff', '\ufeff', '\u202e', '\r\nX-Injected: yes', '%00', '%ff', '../../etc/passwd', "' OR '1'='1", '"; drop table users;--', '$\u007bjndi:ldap://x}', '{{7*7}}', '<script>', '__proto__', 'constructor', 'NaN', 'null', 'true',
  '1e309', '-0', '9'.repeat(400), 'a'.repeat(9000), 'ａｌｉｃｅ', 'e\u0301', '\u{10ffff}'.repeat(200), '$(sleep 5)', 'admin', 'alice', '(((((((((((((((((((((((((((', '!'.repeat(300)
]

export const text: Arbitrary<string> = fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ maxLength: 40 }))

/** Anything that JSON can say, and some of it large. */
export const anything: Arbitrary<unknown> = fc.oneof(
  text, fc.constantFrom(null, true, false, 0, -1, 1e308, 2 ** 53, [], {}, [[]], { $ne: null }, { length: 1 }), fc.jsonValue({ maxDepth: 3 }),
  fc.integer({ min: 1, max: 12 }).map((depth) => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`))
)

/** Values that fit a schema: what it says of types and lengths; of a pattern, what is common enough to meet it. */
export function fitting (schema: Schema): Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(fitting))
  if (schema.type === 'object') return fc.record(Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, member]) => [name, fitting(member)])), { requiredKeys: schema.required ?? [] })
  if (schema.type === 'array') return fc.array(fitting(schema.items ?? {}), { maxLength: 3 })
  if (schema.type === 'integer' || schema.type === 'number') return fc.integer({ min: schema.minimum ?? 0, max: Math.min(schema.maximum ?? 1000, 1_000_000) })
  if (schema.type === 'boolean') return fc.boolean()
  if (schema.type === 'null') return fc.constant(null)
  if (schema.type !== 'string') return anything
  const least = schema.minLength ?? 0
  const letters = fc.string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789'), minLength: least, maxLength: Math.max(least, Math.min(schema.maxLength ?? 24, 24)) })
  return /mail/.test(schema.format ?? '') || (schema.pattern ?? '').includes('@') ? letters.map((name) => `x${name}@example.com`) : letters
}

/** What almost fits, or does not: members of other types, missing, added, or none of it. */
export function misfitting (schema: Schema): Arbitrary<unknown> {
  const fit = fitting(schema)
  const names = Object.keys(schema.properties ?? {})
  if (names.length === 0) return anything
  return fc.oneof(
    anything,
    fc.tuple(fit, fc.constantFrom(...names), anything).map(([value, name, other]) => ({ ...value as object, [name]: other })),
    fc.tuple(fit, text, anything).map(([value, name, other]) => ({ ...value as object, [name]: other })),
    fc.tuple(fit, fc.constantFrom(...names)).map(([value, name]) => Object.fromEntries(Object.entries(value as object).filter(([key]) => key !== name)))
  )
}

/** Texts of a value: as JSON.stringify has it, with a member twice, cut off, with something behind, or with bytes changed. */
export function spelt (value: unknown): Arbitrary<string> {
  const plain = JSON.stringify(value) ?? ''
  return fc.oneof(
    { weight: 5, arbitrary: fc.constant(plain) },
    fc.constantFrom(plain.replace(/^\{(.+)\}$/s, '{$1,$1}'), plain.slice(0, -1), `${plain}${plain}`, `\ufeff${plain}`, `${plain},`, plain.replaceAll('"', '\''), `${' '.repeat(200)}${plain}`, plain.replace('"', '"\\u0070')),
    fc.tuple(fc.nat(Math.max(0, plain.length - 1)), fc.string({ unit: 'binary', maxLength: 3 })).map(([at, other]) => plain.slice(0, at) + other + plain.slice(at + 1))
  )
}
