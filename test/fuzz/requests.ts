import fc, { type Arbitrary } from 'fast-check'
import { fitting, misfitting, type Schema, spelt, text } from './schemas.ts'

export interface Description {
  paths: Record<string, Record<string, Operation>>
}

interface Operation {
  parameters?: Array<{ in: string, name: string, schema: Schema }>
  requestBody?: { content: Record<string, { schema: Schema }> }
}

/** What a client holds, some of which goes with some requests. */
export interface Holdings {
  token: string
  refreshToken: string
  basic: string
}

/** What goes over a connection, byte for byte (latin1), and what it was made as. */
export interface Sent {
  what: string
  bytes: string
}

const latin1 = (value: string) => Buffer.from(value).toString('latin1')
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'QUERY', 'TRACE']
const headerNames = ['Content-Type', 'Accept', 'Cookie', 'X-Forwarded-For', 'X-Request-Id', 'X-Auth-User-Id', 'Origin', 'If-None-Match', 'Expect', 'Content-Encoding', 'Upgrade', 'Forwarded', 'X-Http-Method-Override', '__proto__', 'constructor', 'Range', 'Traceparent', 'Access-Control-Request-Method']
const mediaTypes = ['application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON', 'application/json;', 'application/json\t', 'application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x', 'application/json; charset=latin1', '', 'x/']

/** What is there and not described. */
const undescribed = ['/openapi.json', '/documentation', '/documentation/{file}', '/documentation/static/{file}', '/documentation/static/swagger-ui.css', '/verify/{rest}', '/'].map((path): { path: string, method: string, operation: Operation } => ({ path, method: 'GET', operation: {} }))

/** A header value or a part of an address: what would end its line is left to the raw bytes below. */
const inLine = text.map((value) => value.replaceAll(/[\r\n\0]/g, '').slice(0, 2000))
const inPath = fc.oneof(inLine.map((value) => encodeURIComponent(value.toWellFormed())), fc.constantFrom('%ff', '%', '%2e%2e', '..', '%00', '%2f', ';x=y', '*', '~', '%c3%28', '//', 'x'.repeat(300)))

/** Requests for every operation of a description and for what else there is: with bodies that fit and bodies that do not, odd headers, odd queries. */
export function requests (description: Description, holdings: Holdings): Arbitrary<Sent> {
  const described = Object.entries(description.paths).flatMap(([path, byMethod]) => Object.entries(byMethod).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })))

  const authorizations = fc.constantFrom('', '', `Bearer ${holdings.token}`, `Bearer ${holdings.token}`, `Bearer ${holdings.token}`, `Basic ${holdings.basic}`, `Basic ${holdings.basic}`, 'Bearer', 'Bearer x.y.z', `bearer  ${holdings.token}`, `Bearer ${holdings.token}, x`, 'Basic !!!')
  const oddHeaders = fc.array(fc.tuple(fc.constantFrom(...headerNames), fc.oneof(inLine, fc.constantFrom(...mediaTypes))), { maxLength: 3 })

  function pathOf (path: string): Arbitrary<string> {
    return fc.array(inPath, { minLength: 4, maxLength: 4 }).map((parts) => path.replaceAll(/\{[^}]+\}|\*/g, () => parts.pop() as string))
  }

  function queryOf ({ parameters = [] }: Operation): Arbitrary<string> {
    const named = parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name)
    const pair = fc.tuple(fc.oneof(fc.constantFrom('x', '__proto__', ...named), inPath), inPath).map(([name, value]) => `${name}=${value}`)
    return fc.array(pair, { maxLength: 4 }).map((pairs) => pairs.length === 0 ? '' : `?${pairs.join('&')}`)
  }

  function bodyOf ({ requestBody }: Operation): Arbitrary<{ type: string, body: string, fits: boolean }> {
    const [type = 'application/json', { schema }] = Object.entries(requestBody?.content ?? { 'application/json': { schema: {} } })[0] as [string, { schema: Schema }]
    const known = (value: unknown) => typeof value === 'object' && value !== null && 'refresh_token' in value ? { ...value, refresh_token: holdings.refreshToken } : value
    if (type.includes('form')) {
      const form = fc.array(fc.tuple(fc.oneof(fc.constantFrom(...Object.keys(schema.properties ?? { x: {} })), inPath), fc.oneof(inPath, fc.constantFrom('client_credentials', 'refresh_token', holdings.token, holdings.refreshToken))), { maxLength: 4 })
      return form.map((pairs) => ({ type, body: pairs.map((pair) => pair.join('=')).join('&'), fits: true }))
    }
    return fc.oneof(
      { weight: 1, arbitrary: fitting(schema).map((value) => ({ type, body: latin1(JSON.stringify(known(value))), fits: true })) },
      { weight: 6, arbitrary: misfitting(schema).chain(spelt).map((body) => ({ type, body: latin1(body.slice(0, 20_000)), fits: false })) }
    )
  }

  return fc.constantFrom(...described, ...undescribed).chain(({ path, method, operation }) => {
    return fc.record({ path: pathOf(path), query: queryOf(operation), authorization: authorizations, odd: oddHeaders, body: bodyOf(operation), method: fc.oneof({ weight: 9, arbitrary: fc.constant(method) }, fc.constantFrom(...methods)) })
      .map(({ path: target, query, authorization, odd, body: { type, body, fits }, method: sent }) => {
        const withBody = operation.requestBody !== undefined || odd.length > 1
        const lines = [`${sent} ${target}${query} HTTP/1.1`, 'Host: x', 'Connection: close', ...authorization === '' ? [] : [`Authorization: ${authorization}`], ...odd.map(([name, value]) => latin1(`${name}: ${value}`))]
        if (withBody) lines.push(...odd.some(([name]) => name === 'Content-Type') ? [] : [`Content-Type: ${type}`], `Content-Length: ${body.length}`)
        return { what: `${sent} ${path}${withBody ? fits ? ', fitting' : ', misfitting' : ''}`, bytes: `${lines.join('\r\n')}\r\n\r\n${withBody ? body : ''}` }
      })
  })
}

const scraps = ['\r\n', '\n', '\r', '\0', ' ', '\t', ':', ',', ';', '%', '\xff', 'Transfer-Encoding: chunked\r\n', 'Content-Length: 5\r\n', 'Content-Length: -1\r\n', '0\r\n\r\n', 'ffffffff\r\n', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'HTTP/1.0', 'HTTP/9.9', 'Host: y\r\n', ' chunked', 'Expect: 100-continue\r\n', 'Upgrade: h2c\r\n', 'x'.repeat(17_000)]

/** A request, broken as bytes on a wire can be: cut, doubled, with scraps put in, with bits turned. */
export function broken (whole: Arbitrary<Sent>): Arbitrary<Sent> {
  const edit = fc.oneof(
    fc.record({ kind: fc.constant('insert' as const), at: fc.double({ min: 0, max: 1, noNaN: true }), scrap: fc.constantFrom(...scraps) }),
    fc.record({ kind: fc.constantFrom('cut' as const, 'drop' as const, 'double' as const, 'turn' as const), at: fc.double({ min: 0, max: 1, noNaN: true }), scrap: fc.constant('') })
  )
  return fc.tuple(whole, fc.array(edit, { minLength: 1, maxLength: 4 })).map(([{ what, bytes }, edits]) => {
    const text = edits.reduce((current, { kind, at, scrap }) => {
      const index = Math.floor(at * current.length)
      const [before, after] = [current.slice(0, index), current.slice(index)]
      if (kind === 'insert') return before + scrap + after
      if (kind === 'cut') return before
      if (kind === 'drop') return before + after.slice(Math.ceil(after.length / 4))
      if (kind === 'double') return before + after.slice(0, 40) + after
      return before + String.fromCharCode((after.charCodeAt(0) || 0) ^ 0x20) + after.slice(1)
    }, bytes)
    return { what: `broken ${what}`, bytes: text }
  })
}
