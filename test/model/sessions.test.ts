import fc from 'fast-check'
import t, { type Test } from 'tap'
import { readClaims } from '../support/claims.ts'
import {type Attempt, 
  appAt, attempt, createWorld, end, everyEndIsHeard, expect, lifetimes, minute, model, origin, pick, receive, same, second, show, type World
} from '../support/session-world.ts'

/** Sequences of about a hundred steps each. `npm run races` asks for many more; a failure prints what MODEL_SEED has to be to see it again. */
const runs = Number(process.env['MODEL_RUNS'] ?? 70)
const seed = process.env['MODEL_SEED'] === undefined ? {} : { seed: Number(process.env['MODEL_SEED']) }
let made = 0
let steps = 0
const verdicts = new Map<string, number>()

t.test('one process does what a plain model of sessions does', (t) => holds(t, 1, runs))
t.test('two processes on one database do what a plain model of sessions does', (t) => holds(t, 2, Math.ceil(runs / 2)))

async function holds (t: Test, processes: number, numRuns: number): Promise<void> {
  t.setTimeout(3600_000)
  steps = 0
  verdicts.clear()
  const world = await createWorld(t, processes)
  await fc.assert(fc.asyncProperty(fc.commands(commands(processes), { maxCommands: 200, size: 'max' }), async (sequence) => {
    world.users = []
    await fc.asyncModelRun(() => ({ model: world, real: null }), sequence)
  }), { numRuns, ...seed })
  t.ok(steps > numRuns * 20, 'the sequences are long')
  t.same([...verdicts.keys()].sort(), ['refuse', 'replay', 'reuse', 'rotate'], 'every verdict was met')
  t.comment(`${steps} steps in ${numRuns} sequences; of the refresh tokens ${[...verdicts].map(([verdict, count]) => `${count} ${verdict}`).join(', ')}`)
}

type Step<A extends unknown[]> = (world: World, ...args: A) => Promise<void>

/** A command: what it is called, what it draws, and what it does to world and model. All that is live is looked at after it. */
function command<A extends unknown[]> (name: string, args: fc.Arbitrary<A>, step: Step<A>): fc.Arbitrary<fc.AsyncCommand<World, null>> {
  return args.map((drawn) => ({
    check: () => true,
    async run (world) {
      steps++
      await step(world, ...drawn)
      lookAround(world)
    },
    toString: () => `${name}(${drawn.join(', ')})`
  }))
}

/** The newest tokens of every session, in every process. */
function lookAround (world: World): void {
  for (const { sessions } of world.users) {
    for (const session of sessions.slice(-12)) for (const app of world.apps) for (const token of session.accessTokens.slice(-2)) show(world, app, session, token)
  }
}

function commands (processes: number): Array<fc.Arbitrary<fc.AsyncCommand<World, null>>> {
  const which = fc.nat(processes - 1)
  const any = fc.nat(1000)
  const recent = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.constant(1) }, { weight: 2, arbitrary: fc.nat(8) })
  const pause = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(1, second, 10 * second, 29_999, 30 * second, 30_001, minute) },
    { weight: 2, arbitrary: fc.constantFrom(5 * minute, 10 * minute, 20 * minute) },
    { weight: 1, arbitrary: fc.constantFrom(59 * minute, 60 * minute, 200 * minute) }
  )
  const one = fc.tuple(which, any, any)
  const some = (weight: number, step: fc.Arbitrary<fc.AsyncCommand<World, null>>) => Array.from({ length: weight }, () => step)

  return [
    ...some(2, command('register', fc.tuple(which), register)),
    ...some(6, command('sign in', fc.tuple(which, any, fc.boolean(), fc.nat(9)), signIn)),
    ...some(10, command('refresh', fc.tuple(which, any, any, recent), refresh)),
    ...some(4, command('refresh twice at once', fc.tuple(which, which, any, any, recent), refreshTwice)),
    ...some(2, command('log out', fc.tuple(which, any, any, fc.constantFrom('local' as const, 'local' as const, 'others' as const, 'global' as const)), logOut)),
    command('end one session', fc.tuple(which, any, any, any, any), endOne),
    ...some(2, command('list', one, list)),
    command('change the password', one, changePassword),
    command('delete the account', one, remove),
    ...some(4, command('wait', fc.tuple(pause), wait)),
    command('turn the clock back', fc.tuple(fc.integer({ min: 1, max: 3000 })), turnBack),
    command('hear', fc.tuple(which), hear),
    command('sweep', fc.tuple(which), sweep),
    // Rarely: it takes as long as a hundred other steps.
    command('change SECRET_KEY and restart', fc.tuple(fc.nat(11)), (world, chance) => chance === 0 ? world.restart() : Promise.resolve())
  ]
}

async function register (world: World, index: number): Promise<void> {
  const username = `user-${made++}`
  const password = `the password of ${username}`
  const { id } = await appAt(world, index).accounts.register({ username, password }, origin)
  world.users.push({ id, username, password, deleted: false, sessions: [] })
}

async function signIn (world: World, index: number, who: number, byName: boolean, chance: number): Promise<void> {
  const app = appAt(world, index)
  const user = pick(world.users, who)
  if (user === undefined) return
  const password = chance === 0 ? `not ${user.password}` : user.password
  const outcome = await attempt(app.signIn.withPassword({ username: byName ? user.username : user.username.toUpperCase(), password }, origin))
  if (user.deleted || chance === 0) return same(outcome, { refused: 'invalid_credentials' }, 'a sign-in')
  expect('granted' in outcome, 'a sign-in is refused')
  const { opened, ended } = model.open(user, readClaims(outcome.granted.access_token).sid, world.now)
  end(ended)
  everyEndIsHeard(world, world.apps.indexOf(app))
  receive(world, opened, outcome.granted)
}

/** A session of anybody, and one of its refresh tokens: 0 is the newest. */
function choose (world: World, who: number, which: number, age: number) {
  const session = pick(world.users, who)?.sessions
  const chosen = session === undefined ? undefined : pick(session, which)
  const token = chosen?.refreshTokens.at(-1 - Math.min(age, chosen.refreshTokens.length - 1))
  return chosen === undefined || token === undefined ? null : { session: chosen, token }
}

/** What a presented token does to the model: whether it is granted. */
function present (world: World, listener: number, { session, token }: NonNullable<ReturnType<typeof choose>>): boolean {
  const verdict = world.era - token.era > 1 ? 'refuse' : model.judge(session, token.counter, world.now)
  verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1)
  if (verdict === 'rotate') model.rotate(session, world.now)
  if (verdict === 'reuse') {
    end([session])
    everyEndIsHeard(world, listener)
  }
  return verdict === 'rotate' || verdict === 'replay'
}

async function refresh (world: World, index: number, who: number, which: number, age: number): Promise<void> {
  const chosen = choose(world, who, which, age)
  if (chosen === null) return
  const outcome = await attempt(appAt(world, index).signIn.withRefreshToken(chosen.token.text, origin))
  settle(world, index, chosen, outcome)
}

async function refreshTwice (world: World, first: number, other: number, who: number, which: number, age: number): Promise<void> {
  const chosen = choose(world, who, which, age)
  if (chosen === null) return
  const outcomes = await Promise.all([first, other].map((index) => attempt(appAt(world, index).signIn.withRefreshToken(chosen.token.text, origin))))
  const wasEnded = chosen.session.ended
  for (const [i, outcome] of outcomes.entries()) settle(world, [first, other][i] as number, chosen, outcome)
  // Which of two came first, and so which process knows, nobody said.
  if (!wasEnded && chosen.session.ended && first !== other) chosen.session.heardBy.clear()
}

function settle (world: World, index: number, chosen: NonNullable<ReturnType<typeof choose>>, outcome: Attempt): void {
  if (present(world, index % world.apps.length, chosen)) {
    expect('granted' in outcome, 'a refresh is refused')
    receive(world, chosen.session, outcome.granted)
  } else same(outcome, { refused: 'invalid_refresh_token' }, 'a refresh')
}

/** A user's newest access token of one session, as the process at `index` takes it; null where it is refused. */
function identify (world: World, index: number, who: number, which: number) {
  const user = pick(world.users, who)
  const session = user === undefined ? undefined : pick(user.sessions, which)
  const token = session?.accessTokens.at(-1)
  if (user === undefined || session === undefined || token === undefined) return null
  const app = appAt(world, index)
  const identity = show(world, app, session, token)
  return identity === null ? null : { app, identity, user, session, listener: world.apps.indexOf(app) }
}

async function logOut (world: World, index: number, who: number, which: number, scope: 'local' | 'others' | 'global'): Promise<void> {
  const caller = identify(world, index, who, which)
  if (caller === null) return
  await caller.app.signOut.logout(caller.identity, scope, origin)
  end(caller.user.sessions.filter((session) => scope === 'global' || (session === caller.session) === (scope === 'local')))
  everyEndIsHeard(world, caller.listener)
}

async function endOne (world: World, index: number, who: number, which: number, whose: number, ended: number): Promise<void> {
  const caller = identify(world, index, who, which)
  const owner = pick(world.users, whose % 2 === 0 ? who : whose)
  const session = owner === undefined ? undefined : pick(owner.sessions, ended)
  if (caller === null || owner === undefined || session === undefined) return
  const outcome = await caller.app.signOut.end(caller.identity, session.id, origin).then(() => 'done', ({ code }) => code)
  if (owner !== caller.user || session.ended) return same(outcome, 'not_found', 'ending what is not there')
  // One that is over may be swept or not: nobody can tell, and both are right.
  if (world.now < session.idleEndsAt) same(outcome, 'done', 'ending a session')
  if (outcome !== 'done') return
  end([session])
  everyEndIsHeard(world, caller.listener)
}

async function list (world: World, index: number, who: number, which: number): Promise<void> {
  const caller = identify(world, index, who, which)
  if (caller === null) return
  const { sessions } = await caller.app.signOut.list(caller.identity)
  const wanted = model.listed(caller.user, world.now).map((session) => ({
    id: session.id, current: session === caller.session, last_used_at: new Date(session.lastUsedAt).toISOString(), expires_at: new Date(session.idleEndsAt).toISOString()
  }))
  same(sessions.map(({ id, current, last_used_at, expires_at }) => ({ id, current, last_used_at, expires_at })), wanted, 'the list')
}

async function changePassword (world: World, index: number, who: number, which: number): Promise<void> {
  const caller = identify(world, index, who, which)
  if (caller === null) return
  const { app, user, identity } = caller
  const confirmed = await app.signIn.confirm(user.id, user.password, origin).catch(() => null)
  expect((confirmed === null) === user.deleted, 'a password is confirmed wrongly')
  if (confirmed === null) return
  user.password = `another password, the ${made++}th`
  await app.accounts.changePassword(confirmed, identity.sessionId, user.password, origin)
  end(user.sessions.filter((session) => session !== caller.session))
  everyEndIsHeard(world, caller.listener)
}

async function remove (world: World, index: number, who: number, which: number): Promise<void> {
  const caller = identify(world, index, who, which)
  if (caller === null || caller.user.deleted) return
  await caller.app.accounts.remove(await caller.app.signIn.confirm(caller.user.id, caller.user.password, origin), origin)
  caller.user.deleted = true
  end(caller.user.sessions)
  everyEndIsHeard(world, caller.listener)
}

async function wait (world: World, milliseconds: number): Promise<void> {
  world.now += milliseconds
  world.latest = Math.max(world.latest, world.now)
}

/** No further than clocks may differ. */
async function turnBack (world: World, milliseconds: number): Promise<void> {
  world.now = Math.max(world.now - milliseconds, world.latest - lifetimes.skew)
}

async function hear (world: World, index: number): Promise<void> {
  await appAt(world, index).jobs.run('revocations')
  everyEndIsHeard(world, index)
}

async function sweep (world: World, index: number): Promise<void> {
  const { jobs } = appAt(world, index)
  await jobs.run('sessions')
  await jobs.run('revocations-over')
}
