import type { FastifyBaseLogger } from 'fastify'

type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
type Parent = FastifyBaseLogger & { isLevelEnabled? (level: Level): boolean }

/**
 * The log of one request: every line carries its id. Pino's own child would be put together for each request,
 * also for those that log nothing.
 */
export class RequestLogger implements FastifyBaseLogger {
  readonly #parent: Parent
  readonly #requestId: unknown

  constructor (parent: Parent, requestId: unknown) {
    this.#parent = parent
    this.#requestId = requestId
  }

  get level (): string { return this.#parent.level }

  isLevelEnabled (level: Level): boolean {
    return this.#parent.isLevelEnabled?.(level) ?? true
  }

  fatal (...line: unknown[]): void { this.#write('fatal', line) }
  error (...line: unknown[]): void { this.#write('error', line) }
  warn (...line: unknown[]): void { this.#write('warn', line) }
  info (...line: unknown[]): void { this.#write('info', line) }
  debug (...line: unknown[]): void { this.#write('debug', line) }
  trace (...line: unknown[]): void { this.#write('trace', line) }
  silent (): void {}

  child (bindings: Record<string, unknown>, options?: Parameters<FastifyBaseLogger['child']>[1]): FastifyBaseLogger {
    return this.#parent.child({ reqId: this.#requestId, ...bindings }, options)
  }

  #write (level: Level, [first, ...rest]: unknown[]): void {
    if (!this.isLevelEnabled(level)) return
    const bound = { reqId: this.#requestId }
    if (typeof first === 'object') this.#parent[level]({ ...bound, ...first }, ...rest as [string])
    else this.#parent[level](bound, first as string, ...rest)
  }
}
