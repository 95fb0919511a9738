import t from 'tap'
import { createApi } from '../support/api.ts'
import { alice } from '../support/build.ts'
import { startService } from '../support/service.ts'
import { countOf } from '../support/stored.ts'

/** `npm run races` asks for 100. */
const rounds = Number(process.env['RACE_ROUNDS'] ?? 5)
const service = await startService(t)
const api = createApi(service)
await api.register(alice)

t.setTimeout(900_000)

t.test(`K204 K205 gives fifty parallel refreshes one successor, ${rounds} times`, async (t) => {
  let { refresh_token: token } = await api.signedIn(alice)
  const before = countOf(service, 'sessions')
  for (let round = 0; round < rounds; round++) {
    const replies = await Promise.all(Array.from({ length: 50 }, () => api.refresh(token)))
    const successors = new Set(replies.map(({ body }) => body.refresh_token))
    if (replies.some(({ status }) => status !== 200) || successors.size !== 1) t.fail(`round ${round}: ${replies.map(({ status }) => status)}, ${successors.size} successors`)
    const [successor = ''] = successors
    if (successor === token) t.fail(`round ${round}: it does not rotate`)
    token = successor
    if (round === 0) t.same(new Set(await Promise.all(replies.map(({ body }) => api.visit(body.access_token)))), new Set([200]), 'every access token passes')
  }
  const next = await api.refresh(token)
  t.equal(next.status, 200, 'the last successor works')
  t.equal(await api.visit(next.body.access_token), 200)
  t.equal(countOf(service, 'sessions'), before, 'one row')
})

t.test('K204 two at once get the same successor, and the session lives', async (t) => {
  const { refresh_token: token } = await api.signedIn(alice)
  const [first, second] = await Promise.all([api.refresh(token), api.refresh(token)])
  t.equal(first.body.refresh_token, second.body.refresh_token)
  t.equal((await api.refresh(first.body.refresh_token)).status, 200)
})

for (const scope of ['local', 'global'] as const) {
  t.test(`a ${scope} logout among refreshes leaves no token alive, ${rounds} times`, async (t) => {
    const won = { before: 0, after: 0 }
    for (let round = 0; round < rounds; round++) {
      const { refresh_token: token, access_token: accessToken } = await api.signedIn(alice)
      const refreshes = () => Array.from({ length: 10 }, () => api.refresh(token))
      const early = refreshes()
      // Sent at the same time, the logout comes first; in every other round it waits for one to be answered.
      if (round % 2 === 0) await Promise.race(early)
      const loggedOut = api.logout(accessToken, scope)
      const replies = await Promise.all([...early, ...refreshes()])
      t.equal(await loggedOut, 204)
      const granted = replies.filter(({ status }) => status === 200).map(({ body }) => body)
      won.before += granted.length
      won.after += replies.length - granted.length
      if (replies.some(({ status }) => status !== 200 && status !== 401)) t.fail(`${replies.map(({ status }) => status)}`)
      const alive = await Promise.all(granted.flatMap(({ access_token: text, refresh_token: successor }) => [api.visit(text), api.refresh(successor).then(({ status }) => status)]))
      if (alive.some((status) => status !== 401)) t.fail(`round ${round}: ${alive}`)
      t.equal((await api.refresh(token)).status, 401)
      t.equal(await api.visit(accessToken), 401)
    }
    t.ok(won.before > 0 && won.after > 0, 'both came first at times')
    t.comment(`${won.before} refreshes came before the logout, ${won.after} after`)
  })
}

t.test(`two sessions of one user do not disturb each other, ${rounds} times`, async (t) => {
  const [kept, lost] = [await api.signedIn(alice), await api.signedIn(alice)]
  let token = kept.refresh_token
  let other = lost.refresh_token
  for (let round = 0; round < rounds; round++) {
    const [mine, theirs] = await Promise.all([api.refresh(token), api.refresh(other), api.refresh(token), api.refresh(other)])
    token = mine.body.refresh_token
    other = theirs.body.refresh_token
  }
  t.equal(await api.logout(lost.access_token), 204)
  t.equal((await api.refresh(other)).status, 401)
  t.equal((await api.refresh(token)).status, 200)
})
