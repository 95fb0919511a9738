import t from 'tap'
import { createApi } from '../support/api.ts'
import { alice } from '../support/build.ts'
import { startService } from '../support/service.ts'
import { countOf } from '../support/stored.ts'

/** `npm run races` asks for 100. */
const rounds = Number(process.env['RACE_ROUNDS'] ?? 5)
const service = await startService(t)
const api = createApi(service)

t.setTimeout(900_000)

t.test(`a sign-in with the old password does not outlive the change, ${rounds} times`, async (t) => {
  let password = alice.password
  await api.register({ ...alice, password })
  const outcomes: Record<number, number> = {}
  for (let round = 0; round < rounds; round++) {
    const account = { ...alice, password }
    const changer = await api.signedIn(account)
    const next = `the password of round ${round}`
    const [changed, ...logins] = await Promise.all([
      api.call('PUT', '/me/password', { token: changer.access_token, body: { current_password: password, new_password: next } }),
      ...Array.from({ length: 4 }, () => api.login(account))
    ])
    t.equal(changed.status, 204)
    for (const { status } of logins) outcomes[status] = (outcomes[status] ?? 0) + 1
    const old = logins.filter(({ status }) => status === 200)
    const alive = await Promise.all(old.flatMap(({ body }) => [api.visit(body.access_token), api.refresh(body.refresh_token).then(({ status }) => status)]))
    if (alive.some((status) => status !== 401)) t.fail(`round ${round}: ${alive}`)
    if (logins.some(({ status }) => status !== 200 && status !== 401)) t.fail(`round ${round}: ${logins.map(({ status }) => status)}`)
    t.equal((await api.refresh(changer.refresh_token)).status, 200, 'who changed it stays')
    t.equal((await api.login(account)).status, 401, 'the old password is over')
    password = next
  }
  t.comment(`sign-ins beside the change: ${JSON.stringify(outcomes)}`)
})

t.test(`two changes of a password at once: one is done, the other sees the new one, ${rounds} times`, async (t) => {
  const account = { username: 'carol', password: alice.password }
  await api.register(account)
  for (let round = 0; round < rounds; round++) {
    const [one, other] = await Promise.all([api.signedIn(account), api.signedIn(account)])
    const wanted = [`carol's ${round}th, the left`, `carol's ${round}th, the right`]
    const replies = await Promise.all([one, other].map(({ access_token: token }, i) =>
      api.call('PUT', '/me/password', { token, body: { current_password: account.password, new_password: wanted[i] } })))
    t.same(replies.map(({ status }) => status).sort(), [204, 401])
    account.password = wanted[replies.findIndex(({ status }) => status === 204)] as string
    t.equal((await api.login(account)).status, 200)
  }
})

t.test(`I167 registering beside the deletion of the same name never makes two of it, ${rounds} times`, async (t) => {
  const account = { username: 'bob', password: alice.password }
  const rows = countOf(service, 'users')
  await api.register(account)
  const outcomes: Record<string, number> = {}
  for (let round = 0; round < rounds; round++) {
    const { access_token: token, refresh_token: refreshToken, user } = await api.signedIn(account)
    const [removed, registered] = await Promise.all([api.call('DELETE', '/me', { token, body: { password: account.password } }), api.register(account)])
    t.equal(removed.status, 204)
    outcomes[registered] = (outcomes[registered] ?? 0) + 1
    if (registered !== 201 && registered !== 409) t.fail(`round ${round}: ${registered}`)
    t.equal(countOf(service, 'users'), rows + (registered === 201 ? 1 : 0))
    t.same([await api.visit(token), (await api.refresh(refreshToken)).status], [401, 401], 'the deleted one is gone')
    if (registered === 409) t.equal(await api.register(account), 201, 'the name is free')
    t.not((await api.signedIn(account)).user.id, user.id, 'the id never returns')
  }
  t.comment(`registrations beside a deletion: ${JSON.stringify(outcomes)}`)
})

t.test('refreshes beside the deletion of the account all end with it', async (t) => {
  const account = { username: 'dave', password: alice.password }
  await api.register(account)
  const { access_token: token, refresh_token: refreshToken } = await api.signedIn(account)
  const removed = api.call('DELETE', '/me', { token, body: { password: account.password } })
  const granted = [refreshToken]
  for (let over = false; !over;) {
    const { status, body } = await api.refresh(granted.at(-1) as string)
    if (status === 200) granted.push(body.refresh_token)
    else {
      t.equal(status, 401)
      over = true
    }
  }
  t.equal((await removed).status, 204)
  for (const one of granted) t.equal((await api.refresh(one)).status, 401)
})
