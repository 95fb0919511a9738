import t from 'tap'
import { settled, world } from '../../support/hashing-world.ts'

/** Lets the queue learn that a hash takes so long. */
async function learn (here: ReturnType<typeof world>, milliseconds: number) {
  here.enter('0')
  await here.end('0', milliseconds)
  here.started.length = 0
}

t.test('runs as much as may run at once, and the rest as places come free', async (t) => {
  const { queue, enter, end, started, outcomes } = world({ concurrency: 2 })
  for (const name of ['a1', 'b1', 'c1', 'd1']) enter(name)
  t.same(started, ['a1', 'b1'])
  t.same(queue.statistics(), { waiting: 2, running: 2, refused: 0, cancelled: 0, expired: 0, done: 0 })
  await end('b1')
  t.same(started, ['a1', 'b1', 'c1'])
  await end('a1')
  await end('c1')
  await end('d1')
  t.same([...outcomes], [['b1', 'done'], ['a1', 'done'], ['c1', 'done'], ['d1', 'done']])
  t.same(queue.statistics(), { waiting: 0, running: 0, refused: 0, cancelled: 0, expired: 0, done: 4 })
})

t.test('tells of all that ran how long it waited and how long it took', async (t) => {
  const { queue, enter, end, turn, measurements } = world({ longestWait: 700 })
  for (const name of ['a1', 'a2', 'a3']) enter(name)
  await end('a1', 100)
  await end('a2', 200, 'fails')
  t.same(measurements, [{ waited: 0, took: 100 }, { waited: 100, took: 200 }])
  enter('a4')
  await turn(700)
  await end('a3')
  t.same(measurements.slice(2), [{ waited: 300, took: 700 }], 'one that was turned away did not run')
  t.match(queue.statistics(), { expired: 1 })
})

t.test('is busy while every place is taken or anybody waits', async (t) => {
  const { queue, enter, end } = world({ concurrency: 2 })
  const shut = { mayStart: () => false }
  enter('a1')
  t.equal(queue.isBusy, false)
  enter('a2')
  t.equal(queue.isBusy, true)
  await end('a1')
  t.equal(queue.isBusy, false)
  enter('a3', shut)
  t.equal(queue.isBusy, true, 'a place is free, and somebody waits for another reason')
})

t.test('frees the place of work that fails, also where it throws before it is a promise', async (t) => {
  const { queue, enter, end, started, outcomes } = world()
  enter('a1')
  enter('b1')
  await end('a1', 0, 'out of memory')
  t.same(started, ['a1', 'b1'])
  await end('b1')
  await t.rejects(queue.run(() => { throw new Error('at once') }, { network: 'c' }), { message: 'at once' })
  t.equal(await queue.run(async () => 'next', { network: 'c' }), 'next')
  t.equal(outcomes.get('a1'), 'out of memory')
  t.match(queue.statistics(), { running: 0, done: 4 })
})

t.test('lets addresses take turns', async (t) => {
  const { enter, end, started } = world()
  for (const name of ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1']) enter(name)
  for (let i = 0; i < 7; i++) await end(started.at(-1) as string)
  t.same(started, ['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4'])
})

t.test('lets those that are favoured go first, and leaves every second turn to the others', async (t) => {
  const { enter, end, started } = world({ longestWait: 60_000 })
  for (const name of ['a1', 'a2', 'a3']) enter(name)
  for (let i = 1; i <= 9; i++) enter(`f${i}`, { favoured: true })
  for (let i = 0; i < 12; i++) await end(started.at(-1) as string)
  t.same(started, ['a1', 'f1', 'a2', 'f2', 'f9', 'f3', 'a3', 'f4', 'f5', 'f6', 'f7', 'f8'], 'the ninth of one network waits as anybody does')
})

t.test('refuses at once what would have to wait too long, by the speed it has measured', async (t) => {
  const here = world({ concurrency: 2, longestWait: 1000 })
  await learn(here, 400)
  // Two at once, 400 ms each: five that wait are a second's work.
  for (let i = 1; i <= 8; i++) here.enter(`${'abcdefgh'.charAt(i - 1)}${i}`)
  await settled()
  t.match(here.queue.statistics(), { running: 2, waiting: 5, refused: 1 })
  t.same([...here.outcomes], [['0', 'done'], ['h8', 'full']])
  t.same(here.waits, [2], 'whole seconds, upwards')
  t.same(here.started, ['a1', 'b2'], 'and nothing of it has been begun')
})

t.test('lets in more as hashes become faster, and fewer as they become slower', async (t) => {
  const here = world({ longestWait: 1000 })
  const room = async () => {
    for (const name of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ') here.enter(name)
    const { waiting } = here.queue.statistics()
    while (here.queue.statistics().running > 0) await here.end(here.started.at(-1) as string)
    return waiting
  }
  const slow = async (milliseconds: number) => { for (let i = 0; i < 100; i++) await learn(here, milliseconds) }
  t.equal(await room(), 20, 'before anything was measured: 50 ms')
  await slow(200)
  t.equal(await room(), 5)
  await slow(24)
  t.equal(await room(), 41)
})

t.test('admits what can start at once, however slow hashes are', async (t) => {
  const here = world({ longestWait: 50 })
  await learn(here, 5000)
  here.enter('a1')
  here.enter('b1')
  await settled()
  t.same(here.started, ['a1'])
  t.equal(here.outcomes.get('b1'), 'full')
})

t.test('never holds more than 2000', async (t) => {
  const here = world({ longestWait: 1e9 })
  for (let i = 0; i <= 2001; i++) here.enter(`a${i}`)
  await settled()
  t.match(here.queue.statistics(), { running: 1, waiting: 2000, refused: 1 })
  here.enter('b1')
  await settled()
  t.match(here.queue.statistics(), { waiting: 2000, refused: 2 })
  t.equal(here.outcomes.get('a2000'), 'displaced')
})

t.test('asks a newcomer alone where a place is free', async (t) => {
  const here = world({ concurrency: 2 })
  let asked = 0
  for (let i = 0; i < 50; i++) here.enter(`a${i}`, { mayStart: () => { asked++; return false } })
  t.equal(asked, 50)
  here.enter('b1')
  await settled()
  t.same(here.started, ['b1'])
  t.equal(asked, 50)
  await here.end('b1')
  t.equal(asked, 100)
})

t.test('ends what has waited as long as it may, with one timer for all', async (t) => {
  const here = world({ longestWait: 1000 })
  here.enter('a1')
  here.enter('b1')
  t.equal(here.timers.size, 1)
  await here.turn(600)
  here.enter('c1')
  t.equal(here.timers.size, 1)
  await here.turn(400)
  t.same([...here.outcomes], [['b1', 'expired']])
  t.equal(here.timers.size, 1)
  await here.turn(599)
  t.match(here.queue.statistics(), { waiting: 1, expired: 1 })
  await here.turn(1)
  t.match(here.queue.statistics(), { waiting: 0, expired: 2, running: 1 })
  t.equal(here.timers.size, 0)
  await here.end('a1')
  t.same(here.started, ['a1'], 'and what has ended is never begun')
})

t.test('begins nothing whose time is over when a place comes free before the timer does', async (t) => {
  const here = world({ longestWait: 1000 })
  here.enter('a1')
  here.enter('b1')
  await here.end('a1', 5000)
  t.same(here.started, ['a1'])
  t.equal(here.outcomes.get('b1'), 'expired')
})

t.test('lets those leave who give up, at once', async (t) => {
  const here = world()
  const [waiting, running] = [new AbortController(), new AbortController()]
  here.enter('a1', { signal: running.signal })
  here.enter('b1', { signal: waiting.signal })
  here.enter('c1')
  waiting.abort()
  running.abort()
  here.enter('d1', { signal: waiting.signal })
  await settled()
  t.same([...here.outcomes].sort(), [['b1', 'gone'], ['d1', 'gone']])
  t.match(here.queue.statistics(), { waiting: 1, running: 1, cancelled: 2 })
  await here.end('a1')
  t.same(here.started, ['a1', 'c1'])
  t.equal(here.outcomes.get('a1'), 'done', 'what runs goes on')
})

t.test('passes over those whose gate is shut, and asks them again', async (t) => {
  const here = world({ concurrency: 2 })
  let open = false
  let asked = 0
  here.enter('a1')
  here.enter('b1', { mayStart: () => { asked++; return open } })
  here.enter('c1')
  t.same(here.started, ['a1', 'c1'])
  t.equal(asked, 1, 'when it came, and not for another')
  await here.end('c1')
  t.equal(asked, 2, 'when a place came free')
  const gone = new AbortController()
  here.enter('d1', { signal: gone.signal, mayStart: () => false })
  open = true
  gone.abort()
  t.same(here.started, ['a1', 'c1', 'b1'], 'when somebody left')
})

t.test('asks no gate while no place is free', async (t) => {
  const here = world()
  let asked = 0
  here.enter('a1')
  here.enter('b1', { mayStart: () => { asked++; return true } })
  t.equal(asked, 0)
  await here.end('a1')
  t.equal(asked, 1)
})

t.test('ends an entry with what its gate throws, and goes on with the others', async (t) => {
  const here = world()
  here.enter('a1')
  here.enter('b1', { mayStart: () => { throw new Error('locked') } })
  here.enter('c1')
  await here.end('a1')
  t.equal(here.outcomes.get('b1'), 'locked')
  t.same(here.started, ['a1', 'c1'])
  t.match(here.queue.statistics(), { waiting: 0, running: 1, refused: 0 })
})

t.test('shows gates what work has noted before it ended', async (t) => {
  const here = world({ concurrency: 2 })
  const noted: string[] = []
  const seen: string[][] = []
  for (let i = 0; i < 20; i++) {
    here.queue.run(async () => {
      await null
      noted.push(`${i}`)
    }, { network: 'a', mayStart: () => seen.push([...noted]) > 0 })
  }
  while (here.queue.isBusy) await settled()
  t.equal(seen.length, 20)
  for (const [index, what] of seen.entries()) t.ok(what.length >= index - 1, `${what.length} of ${index} had ended`)
})

t.test('takes calls from gates and works as they are asked and begun', async (t) => {
  const here = world({ concurrency: 3 })
  let inner = false
  here.enter('a1', { mayStart: () => {
    if (!inner) {
      inner = true
      here.enter('b1')
    }
    return true
  } })
  t.same(here.started, ['a1', 'b1'])
  await here.queue.run(async () => { here.enter('c1') }, { network: 'c' })
  await here.end('c1')
  const leaving = new AbortController()
  here.enter('d1', { signal: leaving.signal, mayStart: () => { leaving.abort(); return true } })
  await settled()
  t.ok(here.started.includes('d1'), 'what a gate has admitted is begun')
  t.match(here.queue.statistics(), { running: 3, waiting: 0, cancelled: 1 })
})

t.test('ends what waits when it is closed, and takes nothing more', async (t) => {
  const here = world()
  here.enter('a1')
  here.enter('b1')
  here.queue.close()
  here.enter('c1')
  await settled()
  t.same([...here.outcomes].sort(), [['b1', 'closing'], ['c1', 'closing']])
  t.equal(here.timers.size, 0)
  await here.end('a1')
  t.equal(here.outcomes.get('a1'), 'done')
})
