import Fastify from 'fastify'
import fp from 'fastify-plugin'
import t, { type Test } from 'tap'
import jobs from '../../plugins/jobs.ts'

/** A bare app with jobs, and its log lines. */
async function withJobs (t: Test) {
  const lines: string[] = []
  const app = Fastify({ logger: { level: 'info', stream: { write: (line: string) => { lines.push(line) } } } })
  t.teardown(() => app.close())
  await app.register(jobs)
  return { app, lines }
}

/** Resolves at the `count`th call of what it gives back. */
function calls (count: number) {
  const { promise, resolve } = Promise.withResolvers<void>()
  let seen = 0
  return { reached: promise, call: () => { if (++seen === count) resolve() }, get seen () { return seen } }
}

const soon = 0.005

t.test('runs nothing by itself without a socket', async (t) => {
  const { app } = await withJobs(t)
  const { promise: elsewhere, resolve } = Promise.withResolvers<void>()
  const work = calls(1)
  app.jobs.every('work', soon, async () => work.call())
  await app.ready()
  setTimeout(resolve, 50)
  await elsewhere
  t.equal(work.seen, 0)
  await app.jobs.run('work')
  t.equal(work.seen, 1, 'only when it is asked to')
})

t.test('runs every job again and again while the app listens', async (t) => {
  const { app } = await withJobs(t)
  const one = calls(3)
  const other = calls(3)
  app.jobs.every('one', soon, async () => one.call())
  app.jobs.every('other', soon, async () => other.call())
  await app.listen({ port: 0 })
  await Promise.all([one.reached, other.reached])
  await app.close()
})

t.test('waits for a turn to end before the next begins', async (t) => {
  const { app } = await withJobs(t)
  const turns = calls(3)
  let running = 0
  let most = 0
  app.jobs.every('slow', soon, async () => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setTimeout(resolve, 20))
    running--
    turns.call()
  })
  await app.listen({ port: 0 })
  await turns.reached
  t.equal(most, 1)
})

t.test('logs the first of several failures, tries again, and logs that it works again', async (t) => {
  const { app, lines } = await withJobs(t)
  const turns = calls(8)
  app.jobs.every('broken', soon, async () => {
    turns.call()
    if (turns.seen <= 3 || turns.seen === 6) throw new Error(`no luck ${turns.seen}`)
  })
  await app.listen({ port: 0 })
  await turns.reached
  await app.close()
  const said = lines.map((line) => JSON.parse(line)).filter(({ job }) => job === 'broken')
  t.match(said, [
    { level: 50, msg: 'a job failed', err: { message: 'no luck 1' } }, { level: 30, msg: 'a job works again' },
    { level: 50, msg: 'a job failed', err: { message: 'no luck 6' } }, { level: 30, msg: 'a job works again' }
  ])
  t.equal(said.length, 4)
})

t.test('tells who asks for a job that it failed', async (t) => {
  const { app, lines } = await withJobs(t)
  app.jobs.every('broken', soon, async () => { throw new Error('no luck') })
  await t.rejects(app.jobs.run('broken'), { message: 'no luck' })
  t.strictSame(lines, [])
})

t.test('does much in batches, between which others get their turn', async (t) => {
  const { app } = await withJobs(t)
  let left = 25
  let turns = 0
  const batches: number[] = []
  await app.jobs.inBatches(10, async (limit) => {
    const done = Math.min(limit, left)
    left -= done
    batches.push(done)
    setImmediate(() => { turns++ })
    return done
  })
  t.strictSame(batches, [10, 10, 5])
  t.ok(turns >= 2)
})

t.test('begins no batch once the app closes', async (t) => {
  const { app } = await withJobs(t)
  const begun = calls(3)
  let batches = 0
  app.jobs.every('endless', soon, () => app.jobs.inBatches(1, async () => {
    batches++
    begun.call()
    return 1
  }))
  await app.listen({ port: 0 })
  await begun.reached
  await app.close()
  const then = batches
  await app.jobs.run('endless')
  t.equal(batches, then)
})

t.test('does not know a job that nobody named', async (t) => {
  const { app } = await withJobs(t)
  await t.resolves(app.jobs.run('nothing'))
})

t.test('lets a job that runs end before anything that it needs is closed', async (t) => {
  const { app, lines } = await withJobs(t)
  const order: string[] = []
  const begun = calls(1)
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
  await app.register(fp(async (app) => { app.addHook('onClose', async () => { order.push('database') }) }))
  app.jobs.every('long', soon, async () => {
    begun.call()
    await held
    order.push('job')
  })
  await app.listen({ port: 0 })
  await begun.reached
  const closed = app.close()
  setImmediate(letGo)
  await closed
  t.strictSame(order, ['job', 'database'])
  t.notOk(lines.some((line) => line.includes('job')))
})
