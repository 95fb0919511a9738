import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { createApi } from '../support/api.ts'
import { alice } from '../support/build.ts'
import { processorTime } from '../support/process.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { witness } from '../support/witness.ts'

const users = 1_000_000
/** Milliseconds of the processor: on a machine that does other things too, what a clock says is theirs. `npm run bench:scale` asks the clock. */
const most = 2000

/** Names and ids that nobody else has, and a session each. */
function fill (file: string): void {
  const database = new DatabaseSync(file)
  const [numbers, now] = [`with recursive n (i) as (select 1 union all select i + 1 from n where i < ${users})`, Date.now()]
  const id = (family: string) => `printf('${family}-%04x-7000-8000-%012x', i & 65535, i)`
  database.exec(`pragma synchronous = off; begin;
    ${numbers} insert into users (id, username, created_at) select ${id('01a20ac7')}, printf('user%07d', i), ${now} from n;
    ${numbers} insert into sessions (id, user_id, client_id, counter, created_at, rotated_at, last_used_at, idle_expires_at, expires_at, ip)
      select ${id('01a20ac8')}, ${id('01a20ac7')}, 'gatehouse', 0, ${now}, ${now}, ${now}, ${now + 86_400_000}, ${now + 86_400_000}, '192.0.2.7' from n;
    commit`)
  database.close()
}

t.test(`R04 is ready after less than two seconds of a processor with ${users} users, and tokens from before pass`, async (t) => {
  const seen = witness(t, { fault: `a restart with ${users} users`, store: 'SQLite' })
  const first = await startService(t)
  await createApi(first).register(alice)
  const { access_token: token, refresh_token: refresh } = await createApi(first).signedIn(alice)
  t.equal(await first.stop(), 0)
  fill(first.databaseFile)

  const begun = performance.now()
  const again = await startService(t, { folder: first.folder, secretKey: first.secretKey })
  await until(async () => (await fetch(`${again.url}/health/ready`)).status === 200)
  const [worked, lasted] = [processorTime(again.pid), Math.round(performance.now() - begun)]
  seen.readyAfter(lasted)
  seen.note(`${worked.toFixed(0)} ms of the processor`)
  t.ok(worked < most, `${worked} ms`)
  const api = createApi(again)
  t.equal(await api.visit(token), 200)
  t.equal((await api.refresh(refresh)).status, 200)
  t.equal((await api.login(alice)).status, 200)
})
