import t, { type Test } from 'tap'
import { createApi } from '../support/api.ts'
import { alice } from '../support/build.ts'
import { beginOrdeal, endOrdeal, nothingIsLost, type Ordeal } from '../support/ordeal.ts'
import { mountRefusingDisk } from '../support/refusing-disk.ts'
import { startService } from '../support/service.ts'
import { timeToReady } from '../support/witness.ts'

const untried = 'not tried: whoever runs the tests may not mount a file system of ext4 here'
/** MiB: the database and its log. */
const size = 32
/** What is written to while the service runs. The index of the log is memory that is shared. */
const files = ['gatehouse.db', 'gatehouse.db-wal']
/** Milliseconds in which nothing can be written; `npm run faults` asks for ten seconds. */
const lasting = Number(process.env['FAULT_SECONDS'] ?? 1) * 1000
const bound = 2000

/** While `refuse` lasts, what reads goes on, what must write is turned away, and a gateway is told so. Gives a token that was to be rotated meanwhile. */
async function onlyReads (t: Test, { service, token }: Ordeal, refuse: () => void): Promise<string> {
  const api = createApi(service)
  const session = await api.signedIn(alice)
  refuse()
  const end = performance.now() + lasting
  for (let round = 0; round === 0 || performance.now() < end; round++) {
    for (const path of ['/health/live', '/.well-known/jwks.json', '/protected', '/me', '/me/sessions']) t.equal((await api.call('GET', path, { token })).status, 200, path)
    const refused = await Promise.all([
      api.call('GET', '/health/ready'),
      api.call('POST', '/register', { body: { ...alice, username: `bob${round}` } }),
      api.login(alice),
      api.refresh(session.refresh_token),
      api.call('POST', '/logout', { token: session.access_token })
    ])
    t.same(refused.map(({ status, body }) => [status, (body as { code?: string } | null)?.code]), refused.map(() => [503, 'unavailable']))
  }
  return session.refresh_token
}

t.test('R17 reads on and answers what writes 503 while SQLite\'s files are read-only, and recovers', async (t) => {
  const disk = mountRefusingDisk(t, size)
  if (disk === null) return t.comment(untried)
  const ordeal = await beginOrdeal(t, { fault: 'the database is read-only', store: 'SQLite' }, { folder: disk.folder })
  const refreshToken = await onlyReads(t, ordeal, () => disk.refuse(files))
  disk.allow(files)
  const again = createApi(ordeal.service).refresh(refreshToken)
  await endOrdeal(t, ordeal, bound)
  t.equal((await again).status, 200, 'what was refused is done')
})

t.test('R17 reads on while the disk of SQLite is read-only for an error, and has all of it when that is mended', async (t) => {
  const disk = mountRefusingDisk(t, size)
  if (disk === null) return t.comment(untried)
  const ordeal = await beginOrdeal(t, { fault: 'an error of the disk makes it read-only; mounted anew, service restarted', store: 'SQLite' }, { folder: disk.folder })
  const { service, work, store, seen, token } = ordeal
  const refreshToken = await onlyReads(t, ordeal, disk.fail)
  await work.end()
  t.same(work.complaints, [], 'no failure but 503 with Retry-After, and no silence')
  t.equal(await service.stop(), 0, 'it ends in order')
  t.notMatch(service.output(), /"level":60|"msg":"internal"/, 'nothing broke inside')
  disk.mountAnew()
  const mended = performance.now()
  const next = await startService(t, store.options)
  await timeToReady(next.url)
  seen.readyAfter(performance.now() - mended)
  seen.note(`${work.ledger.acknowledged} acknowledged`)
  await nothingIsLost(t, work, store.read)
  const api = createApi(next)
  t.same([await api.visit(token), (await api.refresh(refreshToken)).status], [200, 200], 'tokens from before the error pass')
})
