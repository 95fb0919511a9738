import { createHmac, randomBytes } from 'node:crypto'
import { verify } from 'argon2'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { createHasher } from '../../../plugins/passwords/hasher.ts'
import { createPepper } from '../../../plugins/passwords/pepper.ts'
import { alice, build, withAlice } from '../../support/build.ts'

const secret = () => randomBytes(32).toString('base64')

async function digestOf (server: FastifyInstance) {
  const { password_hash: digest } = await server.database.queries.selectFrom('users').select('password_hash').executeTakeFirstOrThrow()
  return digest as string
}

/** A service with a pepper or none, and a user whose digest is this one. */
async function serviceWith (t: Test, environment: Record<string, string>, digest?: string) {
  const log: Array<Record<string, unknown>> = []
  let time = 0
  const server = await build(t, { environment, log, monotonic: () => time })
  await withAlice(server)
  if (digest !== undefined) await server.database.queries.updateTable('users').set({ password_hash: digest }).execute()
  return {
    server,
    log,
    login: async (password = alice.password) => (await server.inject({ method: 'POST', url: '/login', payload: { ...alice, password } })).statusCode,
    warnings: () => log.filter(({ level }) => level === 40).map(({ msg }) => msg),
    turn: (milliseconds: number) => { time += milliseconds }
  }
}

t.test('is HMAC-SHA-256 under the secret, and known by an id that is not of it', async (t) => {
  const text = secret()
  const pepper = createPepper(text)
  t.same(pepper.apply(Buffer.from('correct horse')), createHmac('sha256', text).update('correct horse').digest())
  t.match(pepper.keyId, /^[A-Za-z0-9+/]{8}$/)
  t.equal(createPepper(text).keyId, pepper.keyId)
  t.not(createPepper(secret()).keyId, pepper.keyId)
  t.notOk(text.includes(pepper.keyId))
  t.equal(createPepper('a secret whose key id does not change').keyId, 'iuzdJODn')
})

t.test('keeps a dump of the database from verifying a guess', async (t) => {
  const PASSWORD_PEPPER = secret()
  const { server, log } = await serviceWith(t, { PASSWORD_PEPPER })
  const stolen = await digestOf(server)
  const stripped = stolen.replace(/,keyid=[^$]+/, '')
  t.not(stripped, stolen)
  const thief = createHasher({ memory: 19_456, passes: 2 })
  t.equal(await verify(stolen, alice.password), false)
  t.equal(await verify(stripped, alice.password), false)
  t.equal(thief.canVerify(stolen), false)
  t.equal(await thief.verify(stripped, alice.password), false)
  t.equal(await verify(stolen, createHmac('sha256', PASSWORD_PEPPER).update(alice.password).digest()), true, 'with the pepper, it is argon2id over an HMAC')
  t.notOk(JSON.stringify(log).includes(PASSWORD_PEPPER))
  t.notOk(stolen.includes(PASSWORD_PEPPER))
})

t.test('comes to who signs in, and is changed the same way', async (t) => {
  const [first, second] = [secret(), secret()]
  const steps: Array<[environment: Record<string, string>, keyId: string | null]> = [
    [{}, null], [{ PASSWORD_PEPPER: first }, createPepper(first).keyId], [{ PASSWORD_PEPPER: second, PASSWORD_PEPPER_PREVIOUS: first }, createPepper(second).keyId], [{ PASSWORD_PEPPER: second }, createPepper(second).keyId]
  ]
  let digest: string | undefined
  for (const [environment, keyId] of steps) {
    const { server, login, warnings } = await serviceWith(t, environment, digest)
    t.equal(await login('not the password'), 401)
    if (digest !== undefined) t.equal(await digestOf(server), digest, 'a wrong password changes nothing')
    t.equal(await login(), 200)
    t.equal(await login(), 200, 'and again')
    digest = await digestOf(server)
    t.equal(/,keyid=([^$]+)\$/.exec(digest)?.[1] ?? null, keyId)
    t.same(warnings(), [])
  }
})

t.test('that is missing is told by its variable, once a minute, while sign-ins fail', async (t) => {
  const digest = await createHasher({ memory: 19_456, passes: 2, pepper: secret() }).hash(alice.password)
  for (const environment of [{}, { PASSWORD_PEPPER: secret() }] as Array<Record<string, string>>) {
    const { server, login, warnings, turn, log } = await serviceWith(t, environment, digest)
    const warning = 'stored password digests need a pepper that neither PASSWORD_PEPPER nor PASSWORD_PEPPER_PREVIOUS is: their owners cannot sign in'
    for (const _ of [1, 2, 3]) t.equal(await login(), 401)
    t.same(warnings(), [warning])
    turn(59_999)
    t.equal(await login(), 401)
    t.same(warnings(), [warning])
    turn(1)
    t.equal(await login(), 401)
    t.same(warnings(), [warning, warning])
    t.equal(await digestOf(server), digest, 'which is good again once the pepper is back')
    t.notOk(log.some(({ level }) => Number(level) >= 50))
  }
})

t.test('is in what a change of the password stores', async (t) => {
  const PASSWORD_PEPPER = secret()
  const { server } = await serviceWith(t, { PASSWORD_PEPPER })
  const { access_token: token } = (await server.inject({ method: 'POST', url: '/login', payload: alice })).json()
  const reply = await server.inject({ method: 'PUT', url: '/me/password', headers: { authorization: `Bearer ${token}` }, payload: { current_password: alice.password, new_password: 'another good password' } })
  t.equal(reply.statusCode, 204)
  t.ok((await digestOf(server)).includes(`,keyid=${createPepper(PASSWORD_PEPPER).keyId}$`))
})
