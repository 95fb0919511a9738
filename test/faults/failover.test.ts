import t from 'tap'
import { startForwarder } from '../support/forwarder.ts'
import { isAway, isBack, startPatient } from '../support/outage.ts'
import { startPostgres } from '../support/postgres.ts'
import { witness } from '../support/witness.ts'

t.test('R05 follows the database to another server, without a restart and with nothing lost', async (t) => {
  const seen = witness(t, { fault: 'the database moves to another server', store: 'PostgreSQL' })
  const first = await startPostgres(t)
  const forwarder = await startForwarder(t, first.port)
  const address = new URL(await first.createDatabase())
  address.port = String(forwarder.port)
  const patient = await startPatient(t, { DATABASE_URL: address.href })
  t.equal((await patient.calls.register()).statusCode, 201)

  await first.stop('fast')
  await isAway(t, patient)
  const second = await startPostgres(t, {}, { from: first.data })
  await isAway(t, patient)
  forwarder.leadTo(second.port)
  await isBack(t, patient, seen)

  address.port = String(second.port)
  t.match(await second.run("select count(*)::int as n from users where username like 'bob%'", address.href), [{ n: 2 }], 'one from before, one from after')
})
