import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { createVault } from '../../plugins/secrets/vault.ts'
import secrets, { type SecretsOptions } from '../../plugins/secrets.ts'
import { temporaryFolder } from '../support/service.ts'

async function start (t: Test, options: SecretsOptions) {
  const log: Array<Record<string, unknown>> = []
  const server = Fastify({ logger: { stream: { write: (line: string) => { log.push(JSON.parse(line)) } } } })
  t.teardown(() => server.close())
  await server.register(secrets, options)
  return { vault: server.secrets, log, proof: server.secrets.mac('x', Buffer.from('y')).toString('hex') }
}

t.test('is made from SECRET_KEY as it is, and keeps no file then', async (t) => {
  const secretKey = ` ${randomBytes(32).toString('base64')} `
  const databaseFile = join(temporaryFolder(t), 'auth.db')
  const { proof } = await start(t, { secretKey, databaseFile })
  t.equal(proof, createVault(secretKey).mac('x', Buffer.from('y')).toString('hex'))
  t.notOk(existsSync(`${databaseFile}.secret`))
})

t.test('opens what SECRET_KEY_PREVIOUS sealed, while the secret is being changed', async (t) => {
  const [formerKey, secretKey] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')]
  const sealed = createVault(formerKey).seal('x', 'y', Buffer.from('z'))
  const { vault } = await start(t, { secretKey, formerKey, databaseFile: null })
  t.same(vault.open('x', 'y', sealed), Buffer.from('z'))
  t.equal(vault.isCurrent('x', 'y', sealed), false)
})

t.test('replaces a secret that is lost where it is told to', async (t) => {
  const options = { secretKey: null, databaseFile: join(temporaryFolder(t), 'auth.db') }
  writeFileSync(options.databaseFile, '')
  await t.rejects(start(t, options), /put back the secret/)
  const { proof } = await start(t, { ...options, replaceLost: true })
  t.equal((await start(t, options)).proof, proof)
})

t.test('is kept beside the database file, from start to start', async (t) => {
  const options = { secretKey: null, databaseFile: join(temporaryFolder(t), 'auth.db') }
  const first = await start(t, options)
  const second = await start(t, options)
  t.equal(second.proof, first.proof)
  t.same(second.log, [])
})

t.test('is as short-lived as a database in memory', async (t) => {
  const options = { secretKey: null, databaseFile: null }
  t.not((await start(t, options)).proof, (await start(t, options)).proof)
})

t.test('warns of a file that others can read, and goes on', async (t) => {
  const options = { secretKey: null, databaseFile: join(temporaryFolder(t), 'auth.db') }
  const { proof } = await start(t, options)
  chmodSync(`${options.databaseFile}.secret`, 0o644)
  const { log, proof: same } = await start(t, options)
  t.match(log, [{ level: 40, file: `${options.databaseFile}.secret`, msg: 'the secret file can be read by others: chmod 600 it' }])
  t.equal(same, proof)
})
