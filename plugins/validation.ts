import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import fastJson, { type Schema as SerializedSchema } from 'fast-json-stringify'
import fp from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyInstance {
    validation: Validation
  }
}

export interface Validation {
  /** What is wrong with what came otherwise than in a request, judged as a body is: `part`, the place and the rule, never what was there. Null where it fits. */
  judgeOf (schema: object, part: string): (value: unknown) => string | null
}

type Serializer = (value: unknown) => string

/** Bodies as they are: nothing coerced, nothing dropped, nothing filled in (ASVS 15.3.3, 15.3.5). */
const strict = createAjv({ coerceTypes: false, useDefaults: false })
/** Query strings and parameters arrive as text: converted, with defaults, but never dropped. */
const converting = createAjv({ coerceTypes: 'array', useDefaults: true })

/**
 * TypeBox schemas, checked by a strict Ajv for bodies and a converting one for the rest, and written out by fast-json-stringify.
 * Each is compiled when the first value comes for it: there are a hundred, and a start waits for none.
 */
export default fp(async (app) => {
  app.setValidatorCompiler(({ schema, httpPart }) => httpPart === 'body' ? checkerOf(() => strict.compile(schema)) : converterOf(schema as Schema))

  /** What many routes answer, such as an error, is compiled for all of them. */
  const serializers = new WeakMap<object, Serializer>()
  function serializerOf (schema: SerializedSchema & object): Serializer {
    const known = serializers.get(schema) ?? fastJson(schema, { schema: app.getSchemas() as Record<string, SerializedSchema> })
    serializers.set(schema, known)
    return known
  }

  app.setSerializerCompiler(({ schema }) => {
    let serialize: Serializer | null = null
    return (value) => {
      serialize ??= serializerOf(schema as SerializedSchema & object)
      return serialize(value)
    }
  })

  app.setSchemaErrorFormatter(([first], part) => {
    return app.errors.create('invalid_request', { message: explain(first as ErrorObject, part) })
  })

  app.decorate('validation', {
    judgeOf (schema, part) {
      const check = checkerOf(() => strict.compile(schema))
      return (value) => check(value) ? null : explain(check.errors?.[0] as ErrorObject, part)
    }
  } satisfies Validation)
}, { name: 'validation', dependencies: ['errors'], fastify: '5.x' })

interface Schema {
  properties?: Record<string, { type?: string }>
}

/** What `compile` will make of a schema, made once. */
function checkerOf (compile: () => ValidateFunction): ValidateFunction {
  let compiled: ValidateFunction | null = null
  const check = (value: unknown) => {
    compiled ??= compile()
    const passes = compiled(value)
    check.errors = compiled.errors
    return passes
  }
  check.errors = null as ErrorObject[] | null | undefined
  return check as unknown as ValidateFunction
}

/** Ajv would take 0x5, 1e1 and what has blanks around it for a whole number. */
function converterOf (schema: Schema): ValidateFunction {
  const whole = Object.entries(schema.properties ?? {}).filter(([, { type }]) => type === 'integer').map(([name]) => name)
  const check = checkerOf(() => converting.compile(schema))
  if (whole.length === 0) return check
  const judge = (data: Record<string, unknown>) => {
    const wrong = whole.find((name) => typeof data[name] === 'string' && !/^\d{1,15}$/.test(data[name]))
    const passes = wrong === undefined && check(data)
    judge.errors = wrong === undefined ? check.errors : [{ instancePath: `/${wrong}`, keyword: 'type', message: 'must be integer', schemaPath: '', params: {} }]
    return passes
  }
  judge.errors = null as ErrorObject[] | null | undefined
  return judge as unknown as ValidateFunction
}

function createAjv (options: { coerceTypes: false | 'array', useDefaults: boolean }): Ajv {
  const ajv = new Ajv({ ...options, removeAdditional: false, allErrors: false, strict: true, strictTypes: false, allowUnionTypes: true })
  ajv.removeKeyword('maxLength').addKeyword({ keyword: 'maxLength', type: 'string', schemaType: 'number', validate: isWithin, error: { message: ({ schema }) => `must NOT have more than ${schema} characters` } })
  ajv.addFormat('password', { type: 'string', validate: (text) => text.isWellFormed() && !text.includes('\0') })
  ajv.addFormat('date-time', { type: 'string', validate: isTime })
  ajv.addFormat('email', { type: 'string', validate: isEmail })
  return ajv
}

/** Characters after NFC, as a password's least length counts them: some keyboards type an accent as a character of its own. */
function isWithin (most: number, text: string): boolean {
  return text.length <= most || [...text.normalize('NFC')].length <= most
}

/** One @ with a plain local part and a host name with a dot: what a mail server will take, not all of RFC 5321. */
function isEmail (text: string): boolean {
  const at = text.lastIndexOf('@')
  const host = text.slice(at + 1).split('.')
  return at >= 1 && at <= 64 && /^[\w.!#$%&'*+/=?^`{|}~-]+$/.test(text.slice(0, at)) &&
    host.length >= 2 && host.every((label) => label.length <= 63 && /^[A-Za-z0-9-]+$/.test(label) && !label.startsWith('-') && !label.endsWith('-'))
}

/** A day and a time that there are (RFC 3339, section 5.6). */
function isTime (text: string): boolean {
  const [, day] = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/i.exec(text) ?? []
  return day !== undefined && !Number.isNaN(Date.parse(text.toUpperCase())) && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)
}

/** Names the place and the rule; never what was sent, and no member that the schema does not name. */
function explain ({ instancePath, keyword, message = 'is not valid', params }: ErrorObject, part: string): string {
  const place = `${part}${instancePath.replaceAll('/', '.')}`
  if (keyword === 'additionalProperties') return `${place} has a member that is not known here`
  if (keyword === 'format') return `${place} is not a well-formed ${params['format']}`
  if (keyword === 'pattern') return `${place} has characters that are not allowed here`
  return `${place} ${message}`
}
