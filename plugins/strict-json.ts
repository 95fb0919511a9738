import fp from 'fastify-plugin'
import { readAnswer } from './strict-json/answer.ts'
import { parseStrictJsonBytes, type StrictJsonError } from './strict-json/parse.ts'

declare module 'fastify' {
  interface FastifyInstance {
    strictJson: StrictJson
  }
}

export interface StrictJson {
  /** One JSON text in UTF-8 with unique member names. Throws at anything else (RFC 8259; ASVS 15.3.7). */
  parse (bytes: Uint8Array): unknown
  /** The JSON text of an issuer's answer. Throws at anything else, and at more than so many bytes, of which it reads no further. */
  readAnswer (response: Response, mostBytes: number): Promise<unknown>
}

export interface StrictJsonOptions {
  /** Whether this app's bodies are JSON read strictly: no other media type is parsed, no content coding is undone. */
  bodies: boolean
}

export default fp<StrictJsonOptions>(async (app, { bodies }) => {
  app.decorate('strictJson', { parse: (bytes) => parseStrictJsonBytes(bytes), readAnswer } satisfies StrictJson)
  if (!bodies) return

  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0 && mayBeAbsent(request.routeOptions.schema?.body)) return done(null)
    if (!isUtf8(request.headers['content-type'] as string)) return done(app.errors.create('unsupported_media_type'))
    try {
      done(null, app.strictJson.parse(body as Buffer))
    } catch (error) {
      const { message, reason } = error as StrictJsonError
      done(app.errors.create('invalid_request', { message: `The body cannot be read: ${message}`, cause: reason }))
    }
  })

  // What is of no type may still be nothing: an empty body in chunks.
  app.addContentTypeParser('*', (request, payload, done) => {
    const unsupported = app.errors.create('unsupported_media_type')
    if (request.is404) return done(null)
    if (request.headers['content-type'] !== undefined || !mayBeAbsent(request.routeOptions.schema?.body)) return done(unsupported)
    const nothing = () => done(null)
    payload.once('error', done).once('end', nothing).once('data', () => {
      payload.off('end', nothing).off('error', done).pause()
      done(unsupported)
    })
  })

  app.addHook('onRoute', (route) => {
    if (route.method === 'GET' || route.method === 'HEAD') return
    route.preParsing = [refuseCoding, ...[route.preParsing ?? []].flat()]
    const { body } = route.schema ?? {}
    if (body !== undefined && mayBeAbsent(body)) route.preValidation = [fillIn, ...[route.preValidation ?? []].flat()]
  })

  /** Where all members are optional, no body says as much as an empty one. */
  function fillIn (request: { body: unknown }, _reply: unknown, done: () => void) {
    if (request.body === undefined) request.body = {}
    done()
  }

  function refuseCoding (request: { headers: Record<string, unknown> }, _reply: unknown, payload: unknown, done: (error: Error | null, payload: never) => void) {
    const coding = request.headers['content-encoding']
    done(coding === undefined || coding === 'identity' ? null : app.errors.create('unsupported_media_type'), payload as never)
  }
}, { name: 'strict-json', dependencies: ['errors'], fastify: '5.x' })

/** Whether a route takes no body, or one whose members are all optional. */
function mayBeAbsent (schema: unknown): boolean {
  const { type, required = [] } = (schema ?? { type: 'object' }) as { type?: string, required?: readonly string[] }
  return type === 'object' && required.length === 0
}

/** True where no charset is named, or UTF-8 is. */
function isUtf8 (contentType: string): boolean {
  const [, ...parameters] = contentType.split(';')
  return parameters.every((parameter) => {
    const [name = '', value = ''] = parameter.split('=')
    return name.trim().toLowerCase() !== 'charset' || /^"?utf-8"?$/i.test(value.trim())
  })
}
