import { isDeepStrictEqual } from 'node:util'

/** A JSON schema, as far as anything here looks into it. */
export interface Schema {
  readonly title?: string
  readonly $id?: string
  readonly $ref?: string
  readonly type?: string
  readonly const?: unknown
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  readonly examples?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
}

const place = '#/components/schemas/'

/**
 * A copy in which every schema with a name stands once in `shared`, under that name, and elsewhere by reference. Throws
 * where two that differ have one name.
 */
export function share<T> (value: T, shared: Map<string, Schema>): T {
  if (Array.isArray(value)) return value.map((item) => share(item, shared)) as T
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).filter(([name]) => name !== '$id').map(([name, member]) => [name, name === 'examples' ? member : share(member, shared)])
  const { title = (value as Schema).$id } = value as Schema
  const copy = { ...title === undefined ? {} : { title }, ...Object.fromEntries(members) }
  if (typeof title !== 'string' || !('type' in copy || 'anyOf' in copy)) return copy
  const known = shared.get(title)
  if (known !== undefined && !isDeepStrictEqual(known, copy)) throw new Error(`two schemas that differ are called ${title}`)
  shared.set(title, copy)
  return { $ref: `${place}${title}` } as T
}

/** What a schema is, where it may be a reference. */
export function resolve (schema: Schema, shared: ReadonlyMap<string, Schema>): Schema {
  return schema.$ref === undefined ? schema : shared.get(schema.$ref.slice(place.length)) ?? {}
}

/** A value that a schema describes, made of the examples in it; where there is none, of its type. */
export function exampleOf (schema: Schema, shared: ReadonlyMap<string, Schema>): unknown {
  if (schema.$ref !== undefined) return exampleOf(resolve(schema, shared), shared)
  const [given] = [schema.examples?.[0], schema.const, schema.default, schema.enum?.[0]].filter((one) => one !== undefined)
  if (given !== undefined) return given
  if (schema.anyOf !== undefined) return exampleOf(schema.anyOf[0] ?? {}, shared)
  if (schema.type === 'object') return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, member]) => [name, exampleOf(member, shared)]))
  if (schema.type === 'array') return schema.items === undefined ? [] : [exampleOf(schema.items, shared)]
  return { string: 'text', integer: 1, number: 1, boolean: true }[schema.type ?? ''] ?? null
}
