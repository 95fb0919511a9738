export interface RemoteRevocationsOptions {
  /** Where tokens are asked about (RFC 7662). */
  introspectionEndpoint: string
  /** The registered client that asks. */
  clientId: string
  clientSecret: string
  /** Seconds an answer is believed. */
  maxAge: number
  fetch: typeof fetch
  now: () => number
  readJson: (response: Response, mostBytes: number) => Promise<unknown>
  /** Called with each attempt that failed. */
  onFailure: (error: unknown) => void
  /** Makes the error for a token that could not be asked about. */
  unavailable: () => Error
}

export interface RemoteRevocations {
  /** Throws with the reason `unasked` where the token was not asked about within `maxAge`: `ask` and look again. */
  isRevoked (bearer: { tokenId: string, expiresAt: number }, token: string): boolean
  /** Asks about the token that was looked for last under this id. Callers at the same time share one question. */
  ask (tokenId: string): Promise<void>
}

/** Why a token is refused that nobody has asked about yet. */
export const unasked = 'unasked'

interface Answer {
  active: boolean | null
  until: number
}

const patience = 2000
const mostBytes = 16 * 1024
const mostAnswers = 10_000

/** Whether tokens have ended, as the service that issued them says: asked once in a few seconds a token. */
export function createRemoteRevocations (options: RemoteRevocationsOptions): RemoteRevocations {
  const { introspectionEndpoint, clientId, clientSecret, maxAge, now, readJson, onFailure, unavailable } = options
  const answers = new Map<string, Answer>()
  const questions = new Map<string, { token: string, asked: Promise<void> | null }>()
  const authorization = `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64')}`

  async function introspect (token: string): Promise<boolean> {
    const response = await options.fetch(introspectionEndpoint, {
      method: 'POST',
      redirect: 'error',
      signal: AbortSignal.timeout(patience),
      headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ token })
    })
    if (response.status !== 200) throw new Error(`the issuer answered ${response.status}`)
    return (await readJson(response, mostBytes) as { active?: unknown }).active === true
  }

  function remember (tokenId: string, active: boolean | null): void {
    if (answers.size >= mostAnswers) answers.delete(answers.keys().next().value as string)
    answers.delete(tokenId)
    answers.set(tokenId, { active, until: now() + (active === null ? 1 : maxAge) * 1000 })
  }

  async function settle (tokenId: string, token: string): Promise<void> {
    try {
      remember(tokenId, await introspect(token))
    } catch (error) {
      onFailure(error)
      remember(tokenId, null)
    } finally {
      questions.delete(tokenId)
    }
  }

  return {
    isRevoked ({ tokenId }, token) {
      const known = answers.get(tokenId)
      if (known === undefined || now() >= known.until) {
        if (!questions.has(tokenId)) questions.set(tokenId, { token, asked: null })
        throw Object.assign(new Error('token not asked about'), { reason: unasked, tokenId })
      }
      if (known.active === null) throw unavailable()
      return !known.active
    },
    ask (tokenId) {
      const question = questions.get(tokenId)
      if (question === undefined) return Promise.resolve()
      question.asked ??= settle(tokenId, question.token)
      return question.asked
    }
  }
}
