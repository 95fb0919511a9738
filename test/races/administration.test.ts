import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { administrator, root } from '../support/administrator.ts'
import { build } from '../support/build.ts'
import { call, origin, refresh, signIn, worth } from '../support/calls.ts'
import { startPostgres } from '../support/postgres.ts'
import { temporaryFolder } from '../support/service.ts'

/** `npm run races` asks for 100. */
const rounds = Number(process.env['RACE_ROUNDS'] ?? 5)
const postgres = await startPostgres(t)
const by = { actor: 'test', origin }

t.setTimeout(900_000)

const databases = {
  SQLite: async (t: Test) => `sqlite:${join(temporaryFolder(t), 'auth.db')}`,
  PostgreSQL: () => postgres.createDatabase()
}

/** Apps on one database, as processes are. */
async function start (t: Test, url: string, count: number, more: Record<string, string> = {}): Promise<FastifyInstance[]> {
  const environment = { DATABASE_URL: url, SECRET_KEY: randomBytes(32).toString('base64url'), DATABASE_TIMEOUT: '20s', SQLITE_SYNCHRONOUS: 'normal', ...more }
  return Promise.all(Array.from({ length: count }, () => build(t, { environment })))
}

const other = { ...root, username: 'other' }

for (const [name, create] of Object.entries(databases)) {
  t.test(`${name}: two administrators who take each other's right at once leave one, ${rounds} times`, async (t) => {
    const [here, there] = await start(t, await create(t), 2) as [FastifyInstance, FastifyInstance]
    const pairs = [await administrator(here), await administrator(here, other)]
    const ids = pairs.map(({ user }) => user.id) as [string, string]
    const takings = [
      (app: FastifyInstance, id: string) => app.administration.updateUser(id, { roles: [] }, by),
      (app: FastifyInstance, id: string) => app.administration.updateUser(id, { disabled: true }, by)
    ]
    for (let round = 0; round < rounds; round++) {
      const [one, another] = [takings[round % 2], takings[(round >> 1) % 2]] as [typeof takings[number], typeof takings[number]]
      const outcomes = await Promise.allSettled([one(here, ids[0]), another(there, ids[1])])
      t.same(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
      t.match(outcomes.find(({ status }) => status === 'rejected'), { reason: { code: 'last_admin' } })
      for (const id of ids) await here.administration.updateUser(id, { roles: ['admin'], disabled: false }, by)
    }
  })

  t.test(`${name}: the deletion of one's own account and of the other administrator's leave one`, async (t) => {
    const [here, there] = await start(t, await create(t), 2) as [FastifyInstance, FastifyInstance]
    const [mine, { user }] = [await administrator(here), await administrator(here, other)] as const
    const [own, others] = await Promise.all([
      call(here, 'DELETE /me', mine.access_token, { password: root.password }),
      there.administration.deleteUser(user.id, by).then(() => 204, ({ code }) => code)
    ])
    t.same([own.statusCode === 204 ? 204 : own.json().code, others].map(String).sort(), ['204', 'last_admin'])
    t.equal((await here.administration.listUsers({ role: 'admin', limit: 50 })).users.length, 1)
  })

  t.test(`${name}: a sign-in beside being disabled does not outlive it, ${rounds} times`, async (t) => {
    const [here, there] = await start(t, await create(t), 2) as [FastifyInstance, FastifyInstance]
    const { id } = await here.administration.createUser(root, by)
    for (let round = 0; round < rounds; round++) {
      const [, ...logins] = await Promise.all([
        here.administration.updateUser(id, { disabled: true }, by),
        ...Array.from({ length: 3 }, () => signIn(there, root).catch(() => null))
      ])
      await Promise.all([here, there].map((app) => app.jobs.run('revocations')))
      for (const pair of logins.filter((login) => login !== null)) {
        t.strictSame([await worth(here, pair), await worth(there, pair), (await refresh(there, pair.refresh_token)).statusCode], [401, 401, 401])
      }
      await here.administration.updateUser(id, { disabled: false }, by)
    }
  })

  t.test(`${name}: a refresh beside the loss of a role gets no token that is good for it, ${rounds} times`, async (t) => {
    const [here, there] = await start(t, await create(t), 2) as [FastifyInstance, FastifyInstance]
    await administrator(here, other)
    const { user: { id }, ...pair } = await administrator(here)
    let token = pair.refresh_token
    for (let round = 0; round < rounds; round++) {
      const [, reply] = await Promise.all([here.administration.updateUser(id, { roles: [] }, by), refresh(there, token)])
      t.equal(reply.statusCode, 200)
      await Promise.all([here, there].map((app) => app.jobs.run('revocations')))
      for (const app of [here, there]) t.match((await call(app, 'GET /admin/users', reply.json().access_token)).statusCode, /40[13]/)
      token = reply.json().refresh_token
      await here.administration.updateUser(id, { roles: ['admin'] }, by)
    }
  })

  t.test(`${name}: five that start at once make one first administrator`, async (t) => {
    const apps = await start(t, await create(t), 5, { BOOTSTRAP_ADMIN_USERNAME: root.username, BOOTSTRAP_ADMIN_PASSWORD: root.password })
    const lists = await Promise.all(apps.map((app) => app.administration.listUsers({ limit: 50 })))
    t.match(lists[0], { users: [{ username: 'root', roles: ['admin'] }] })
    for (const list of lists) t.same(list, lists[0])
    await t.resolves(signIn(apps[4] as FastifyInstance, root))
  })
}

t.test('PostgreSQL: five that are configured for different ones make one', async (t) => {
  const url = await postgres.createDatabase()
  const secret = { SECRET_KEY: randomBytes(32).toString('base64url') }
  const apps = (await Promise.all(Array.from({ length: 5 }, (_, index) => start(t, url, 1, { ...secret, BOOTSTRAP_ADMIN_USERNAME: `root-${index}`, BOOTSTRAP_ADMIN_PASSWORD: root.password })))).flat()
  t.equal((await (apps[0] as FastifyInstance).administration.listUsers({ limit: 50 })).users.length, 1)
})
