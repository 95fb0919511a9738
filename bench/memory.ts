import { randomBytes } from 'node:crypto'
import { collectGarbage } from '../test/support/heap.ts'
import { createService, issue } from './service.ts'

// What the service remembers of tokens that name unknown keys, which is nothing, and of good ones, which is TOKEN_CACHE of them.

const service = await createService({ TOKEN_CACHE: '10000' })
const [, payload, signature] = issue(service).split('.')

for (let i = 0; i < 1000; i++) refuse()
for (let i = 0; i < 1000; i++) service.tokens.verify(issue(service))
report('at the beginning, with 1,000 good tokens', 0)
for (let i = 0; i < 10_000; i++) refuse()
report('after 10,000 tokens with unknown key ids', 0)
for (let i = 0; i < 9000; i++) service.tokens.verify(issue(service))
report('after 10,000 good tokens', 10_000)
for (let i = 0; i < 90_000; i++) service.tokens.verify(issue(service))
report('after 100,000 good tokens', 10_000)
await service.close()

/** A token under a key that nobody has, of the shape ours have. */
function refuse (): void {
  const header = { alg: 'ES256', kid: randomBytes(32).toString('base64url'), typ: 'at+jwt' }
  try {
    service.tokens.verify(`${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}.${signature}`)
  } catch {
    return
  }
  throw new Error('a token under an unknown key was taken')
}

function report (when: string, remembered: number): void {
  collectGarbage()
  const { heapUsed, rss } = process.memoryUsage()
  const [heap, resident] = [heapUsed, rss].map((bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`)
  process.stdout.write(`${when}: heap ${heap}, resident ${resident}${remembered === 0 ? '' : `; at most ${remembered} remembered`}\n`)
}
