import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { readForeign, spellingsOf } from '../../../plugins/passwords/foreign.ts'
import { alice, build, withAlice } from '../../support/build.ts'
import { hostile, type Vector, vectors } from '../../support/foreign-digests.ts'

const ours = /^\$argon2id\$v=19\$m=256,t=1,p=1\$/

async function start (t: Test) {
  const log: Array<Record<string, unknown>> = []
  const server = await build(t, { log })
  await withAlice(server)
  return { server, events: () => log.filter(({ msg }) => msg === 'audit').map(({ event }) => event), warnings: () => log.filter(({ level }) => level === 40), errors: () => log.filter(({ level }) => Number(level) >= 50) }
}

function login (server: FastifyInstance, password: string) {
  return server.inject({ method: 'POST', url: '/login', payload: { username: alice.username, password } })
}

async function plant (server: FastifyInstance, digest: string) {
  await server.database.queries.deleteFrom('failures').execute()
  await server.database.queries.updateTable('users').set({ password_hash: digest }).where('username', '=', alice.username).execute()
}

async function digestOf (server: FastifyInstance) {
  const { password_hash: digest } = await server.database.queries.selectFrom('users').select('password_hash').where('username', '=', alice.username).executeTakeFirstOrThrow()
  return digest
}

t.test('reads every form there is', async (t) => {
  for (const { digest, password } of Object.values(vectors).flat()) t.equal(await readForeign(digest)?.(Buffer.from(password)), true, digest)
})

t.test('reads nothing that is malformed, dear or long, and throws at nothing', async (t) => {
  for (const digest of Object.values(hostile).flat()) t.equal(readForeign(digest), null, digest)
  const text = vectors.scrypt[3]?.digest ?? ''
  for (let length = 0; length < text.length; length++) t.equal(readForeign(text.slice(0, length)), null, `cut after ${length}`)
  for (const digest of ['$2b$05$'.repeat(1000), 'A'.repeat(4_000_000), `pbkdf2_sha256$1000$${'a'.repeat(100_000)}`, `$scrypt$${'$'.repeat(100_000)}`]) t.equal(readForeign(digest), null, `${digest.length} characters`)
})

t.test('tries a password in NFC, then as it was sent where that differs', async (t) => {
  t.same(spellingsOf('caf\u00e9'), [Buffer.from('caf\u00e9')])
  t.same(spellingsOf('cafe\u0301'), [Buffer.from('caf\u00e9'), Buffer.from('cafe\u0301')])
})

t.test('lets the owner of a digest from elsewhere in, and makes it ours at the first sign-in', async (t) => {
  const { server, events, warnings } = await start(t)
  const acceptable = Object.values(vectors).flat().filter(({ password }) => password.length > 4)
  t.ok(acceptable.length > 25)
  for (const [index, { digest, password }] of acceptable.entries()) {
    await plant(server, digest)
    t.equal((await login(server, 'not the password')).statusCode, 401, digest)
    t.equal(await digestOf(server), digest, 'a wrong password changes nothing')
    t.equal((await login(server, password)).statusCode, 200, digest)
    const renewed = await digestOf(server)
    t.match(renewed, ours)
    t.equal((await login(server, password)).statusCode, 200, 'again')
    t.equal(await digestOf(server), renewed, 'once')
    t.equal(events().filter((event) => event === 'sensitive_update').length, index + 1)
  }
  t.same(warnings(), [])
})

t.test('knows nothing any more of what bcrypt left out, once the digest is ours', async (t) => {
  const { server } = await start(t)
  const { digest, password } = vectors.bcrypt[4] as Vector
  await plant(server, digest)
  t.equal((await login(server, `${password} or whatever`)).statusCode, 200, 'the first to sign in says what counts')
  t.equal((await login(server, password)).statusCode, 401)
  t.equal((await login(server, `${password} or whatever`)).statusCode, 200)
})

t.test('answers hostile rows with 401 and a warning, never 500', async (t) => {
  const { server, warnings, errors } = await start(t)
  const rows = Object.values(hostile).flatMap((list) => list.slice(0, 3))
  for (const [index, digest] of rows.entries()) {
    await plant(server, digest)
    t.equal((await login(server, alice.password)).statusCode, 401, digest)
    t.equal(warnings().length, index + 1)
    t.equal(await digestOf(server), digest, 'which stays as it was found')
  }
  t.same(errors(), [])
})

t.test('never overwrites a password that changes while a digest from elsewhere is made anew', async (t) => {
  const { server, events } = await start(t)
  const { digest, password } = vectors.aspnet[0] as Vector
  await plant(server, digest)
  const changed = await server.passwords.hash('another good password', { network: '' })
  const { hash } = server.passwords
  server.passwords.hash = async (text, turn) => {
    const made = await hash(text, turn)
    await plant(server, changed)
    return made
  }
  t.equal((await login(server, password)).statusCode, 401, 'the old password is not good any more')
  t.equal(await digestOf(server), changed)
  t.notOk(events().includes('sensitive_update'))
  t.equal((await login(server, 'another good password')).statusCode, 200)
})
