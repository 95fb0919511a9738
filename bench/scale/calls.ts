import type { FastifyInstance } from 'fastify'
import { run } from '../../plugins/database/statement.ts'
import { createRefreshTokens } from '../../plugins/sessions/refresh-token.ts'
import { createSessionRepository } from '../../plugins/sessions/repository.ts'
import type { Population } from './population.ts'

/** How long each of many calls took, in milliseconds, one after the other. */
export interface Latencies {
  call: string
  milliseconds: readonly number[]
}

/** One that nobody else uses. */
export type Take = () => Population['live'][number]

const origin = { ip: '10.1.2.3', network: '10.1.2.3', userAgent: 'bench', requestId: 'bench', signal: new AbortController().signal }
const sweepBatch = 40
const afterlife = 120_000

/** Has the service do each of these `times` times, by itself and without HTTP, so that what is measured is the database and the way there. */
export async function measureCalls (app: FastifyInstance, { userIds, username }: Population, take: Take, times: number): Promise<Latencies[]> {
  const refreshTokens = createRefreshTokens(app.secrets)
  const somebody = () => Math.floor(Math.random() * userIds.length)
  const { queries } = app.database

  async function measure (call: string, work: () => Promise<unknown>, count = times): Promise<Latencies> {
    const milliseconds: number[] = []
    for (let number = 0; number < count; number++) {
      const began = performance.now()
      await work()
      milliseconds.push(performance.now() - began)
    }
    return { call, milliseconds }
  }

  return [
    await measure('an account is looked up by its name', async () => present(await app.users.findByLogin(username(somebody())))),
    await measure('a sign-in writes, once the password is right', async () => {
      const user = present(await app.users.findById(userIds[somebody()] as string))
      await app.database.transaction(async (within) => {
        const known = present(await app.users.within(within).signIn(user, app.clock.now()))
        await app.throttle.remember(known.id, origin, within)
        const { id } = await app.sessions.open(known, origin, within)
        await app.audit.record({ event: 'authn_login_success', userId: known.id, origin, detail: { session_id: id } }, within)
      })
    }),
    await measure('a refresh token is replaced', async () => {
      const { id, counter } = take()
      await app.signIn.withRefreshToken(refreshTokens.make(id, counter), origin)
    }),
    await measure('sessions are listed', async () => present((await app.sessions.list(take().userId, queries))[0])),
    await measure('a session is ended', async () => {
      const { id, userId } = take()
      const identity = { userId, username: 'somebody', sessionId: id, clientId: 'gatehouse', roles: [], scopes: [], tokenId: '', expiresAt: 0, issuedAt: 0 }
      await app.signOut.end(identity, id, origin)
    }),
    await measure('40 sessions that are over are swept', async () => {
      const swept = await createSessionRepository(queries, { run }).sweep(app.clock.now() - afterlife, sweepBatch)
      if (swept < sweepBatch) throw new Error('there is nothing left to sweep')
    }, times / 8),
    await measure('live sessions are counted', () => app.sessions.count(), 5)
  ]
}

function present<T> (value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('what has to be there is not')
  return value
}
