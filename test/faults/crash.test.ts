import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createApi } from '../support/api.ts'
import { createLedger, lostOf, type Row, workUntilFailed } from '../support/ledger.ts'
import { startPostgres } from '../support/postgres.ts'
import { type Service, startService, temporaryFolder } from '../support/service.ts'
import { until } from '../support/until.ts'
import { timeToReady, witness } from '../support/witness.ts'

t.setTimeout(900_000)

/** `npm run faults` asks for 20. */
const rounds = Number(process.env['CRASH_ROUNDS'] ?? 2)
/** Acknowledgements between two kills: twenty make ten thousand. */
const atLeast = 500
/** Milliseconds between the last of them and the kill: another length each time, so that it falls into different moments. */
const spread = 25

interface World {
  service: Service
  /** Kills, and starts again; resolves when the service answers. */
  crash (): Promise<Service>
  read (sql: string): Promise<Row[]>
}

const worlds: Record<string, (t: Test) => Promise<World>> = {
  'the service on SQLite': async (t) => {
    const options = { folder: temporaryFolder(t), secretKey: newSecret() }
    const read = async (sql: string) => {
      const database = new DatabaseSync(service.databaseFile, { readOnly: true })
      try {
        return database.prepare(sql).all()
      } finally {
        database.close()
      }
    }
    const service = await startService(t, options)
    return killingTheService(t, service, options, read)
  },

  'the service on PostgreSQL': async (t) => {
    const server = await startPostgres(t)
    const database = await server.createDatabase()
    const options = { secretKey: newSecret(), environment: { DATABASE_URL: database } }
    return killingTheService(t, await startService(t, options), options, (sql) => server.run(sql, database))
  },

  // With the disk waited for, as operators have it; a kill of processes alone would not need it.
  PostgreSQL: async (t) => {
    const server = await startPostgres(t, { fsync: 'on', full_page_writes: 'on' })
    const database = await server.createDatabase()
    const service = await startService(t, { environment: { DATABASE_URL: database } })
    return {
      service,
      async crash () {
        await server.stop('killed')
        await server.start()
        await until(async () => (await createApi(service).call('GET', '/health/ready')).status === 200)
        return service
      },
      read: (sql) => server.run(sql, database)
    }
  }
}

function killingTheService (t: Test, first: Service, options: Parameters<typeof startService>[1], read: World['read']): World {
  let service = first
  return {
    service,
    async crash () {
      await service.stop('SIGKILL')
      service = await startService(t, options)
      return service
    },
    read
  }
}

function newSecret (): string {
  return randomBytes(32).toString('base64url')
}

for (const [what, open] of Object.entries(worlds)) {
  t.test(`R01 loses nothing that was acknowledged when ${what} is killed ${rounds} times`, async (t) => {
    const seen = witness(t, { fault: `kill -9 of ${what} under load, ${rounds} times`, store: what.endsWith('SQLite') ? 'SQLite' : 'PostgreSQL' })
    const { service: first, crash, read } = await open(t)
    const ledger = createLedger()
    let service = first
    for (let round = 0; round < rounds; round++) {
      const enough = ledger.reaches(ledger.acknowledged + atLeast)
      const over = new AbortController()
      const working = workUntilFailed(service, `r${round}`, ledger, over.signal)
      await Promise.race([enough, working])
      await sleep(spread * round / rounds)
      const killed = performance.now()
      service = await crash()
      await timeToReady(service.url)
      seen.readyAfter(performance.now() - killed)
      over.abort()
      await working
      if (ledger.live !== null) t.equal(await createApi(service).visit(ledger.live), 200, `a token from before kill ${round + 1} still passes`)
      if (ledger.dead !== null) t.equal(await createApi(service).visit(ledger.dead), 401, 'one whose session had ended does not')
    }
    t.same(await lostOf(ledger, read), [])
    if (what.endsWith('SQLite')) t.same(await read('pragma integrity_check'), [{ integrity_check: 'ok' }])
    t.ok(ledger.acknowledged >= rounds * atLeast, 'there was something to lose')
    const { usernames, rotations, ended, acknowledged } = ledger
    seen.note(`${acknowledged} acknowledged`)
    t.comment(`| ${what} | ${rounds} | ${acknowledged} | ${usernames.length} | ${rotations.size + ended.length} | ${ended.length} | 0 |`)
  })
}
