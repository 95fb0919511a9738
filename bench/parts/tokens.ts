import { createPublicKey, verify } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Part } from '../parts.ts'
import { createService, issue } from '../service.ts'
import { inTurn, median, ratios } from '../slices.ts'

const algorithms = ['EdDSA', 'ES256', 'RS256']

/** A token that is seen for the first time, read and verified, against the bare verification of its signature, in turn. */
const tokens: Part = async ({ quick, pairs }) => {
  const figures = []
  for (const alg of algorithms) {
    const service = await createService({ SIGNING_ALG: alg })
    const bare = bareVerification(service)
    let batch: string[] = []
    const { whole = [], raw = [] } = await inTurn({
      whole: () => {
        batch = Array.from({ length: quick ? 20 : 150 }, () => issue(service))
        return microseconds(batch, service.tokens.verify)
      },
      raw: () => microseconds(batch, bare)
    }, quick ? pairs : 2 * pairs)
    await service.close()
    figures.push({ name: `first seen ÷ raw verification, ${alg}`, values: ratios(raw, whole), note: `${median(whole).toFixed(0)} and ${median(raw).toFixed(0)} µs` })
  }
  return figures
}

export default tokens

/** OpenSSL alone: the key is made beforehand, and nothing is looked at but the signature. */
function bareVerification ({ keys }: FastifyInstance): (token: string) => void {
  const { alg, publicPem } = keys.active()
  const key = { key: createPublicKey(publicPem), dsaEncoding: 'ieee-p1363' as const }
  return (token) => {
    const dot = token.lastIndexOf('.')
    if (!verify(alg === 'EdDSA' ? null : 'sha256', Buffer.from(token.slice(0, dot)), key, Buffer.from(token.slice(dot + 1), 'base64url'))) throw new Error('a good token was refused')
  }
}

/** Of this thread's processor time for each: nothing in there waits, and other programs do not count. */
function microseconds (tokens: readonly string[], work: (token: string) => unknown): number {
  const began = process.threadCpuUsage()
  for (const token of tokens) work(token)
  const { user, system } = process.threadCpuUsage(began)
  return (user + system) / tokens.length
}
