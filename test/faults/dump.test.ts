import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import { createApi } from '../support/api.ts'
import { alice } from '../support/build.ts'
import { runCli } from '../support/cli.ts'
import { findPostgres, provide } from '../support/debian.ts'
import { createLedger, lostOf, workUntilFailed } from '../support/ledger.ts'
import { startPostgres } from '../support/postgres.ts'
import { issuer, startService, temporaryFolder } from '../support/service.ts'
import { until } from '../support/until.ts'
import { witness } from '../support/witness.ts'

t.setTimeout(300_000)

/** What there is before the dump, and what comes while it runs or after it. */
const [before, after] = [500, 200]
const run = promisify(execFile)

/** The command that docs/operations.md shows. */
function documented (program: string): string {
  const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')
  const [command] = new RegExp(`^${program} .+$`, 'm').exec(page) ?? []
  if (command === undefined) throw new Error(`docs/operations.md shows no ${program}`)
  return command
}

t.test('R24 R25 a dump under load, restored, has all that was there when it began; what is newer fails closed, and sessions end by the time', async (t) => {
  const seen = witness(t, { fault: 'restored from a dump that was made under load', store: 'PostgreSQL' })
  const programs = await provide('postgresql', findPostgres)
  const server = await startPostgres(t, {}, { programs })
  const [source, target] = [await server.createDatabase({ empty: true }), await server.createDatabase({ empty: true })]
  const cwd = temporaryFolder(t)
  const execute = (program: string, database: string) => run('sh', ['-c', documented(program)], { cwd, env: { ...programs.environment, PATH: `${programs.path}:${process.env['PATH']}`, DATABASE_URL: database } })
  const service = await startService(t, { environment: { DATABASE_URL: source } })
  const api = createApi(service)
  t.equal(await api.register(alice), 201)
  const [rotated, ended] = [await api.signedIn(alice), await api.signedIn(alice)]

  const ledger = createLedger()
  const over = new AbortController()
  const enough = ledger.reaches(before)
  const working = workUntilFailed(service, 'r', ledger, over.signal)
  await Promise.race([enough, working])
  const then = { ...ledger, usernames: [...ledger.usernames], rotations: new Map(ledger.rotations), ended: [...ledger.ended] }
  const acknowledged = ledger.acknowledged
  await execute('pg_dump', source)
  seen.note(`dumped with ${await versionOf()} while ${ledger.acknowledged - acknowledged} calls were acknowledged`)
  const newer = await api.refresh(rotated.refresh_token)
  const newest = await api.refresh(newer.body.refresh_token)
  t.same([newer.status, newest.status, await api.logout(ended.access_token)], [200, 200, 204])
  const late = await api.signedIn(alice)
  await Promise.race([ledger.reaches(ledger.acknowledged + after), working])
  over.abort()
  await working
  t.equal(await service.stop(), 0)

  await execute('pg_restore', target)
  // What a client began to end after the dump may be there or not.
  for (const id of then.rotations.keys()) if (!ledger.rotations.has(id)) then.rotations.delete(id)
  t.same(await lostOf(then, (sql) => server.run(sql, target)), [])
  t.ok(then.usernames.length > 0 && then.rotations.size > 0 && then.ended.length > 0, 'there was something to lose')

  const restored = createApi(await startService(t, { secretKey: service.secretKey, environment: { DATABASE_URL: target } }))
  for (const { body } of [newer, newest]) t.equal((await restored.refresh(body.refresh_token)).status, 401, 'newer than the dump')
  t.equal((await restored.refresh(late.refresh_token)).status, 401)
  t.equal((await restored.refresh(rotated.refresh_token)).status, 200, 'the one that the dump knows')
  t.equal(await restored.visit(ended.access_token), 200, 'alive again')

  const now = new Date().toISOString()
  t.match(await runCli({ DATABASE_URL: target, SECRET_KEY: service.secretKey, PUBLIC_URL: issuer }, 'sessions', 'revoke', '--before', now), { code: 0, err: '' })
  for (const { access_token: token, refresh_token: refreshToken } of [ended, late, rotated]) {
    await until(async () => await restored.visit(token) === 401)
    t.equal((await restored.refresh(refreshToken)).status, 401)
  }
  const anew = await restored.signedIn(alice)
  t.equal(await restored.visit(anew.access_token), 200)

  async function versionOf (): Promise<string> {
    const { stdout } = await run(`${programs.path}/pg_dump`, ['--version'], { env: programs.environment })
    return stdout.trim()
  }
})
