import type { Test } from 'tap'
import { createApi } from './api.ts'
import { alice } from './build.ts'
import { lostOf, type Row } from './ledger.ts'
import { type Service, type ServiceOptions, startService } from './service.ts'
import { type SteadyWork, workSteadily } from './steady-work.ts'
import { type Store, stores } from './stores.ts'
import { type Fault, timeToReady, type Witness, witness } from './witness.ts'

/** A service at work, to which something is going to be done. */
export interface Ordeal {
  readonly service: Service
  readonly store: Store
  readonly work: SteadyWork
  readonly seen: Witness
  /** Alice's, of a session that nobody ends. */
  readonly token: string
}

/** How much has to be acknowledged before a fault and again after it. */
const enough = 50

/** Starts a service, and clients that keep it at work; on SQLite in an existing folder where one is given. */
export async function beginOrdeal (t: Test, fault: Fault, { environment, folder, ...options }: Omit<ServiceOptions, 'secretKey'> = {}): Promise<Ordeal> {
  const seen = witness(t, fault)
  const store = await stores[fault.store](t, folder)
  const service = await startService(t, { ...options, ...store.options, environment: { LOG_LEVEL: 'info', ...store.options.environment, ...environment } })
  const api = createApi(service)
  t.equal(await api.register(alice), 201)
  const { access_token: token } = await api.signedIn(alice)
  const work = workSteadily(service)
  t.teardown(() => work.end())
  await work.goesOn(enough)
  return { service, store, work, seen, token }
}

/**
 * The fault is over: within so many milliseconds the service is ready, and everybody goes on. Nobody saw a failure but 503 with
 * Retry-After, nothing acknowledged is lost, and the process ends in order.
 */
export async function endOrdeal (t: Test, { service, store, work, seen, token }: Ordeal, bound: number): Promise<void> {
  const ready = await timeToReady(service.url)
  seen.readyAfter(ready)
  t.ok(ready < bound, `ready after ${Math.round(ready)} ms`)
  await work.goesOn(enough)
  await work.end()
  seen.note(`${work.ledger.acknowledged} acknowledged, answers ${tally(work.outcomes)}, the slowest after ${Math.round(work.slowest)} ms`)
  t.same(work.complaints, [], 'no failure but 503 with Retry-After, and no silence')
  await nothingIsLost(t, work, store.read)
  t.equal(await createApi(service).visit(token), 200, 'the token from before the fault passes')
  t.equal(await service.stop(), 0, 'it ends in order')
  t.same(service.output().split('\n').filter((line) => /"level":60|"msg":"internal"/.test(line)), [], 'nothing broke inside')
}

export async function nothingIsLost (t: Test, { ledger }: SteadyWork, read: (sql: string) => Promise<Row[]>): Promise<void> {
  t.same(await lostOf(ledger, read), [], 'nothing acknowledged is lost')
}

function tally (outcomes: SteadyWork['outcomes']): string {
  return Object.entries(outcomes).map(([outcome, count]) => `${outcome}: ${count}`).join(', ')
}
