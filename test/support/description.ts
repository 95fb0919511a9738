import { Ajv, type ValidateFunction } from 'ajv'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

interface Answer { content?: Record<string, { examples?: Record<string, unknown> }> }
interface Operation { operationId?: string, responses: Record<string, Answer> }

export interface Description {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object> }
}

/** What an answer looks like from outside. */
export interface Answered {
  /** Undefined for what asks for nothing that is there. */
  operation: string | undefined
  status: number
  type: string
  body: string
}

const json = 'application/json'

/** What any call may be answered, as the description says in words. */
const general = ['invalid_request', 'not_found', 'method_not_allowed', 'request_timeout', 'uri_too_long', 'expectation_failed', 'headers_too_large', 'internal', 'server_error']
/** RFC 6749 has one word for all that is malformed, too large, of another type, not there or not by that method. */
export const malformed = [400, 404, 405, 408, 413, 414, 415, 417, 431]

/** Whatever a handler hands over, nothing is sent (RFC 9110, section 6.4.1). */
const empty = [204, 304]

/** Checks answers against a description: gives what is wrong with one, null where nothing is. */
export function createCheck (description: Description): (answered: Answered) => string | null {
  const ajv = new Ajv({ strict: false, validateFormats: false, schemas: { openapi: description as object } })
  const validators = new Map<string, ValidateFunction>()
  const operations = new Map(Object.entries(description.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) =>
    [operation.operationId, { operation, pointer: `openapi#/paths/${path.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D')}/${method}` }])))

  function fits (reference: string, body: string): string | null {
    const validate = validators.get(reference) ?? ajv.compile({ $ref: reference })
    validators.set(reference, validate)
    return validate(JSON.parse(body)) ? null : ajv.errorsText(validate.errors)
  }

  return ({ operation: id, status, type: contentType, body }) => {
    const [type = ''] = contentType.split(';')
    const { operation, pointer } = id === undefined ? {} : operations.get(id) ?? {}
    // Nothing of ours, such as what a test adds.
    if (id !== undefined && operation === undefined) return null
    const here = `${id ?? 'unknown'} ${status}`
    const answer = operation?.responses[status]
    if (status >= 400) {
      if (type !== json) return `${here} is ${type || 'empty'}`
      const { code, error } = JSON.parse(body)
      const isGeneral = general.includes(code ?? error) || (code === undefined && error === 'invalid_request' && malformed.includes(status))
      const isListed = answer?.content?.[json]?.examples !== undefined && (code ?? error) in answer.content[json].examples
      if (operation !== undefined && !isGeneral && !isListed) return `${here} ${code ?? error} is not described: the route's config.errors has to say so`
      const fault = fits(`openapi#/components/schemas/${code === undefined ? 'OauthErrorReply' : 'ErrorReply'}`, body)
      return fault === null ? null : `${here}: ${fault}`
    }
    if (operation === undefined) return null
    if (answer === undefined) return `${here} is not described`
    const described = Object.keys(answer.content ?? {})
    if (body === '' || empty.includes(status)) return described.length === 0 ? null : `${here} has no body`
    if (!described.includes(type)) return `${here} is ${type}`
    const fault = type === json ? fits(`${pointer}/responses/${status}/content/application~1json/schema`, body) : null
    return fault === null ? null : `${here}: ${fault}`
  }
}

/** One description for all apps of a test file: it does not depend on what they are configured with. */
let check: Promise<ReturnType<typeof createCheck>> | undefined

/** Tells of every answer that is not as the app describes it. To be called before the app has its routes. */
export function asDescribed (server: FastifyInstance, tell: (fault: string) => void): void {
  server.addHook('onSend', async (request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
    if (request.url.startsWith('/documentation') || request.method === 'HEAD') return payload
    check ??= server.openapi.describe().then((description) => createCheck(description as Description))
    const fault = (await check)({
      operation: request.routeOptions.schema?.operationId,
      status: reply.statusCode,
      type: String(reply.getHeader('content-type') ?? ''),
      body: typeof payload === 'string' || Buffer.isBuffer(payload) ? String(payload) : ''
    })
    if (fault !== null) tell(`not as described: ${fault}`)
    return payload
  })
}
