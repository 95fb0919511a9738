import { writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { Target } from '../support/target.ts'
import { cases, createGate } from './cases.ts'
import { measure } from './latency.ts'
import { page, type Result, readMatrix, written } from './matrix.ts'
import { type Adapter, adapters, check, nginx, startGateway, versionOf } from './programs.ts'
import { answersPreflights, goesOnWithAnotherProcess, remembering, remembersForSeconds, withRs256 } from './variants.ts'
import { startGatehouse, startWorld } from './world.ts'

t.setTimeout(600_000)
t.jobs = adapters.length

/** `npm run gateways` measures as well and writes docs/gateways.md; then a program that cannot be had is a failure. */
const writes = process.env['GATEWAYS'] === 'write'

/** Why a program is not to be had here; null where it is. */
async function absence (adapter: Adapter): Promise<string | null> {
  return await adapter.program().then(() => null, ({ message }: Error) => message)
}

/** Tries all cases at one gateway, as its file of deploy/ has it or by another text. Gives back what held, and how. */
async function tryAll (t: Test, adapter: Adapter, target: Target, text?: string): Promise<Map<string, string>> {
  const held = new Map<string, string>()
  const world = await startWorld(t, target)
  const gateway = await startGateway(t, adapter, world, text === undefined ? {} : { text })
  const gate = createGate(t, adapter, gateway, world)
  for (const { name, run } of cases) {
    world.application.forget()
    await t.test(name, async (t) => {
      const how = await run(t, gate)
      t.same(world.application.faults(), [], 'nothing else reached the application')
      if (t.passing()) held.set(name, typeof how === 'string' ? how : 'yes')
    })
  }
  if (!t.passing()) t.comment(gateway.output().slice(-2_000))
  return held
}

const gatehouse = startGatehouse(t)
const gatehouseOfRsa = startGatehouse(t, { SIGNING_ALG: 'RS256' })
const results: Result[] = []

t.test('through the real programs', { jobs: adapters.length }, async (t) => {
  await Promise.all(adapters.map(async (adapter) => {
    const reason = await absence(adapter)
    if (reason !== null) {
      t.comment(`NOT RUN: ${adapter.name}: ${reason}`)
      t.equal(writes, false, `${adapter.name} is to be had`)
      return
    }
    const result: Result = { adapter, version: await versionOf(adapter), held: new Map(), latency: null }
    results.push(result)
    await Promise.all([
      t.test(`${adapter.name} ${result.version}, by deploy/${adapter.file}`, { buffered: true }, async (t) => { result.held = await tryAll(t, adapter, await gatehouse) }),
      t.test(`${adapter.name} finds nothing wrong with deploy/${adapter.file} but for its names`, { buffered: true }, async (t) => check(t, adapter, await startWorld(t, await gatehouse))),
      t.test(`${adapter.name} answers a preflight as its README says`, { buffered: true }, async (t) => answersPreflights(t, adapter, await startWorld(t, await gatehouse))),
      ...[...withRs256].filter(([one]) => one === adapter).map(([, text]) => t.test(`${adapter.name} does the same where Gatehouse signs with RS256`, { buffered: true }, async (t) => {
        const target = await gatehouseOfRsa
        t.same(target.keys.map(({ alg }) => alg), ['RS256', 'RS256'])
        const held = await tryAll(t, adapter, target, text())
        t.equal(held.size, cases.length)
      })),
      ...adapter === nginx ? [t.test('nginx goes on with another process of Gatehouse, and repeats what may be repeated', { buffered: true }, async (t) => goesOnWithAnotherProcess(t, await startWorld(t, await gatehouse))), t.test('nginx remembers answers for three seconds as docs/gateways.md says', { buffered: true }, async (t) => remembersForSeconds(t, await startWorld(t, await gatehouse)))] : []
    ])
  }))
})

t.test('the matrix', { buffered: false }, async (t) => {
  if (writes) {
    for (const result of results) result.latency = await measure(t, result.adapter, await startWorld(t, await gatehouse))
    const remembered = await measure(t, nginx, await startWorld(t, await gatehouse), remembering())
    writeFileSync(page, written(results, remembered, new Date()))
  }
  const said = readMatrix()
  t.same(said.cases, cases.map(({ name }) => name), 'docs/gateways.md names every case')
  t.same(said.gateways, adapters.map(({ name }) => name), 'and every gateway that is run')
  for (const { adapter, held } of results) t.same(Object.fromEntries(held), said.held.get(adapter.name), `${adapter.name} holds what docs/gateways.md says`)
})
