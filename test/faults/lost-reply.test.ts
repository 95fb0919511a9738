import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { createApi } from '../support/api.ts'
import { alice } from '../support/build.ts'
import { type Service, startService, temporaryFolder } from '../support/service.ts'
import { witness } from '../support/witness.ts'

/** `npm run races` asks for 100. */
const rounds = Number(process.env['RACE_ROUNDS'] ?? 3)
const moments = ['after the commit', 'before the commit', 'any'] as const
/** Milliseconds of refreshing before a kill at any moment: another length each time. */
const longest = 200

t.test(`R03 K206 a client whose refresh was cut off goes on with the token it has, at ${rounds} kills`, { timeout: 900_000 }, async (t) => {
  const seen = witness(t, { fault: `kill -9 before a refresh is answered, ${rounds} times`, store: 'SQLite' })
  const folder = temporaryFolder(t)
  const secretKey = randomBytes(32).toString('base64url')
  const start = () => startService(t, { folder, secretKey, entry: 'test/support/dying-service.ts', environment: { LOG_LEVEL: 'info' } })
  let service = await start()
  await createApi(service).register(alice)
  let { refresh_token: token } = await createApi(service).signedIn(alice)
  const lost = { 'after the commit': 0, 'before the commit': 0, any: 0 }

  for (let round = 0; round < rounds; round++) {
    const moment = moments[round % moments.length] as typeof moments[number]
    const before = counterOf(service)
    if (moment === 'any') token = await refreshUntilKilled(service, token, longest * (round + 1) / rounds)
    else {
      await t.rejects(createApi(service).refresh(token, { 'x-dies': moment }))
      t.equal(counterOf(service) - before, moment === 'after the commit' ? 1 : 0, 'what is written')
    }
    t.equal(await service.ended, null, 'a signal ended it')
    service = await start()
    const { status, body: { access_token: accessToken, refresh_token: successor } } = await createApi(service).refresh(token)
    t.equal(status, 200, `goes on after kill ${round + 1}, ${moment}`)
    t.equal(await createApi(service).visit(accessToken), 200)
    lost[moment]++
    token = successor
  }
  t.equal((await createApi(service).refresh(token)).status, 200, 'and further on')
  seen.note(Object.entries(lost).map(([moment, times]) => `${moment}: ${times}`).join(', '))
})

/** The last token that came through. */
async function refreshUntilKilled (service: Service, first: string, milliseconds: number): Promise<string> {
  const kill = setTimeout(() => service.stop('SIGKILL'), milliseconds)
  let token = first
  try {
    for (;;) token = (await createApi(service).refresh(token)).body.refresh_token
  } catch {
    clearTimeout(kill)
    return token
  }
}

function counterOf ({ databaseFile }: Service): number {
  const database = new DatabaseSync(databaseFile, { timeout: 5000 })
  try {
    return Number(database.prepare('select counter from sessions').get()?.['counter'])
  } finally {
    database.close()
  }
}
