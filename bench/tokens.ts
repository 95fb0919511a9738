import { createPublicKey, verify } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { createService, issue } from './service.ts'
import { median } from './slices.ts'

// A token that is seen for the first time, read and verified, against the bare verification of its signature, in turn.
const algorithms = ['ES256', 'RS256', 'EdDSA']
const pairs = 20
const batch = 200

for (const alg of algorithms) {
  const service = await createService({ SIGNING_ALG: alg })
  const bare = bareVerification(service)
  const slices: Array<[first: number, raw: number]> = []
  // The first pair warms both up and is not counted.
  for (let pair = 0; pair <= pairs; pair++) {
    const tokens = Array.from({ length: batch }, () => issue(service))
    slices.push([microseconds(tokens, service.tokens.verify), microseconds(tokens, bare)])
  }
  await service.close()
  const counted = slices.slice(1)
  const ratios = counted.map(([first, raw]) => raw / first)
  const [first, raw] = [median(counted.map(([first]) => first)), median(counted.map(([, raw]) => raw))]
  process.stdout.write(`${alg}: a token first seen takes ${first.toFixed(0)} µs, the bare verification ${raw.toFixed(0)} µs; `)
  process.stdout.write(`ratio ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})\n`)
}

/** OpenSSL alone: the key is made beforehand, and nothing is looked at but the signature. */
function bareVerification ({ keys }: FastifyInstance): (token: string) => void {
  const { alg, publicPem } = keys.active()
  const key = { key: createPublicKey(publicPem), dsaEncoding: 'ieee-p1363' as const }
  return (token) => {
    const dot = token.lastIndexOf('.')
    if (!verify(alg === 'EdDSA' ? null : 'sha256', Buffer.from(token.slice(0, dot)), key, Buffer.from(token.slice(dot + 1), 'base64url'))) throw new Error('a good token was refused')
  }
}

/** What each took. */
function microseconds (tokens: readonly string[], work: (token: string) => unknown): number {
  const began = performance.now()
  for (const token of tokens) work(token)
  return (performance.now() - began) * 1000 / tokens.length
}
