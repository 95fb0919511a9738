import t from 'tap'
import { createApi } from '../support/api.ts'
import { alice } from '../support/build.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { witness } from '../support/witness.ts'

const environment = { REVOCATION_MAX_LAG: '2s', LOG_LEVEL: 'info' }

t.test('a process that hears nothing of endings stops believing tokens, and believes them again when it hears', async (t) => {
  const seen = witness(t, { fault: 'a process hears nothing of what another ends', store: 'SQLite' })
  const deaf = await startService(t, { environment, entry: 'test/support/deaf-service.ts' })
  const other = await startService(t, { environment, folder: deaf.folder, secretKey: deaf.secretKey })
  const [here, there] = [createApi(deaf), createApi(other)]
  await here.register(alice)
  const [kept, ended] = [await here.signedIn(alice), await here.signedIn(alice)]
  t.equal(await here.visit(ended.access_token), 200)

  process.kill(deaf.pid, 'SIGUSR2')
  const begun = performance.now()
  t.equal(await there.logout(ended.access_token), 204)
  const statuses = new Set<number>()
  await until(async () => {
    const status = await here.visit(ended.access_token)
    statuses.add(status)
    return status === 503
  })
  const passed = performance.now() - begun
  seen.note(`believed tokens for ${Math.round(passed)} ms more, of ${environment.REVOCATION_MAX_LAG} allowed`)
  t.ok(passed < 4000, 'no later than the lag, a look at the log and what a busy machine adds')
  t.same([...statuses].filter((status) => ![200, 401, 503].includes(status)), [])
  const refused = await fetch(`${deaf.url}/protected`, { headers: { authorization: `Bearer ${kept.access_token}` } })
  t.equal(refused.status, 503)
  t.match(refused.headers.get('retry-after'), /^\d+$/)
  t.match(await refused.json(), { code: 'unavailable' })
  for (const [method, path] of [['GET', '/me'], ['GET', '/me/sessions'], ['POST', '/logout']] as const) {
    t.equal((await here.call(method, path, { token: kept.access_token })).status, 503, path)
  }
  t.equal((await here.call('GET', '/protected', { token: 'no.token.atall' })).status, 401, 'what is no token is still none')
  t.equal(await there.visit(kept.access_token), 200, 'the other process hears')

  process.kill(deaf.pid, 'SIGUSR2')
  const back = performance.now()
  await until(async () => await here.visit(kept.access_token) === 200)
  seen.readyAfter(performance.now() - back)
  t.equal(await here.visit(ended.access_token), 401, 'what ended meanwhile is refused from the first answer on')
  t.match(deaf.output(), /"job":"revocations","msg":"a job failed"/)
  t.match(deaf.output(), /"job":"revocations","msg":"a job works again"/)
})
