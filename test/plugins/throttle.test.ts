import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import t from 'tap'
import { alice, aliceSignedIn, costly, withAlice } from '../support/build.ts'
import { origin } from '../support/calls.ts'
import { temporaryFolder } from '../support/service.ts'
import { limitsOfAddresses } from './throttle/addresses.ts'
import { oneGuess } from './throttle/guess.ts'
import { failures, login, minute, pretend, throttled, times, usual, wrong } from './throttle/world.ts'

t.test('an account and a network', async (t) => {
  t.test('the eleventh failure in a row is answered 429, the right password too, and nothing is hashed for it', async (t) => {
    const { app } = await throttled(t)
    await withAlice(app)
    t.same(await failures(app, 10), times(10, 401))
    const { done } = app.hashing.statistics()
    const refused = await login(app, { password: wrong })
    const right = await login(app)
    t.same([refused.statusCode, right.statusCode], [429, 429])
    t.match(refused.json(), { statusCode: 429, code: 'too_many_attempts', error: 'Too Many Requests' })
    t.match(refused.headers, { 'retry-after': '30', 'ratelimit-policy': '"account";q=10;w=900', ratelimit: '"account";r=0;t=30' })
    t.same(right.json(), refused.json())
    t.equal(app.hashing.statistics().done, done)
  })

  t.test('waits twice as long after each failure, fifteen minutes at most, and a success begins anew', async (t) => {
    const { app, turn } = await throttled(t)
    await withAlice(app)
    await failures(app, 10)
    for (const delay of [30, 60, 120, 240, 480, 900, 900]) {
      t.equal((await login(app)).headers['retry-after'], String(delay))
      turn(delay * 1000 - 1)
      t.equal((await login(app)).headers['retry-after'], '1')
      turn(1)
      t.same(await failures(app, 2), [401, 429])
    }
    turn(15 * minute)
    t.equal((await login(app)).statusCode, 200)
    t.same(await failures(app, 11), [...times(10, 401), 429])
  })

  t.test('is one throttle for every spelling of a name, and for an address of IPv6 with its whole network', async (t) => {
    const { app } = await throttled(t)
    await withAlice(app)
    t.same(await failures(app, 5, { username: 'ALICE', from: '2001:db8:1:2:3::4' }), times(5, 401))
    t.same(await failures(app, 6, { from: '2001:db8:1:2:ffff::1' }), [...times(5, 401), 429])
    t.equal((await login(app, { from: '2001:db8:1:3::1' })).statusCode, 200)
    t.same(await failures(app, 10, { from: '192.0.2.7' }), times(10, 401))
    t.equal((await login(app, { from: '::ffff:192.0.2.7' })).statusCode, 429)
  })

  t.test('answers unknown names exactly as known ones', async (t) => {
    const { app } = await throttled(t)
    await withAlice(app)
    const seen = async (username: string) => {
      const replies = []
      for (let i = 0; i < 12; i++) {
        const { statusCode, body, headers: { date, 'x-request-id': id, ...headers } } = await login(app, { username, password: wrong })
        replies.push({ statusCode, body, headers })
      }
      return replies
    }
    t.same(await seen('nobody'), await seen('alice'))
    t.same(await seen('nobody@example.org'), await seen('bob'))
  })

  t.test('lets 64 sign in at once with the right password, and evaluates at most 12 of a hundred wrong ones', async (t) => {
    const { app } = await throttled(t, { ...usual, HASH_QUEUE: '60s' })
    await withAlice(app)
    const right = await Promise.all(Array.from({ length: 64 }, () => login(app)))
    t.same(right.map(({ statusCode }) => statusCode), times(64, 200))
    const { done } = app.hashing.statistics()
    const guesses = await Promise.all(Array.from({ length: 100 }, () => login(app, { password: wrong })))
    t.same(guesses.map(({ statusCode }) => statusCode).sort(), [...times(10, 401), ...times(90, 429)])
    t.equal(app.hashing.statistics().done - done, 10)
  })

  t.test('guards the calls that ask for the password again', async (t) => {
    const { app } = await throttled(t)
    const { access_token: token } = await aliceSignedIn(app)
    const headers = { authorization: `Bearer ${token}`, 'x-forwarded-for': '192.0.2.1' }
    const change = (password: string) => app.inject({ method: 'PUT', url: '/me/password', headers, payload: { current_password: password, new_password: 'another correct horse' } })
    const statuses = []
    for (let i = 0; i < 9; i++) statuses.push((await change(wrong)).statusCode)
    t.same(statuses, times(9, 401))
    t.equal((await app.inject({ method: 'DELETE', url: '/me', headers, payload: { password: wrong } })).statusCode, 401)
    t.equal((await change(alice.password)).statusCode, 429)
    t.equal((await app.inject({ method: 'PATCH', url: '/me', headers, payload: { email: null, password: alice.password } })).statusCode, 429)
    t.equal((await login(app)).statusCode, 429, 'with sign-ins')
  })

  t.test('guards the secrets of clients, in the words of OAuth', async (t) => {
    const { app, turn } = await throttled(t)
    const [{ client, secret }, other] = [await app.clients.create('billing', []), await app.clients.create('orders', [])]
    const ask = (id: string, secret: string) => app.inject({
      method: 'POST', url: '/oauth/introspect', payload: 'token=x',
      headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`, 'content-type': 'application/x-www-form-urlencoded' }
    })
    const guesses = await Promise.all(Array.from({ length: 20 }, () => ask(client.id, 'wrong')))
    t.same(guesses.map(({ statusCode }) => statusCode).sort(), [...times(10, 401), ...times(10, 429)])
    const refused = await ask(client.id, 'wrong')
    t.match(refused.json(), { error: 'slow_down' })
    t.equal(refused.statusCode, 429)
    t.equal(refused.headers['retry-after'], '30')
    t.equal((await ask(client.id, secret)).statusCode, 200, 'the right one cannot be guessed, and others at its address must not stop it')
    t.equal((await ask(other.client.id, 'wrong')).statusCode, 401)
    const strangers = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(`nobody-${i}`, 'wrong')))
    t.same(strangers.map(({ statusCode }) => statusCode).sort(), [...times(10, 401), ...times(10, 429)], 'ids that nobody has are one')
    turn(30_000)
    t.equal((await ask(client.id, 'wrong')).statusCode, 401)
  })
})

t.test('tells the audit whom it refused, each account and each client by itself', async (t) => {
  const { app } = await throttled(t)
  await withAlice(app)
  await app.inject({ method: 'POST', url: '/register', payload: { ...alice, username: 'bob' } })
  for (const [username, count] of [['alice', 12], ['bob', 11], ['nobody', 11]] as const) await failures(app, count, { username })
  for (const id of ['one', 'two', null]) for (let i = 0; i < 11; i++) await app.throttle.clientFailed(id, origin, async () => {}).catch(() => {})
  const { events } = await app.audit.list({ event: 'excess_rate_limit_exceeded', limit: 50 })
  const names = new Map(await Promise.all(['alice', 'bob'].map(async (name) => [(await app.users.findByLogin(name))?.id ?? '', name] as const)))
  t.same(events.map(({ user_id: id, detail }) => `${names.get(id ?? '')} ${detail?.['client_id']} ${detail?.['limit']} ${detail?.['count']}`).sort(), [
    'alice undefined account 2', 'bob undefined account 1', 'undefined one account 1', 'undefined two account 1', 'undefined undefined account 2'
  ], 'what nobody has is one')
})

t.test('one guess', oneGuess)

t.test('forgets what a client failed a day ago', async (t) => {
  const { app, turn } = await throttled(t)
  for (const day of [1, 2]) {
    const outcomes: unknown[] = []
    for (let i = 0; i < 11; i++) outcomes.push(await app.throttle.clientFailed('id', origin, async () => {}).catch(({ code }) => code))
    t.same(outcomes, [...Array(10).fill(undefined), 'too_many_attempts'], `day ${day}`)
    turn(86_400_000)
  }
})

t.test('an account over all networks', async (t) => {
  t.test('is closed to strangers by fifty failures under a name, and open to where its owner was let in', async (t) => {
    const { app, turn } = await throttled(t)
    await withAlice(app)
    t.equal((await login(app, { from: '198.51.100.1' })).statusCode, 200)
    await failures(app, 1)
    await pretend(app, 49)
    t.equal((await failures(app, 1, { from: '192.0.2.2' }))[0], 401)
    t.equal((await login(app, { from: '192.0.2.3' })).statusCode, 429)
    t.equal((await login(app, { from: '198.51.100.1' })).statusCode, 200)
    t.equal((await login(app, { from: '192.0.2.3' })).statusCode, 429, 'the owner\'s success gives strangers nothing back')
    turn(minute)
    t.equal((await login(app, { from: '192.0.2.3' })).statusCode, 200, 'one is let through a minute later')
    t.equal((await login(app, { from: '192.0.2.5' })).statusCode, 200, 'and a success from there begins anew')
    for (const [wait, status] of [[30 * 1440 * minute - minute - 1, 200], [30 * 1440 * minute, 429]] as const) {
      turn(wait)
      await failures(app, 1, { from: '192.0.2.4' })
      await pretend(app, 50)
      t.equal((await login(app, { from: '198.51.100.1' })).statusCode, status, 'a network is forgotten after 30 days')
    }
  })

  t.test('is so by another\'s process too, and after a restart', async (t) => {
    const environment = { DATABASE_URL: `sqlite:${join(temporaryFolder(t), 'auth.db')}`, SECRET_KEY: randomUUID() + randomUUID() }
    const [{ app: one }, { app: other }] = [await throttled(t, environment), await throttled(t, environment)]
    await withAlice(one)
    t.same([...await failures(one, 5), ...await failures(other, 6)], [...times(10, 401), 429])
    await one.close()
    const { app: next } = await throttled(t, environment)
    t.equal((await login(next)).statusCode, 429)
  })

  t.test('lets no burst over several processes through that one would not let through, but for what they hash at once', async (t) => {
    const environment = { DATABASE_URL: `sqlite:${join(temporaryFolder(t), 'auth.db')}`, SECRET_KEY: randomUUID() + randomUUID(), HASH_QUEUE: '60s', HASH_CONCURRENCY: '1', ...costly }
    const apps = await Promise.all(Array.from({ length: 3 }, async () => (await throttled(t, environment)).app))
    await withAlice(apps[0] as FastifyInstance)
    const replies = await Promise.all(apps.flatMap((app) => Array.from({ length: 30 }, () => login(app, { password: wrong }))))
    const evaluated = replies.filter(({ statusCode }) => statusCode === 401).length
    t.ok(evaluated >= 10 && evaluated <= 10 + 2 * apps.length, `${evaluated} of 90 were looked at`)
  })

  t.test('does not tell which name and which address belong together', async (t) => {
    const { app } = await throttled(t)
    await app.inject({ method: 'POST', url: '/register', payload: { ...alice, email: 'a@example.org' } })
    await failures(app, 1)
    await pretend(app, 60)
    const statuses = await Promise.all(['alice', 'a@example.org', 'b@example.org'].map((username, i) => login(app, { username, password: wrong, from: `192.0.2.${10 + i}` })))
    t.same(statuses.map(({ statusCode }) => statusCode), [429, 401, 401])
  })

  t.test('counts on where the database cannot', async (t) => {
    const { app } = await throttled(t)
    await withAlice(app)
    await sql`create trigger full before insert on failures begin select raise(abort, 'disk full'); end`.execute(app.database.queries)
    const guesses = await failures(app, 12)
    t.ok(guesses.slice(0, 10).every((status) => status >= 500), 'nobody learns whether one was right')
    t.same(guesses.slice(10), [429, 429])
  })

  t.test('writes nothing for a success where nothing had failed, but once a day where it was', async (t) => {
    const { app, turn } = await throttled(t)
    await withAlice(app)
    await login(app)
    const seen = () => app.database.queries.selectFrom('known_networks').selectAll().execute()
    const [before] = await seen()
    turn(1440 * minute)
    await login(app)
    t.strictSame(await seen(), [before])
    turn(1)
    await login(app)
    t.match(await seen(), [{ ...before, seen_at: Number(before?.seen_at) + 1440 * minute + 1 }])
    t.strictSame(await app.database.queries.selectFrom('failures').selectAll().execute(), [])
  })

  t.test('keeps no name as it was typed', async (t) => {
    const { app } = await throttled(t)
    await failures(app, 1, { username: 'my password in the wrong field' })
    t.equal(JSON.stringify(await app.database.queries.selectFrom('failures').selectAll().execute()).includes('wrong field'), false)
  })

  t.test('forgets in the background what is over', async (t) => {
    const { app, turn } = await throttled(t)
    await withAlice(app)
    await login(app)
    await failures(app, 1, { from: '192.0.2.9' })
    turn(86_400_000)
    await app.jobs.run('throttle')
    const left = async () => [(await app.database.queries.selectFrom('failures').selectAll().execute()).length, (await app.database.queries.selectFrom('known_networks').selectAll().execute()).length]
    t.same(await left(), [1, 1], 'of the network; of the name after 30 days')
    turn(29 * 86_400_000 - 1)
    await app.jobs.run('throttle')
    t.same(await left(), [1, 1])
    turn(1)
    await app.jobs.run('throttle')
    t.same(await left(), [0, 0])
  })

  t.test('keeps 200,000 failures at most, those that matter most', async (t) => {
    const { app } = await throttled(t)
    await sql`insert into failures (key, count, last_at, expires_at)
      with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 200041) select n, case when n <= 60 then 1 else 2 end, 0, ${app.clock.now() + 1} from numbers`.execute(app.database.queries)
    const counts = () => app.database.queries.selectFrom('failures').select(['count', ({ fn }) => fn.countAll().as('rows')]).groupBy('count').orderBy('count').execute()
    for (const _ of Array(2)) {
      await app.jobs.run('throttle')
      t.same(await counts(), [{ count: 1, rows: 19 }, { count: 2, rows: 199_981 }])
    }
  })

  t.test('knows twenty networks of a user, those seen last', async (t) => {
    const { app, turn } = await throttled(t)
    await withAlice(app)
    const { id } = await app.users.findByLogin('alice') as { id: string }
    for (let number = 0; number < 21; number++) {
      turn(1)
      await app.database.transaction((queries) => app.throttle.remember(id, { ...origin, network: `192.0.2.${number}` }, queries))
    }
    const known = await app.database.queries.selectFrom('known_networks').selectAll().orderBy('seen_at').execute()
    t.same(known.map(({ user_id: userId, network }) => [userId, network]), Array.from({ length: 20 }, (_, index) => [id, `192.0.2.${index + 1}`]))
  })
})

t.test('an address', limitsOfAddresses)
