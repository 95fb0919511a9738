import { type FastifyReply, type FastifyRequest, type FastifyServerOptions, LogController } from 'fastify'
import { createOutput } from './output.ts'
import { RequestLogger } from './request-logger.ts'

/** One line an answered request: by operation and status, without address or query, which may hold what clients put there by mistake. */
class RequestLog extends LogController {
  constructor () {
    super({ disableRequestLogging: true })
  }

  override requestCompleted (_error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    if (!(request.log as RequestLogger).isLevelEnabled('info')) return
    request.log.info({
      operation: request.routeOptions.schema?.operationId ?? null,
      method: request.method,
      status: reply.statusCode,
      ip: request.origin.ip,
      milliseconds: Math.round(reply.elapsedTime * 10) / 10
    }, 'answered')
  }
}

const secretMembers = ['password', 'current_password', 'new_password', 'access_token', 'refresh_token', 'token', 'secret', 'client_secret', 'authorization', 'cookie']

/** One JSON object a line, UTC. What may hold a secret is never handed to the log; the redaction is a second lock. */
export function logOptions (level: string) {
  return {
    logController: new RequestLog(),
    childLoggerFactory: (parent, { reqId }) => new RequestLogger(parent, reqId),
    logger: {
      level,
      stream: createOutput(),
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      redact: { paths: [...secretMembers, ...secretMembers.map((name) => `*.${name}`)], censor: '[redacted]' },
      serializers: { req: () => undefined as never, res: () => undefined as never }
    }
  } satisfies FastifyServerOptions
}
