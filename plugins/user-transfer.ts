import { randomUUIDv7 } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import fp from 'fastify-plugin'
import { UserEntry } from '../schemas/user-entry.ts'
import type { Administrator } from './administration.ts'
import type { Queries } from './database.ts'
import { inBatches } from './user-transfer/batches.ts'
import { createNames, type Names } from './user-transfer/names.ts'
import type { UserRecord } from './users.ts'

declare module 'fastify' {
  interface FastifyInstance {
    userTransfer: UserTransfer
  }
}

/** One line of a file of users: what it says, or why it cannot be read. */
export type Line = { number: number, value: unknown } | { number: number, fault: string }

export interface Intake {
  /** Nothing is kept. */
  dryRun: boolean
  /** Told of every line that was refused, and why; never what was in it. */
  refused (number: number, reason: string): void
  /** Told after each batch how many lines were read. */
  progress (lines: number): void
}

export interface UserTransfer {
  /**
   * Adds the users of a file, a hundred in a transaction, and says how many. A line that is refused leaves the others alone; what is
   * there already is never changed. With digests of other systems, as sign-in reads them; one that it could not read is refused.
   */
  takeIn (lines: AsyncIterable<Line>, intake: Intake, by: Administrator): Promise<{ added: number, refused: number }>
  /** Every user with their digest, in the order of their names, a page at a time: who comes or goes meanwhile may be among them or not. */
  giveOut (): AsyncGenerator<Required<UserEntry>>
}

/** Users of a transaction: others who write to SQLite wait for some hundredths of a second. */
const batchSize = 100
const pageSize = 500

/** Thrown where a dry run has seen how a transaction would end. */
const undone = new Error('a dry run')

/** Users from another system, or for one, with the digests of their passwords. */
export default fp(async (app) => {
  const faultOf = app.validation.judgeOf(UserEntry, 'line')

  /** The entry of a line, or why there is none. */
  function read (line: Line): UserEntry | string {
    if ('fault' in line) return line.fault
    const fault = faultOf(line.value)
    if (fault !== null) return fault
    const { password_hash: digest = null, created_at: created, roles = [] } = line.value as UserEntry
    if (digest !== null && !app.passwords.canVerify(digest)) return 'line.password_hash has a form that is not known here, is beyond its bounds, or needs a pepper that is not set'
    if (created !== undefined && !(Date.parse(created) <= app.clock.now())) return 'line.created_at is no time that has been'
    return app.administration.areRoles(roles) ? line.value as UserEntry : 'line.roles are not well-formed, or too many or too long together'
  }

  /** Why an entry is not added; null where it was. */
  async function add (entry: UserEntry, queries: Queries, by: Administrator): Promise<string | null> {
    const { id = randomUUIDv7(), username, email = null, password_hash: passwordHash = null, roles = [], disabled = false, created_at: created } = entry
    const users = app.users.within(queries)
    const createdAt = created === undefined ? app.clock.now() : Date.parse(created)
    if (entry.id !== undefined && await users.findById(id) !== null) return 'the id is taken'
    const outcome = await users.add({ id, username, email, passwordHash, createdAt })
    if (outcome !== 'added') return outcome === 'username_taken' ? 'the username is taken' : 'the e-mail address is taken'
    const held = [...new Set(roles)].sort()
    if (held.length > 0) await users.setRoles(id, held)
    if (disabled) await users.setDisabled(id, app.clock.now())
    await app.audit.record({ event: 'user_created', userId: id, ...by, detail: { imported: true, roles: held } }, queries)
    return null
  }

  /** The reason why each line is refused; null where it is not. */
  async function store (lines: readonly Line[], names: Names | null, by: Administrator): Promise<Array<string | null>> {
    const entries = lines.map(read)
    const reasons: Array<string | null> = []
    await app.database.transaction(async (queries) => {
      reasons.length = 0
      const gone = await app.audit.deleted(entries.flatMap((entry) => typeof entry === 'string' || entry.id === undefined ? [] : [entry.id]), queries)
      for (const entry of entries) {
        reasons.push(typeof entry === 'string' ? entry : gone.has(entry.id ?? '') ? 'the id is that of a user who was deleted' : names?.taken(entry) ?? await add(entry, queries, by))
      }
      if (names !== null) throw undone
    }).catch((error) => { if (error !== undone) throw error })
    for (const [index, entry] of entries.entries()) if (typeof entry !== 'string' && reasons[index] === null) names?.take(entry)
    return reasons
  }

  app.decorate('userTransfer', {
    async takeIn (lines, { dryRun, refused, progress }, by) {
      const names = dryRun ? createNames() : null
      const count = { added: 0, refused: 0 }
      for await (const batch of inBatches(lines, batchSize)) {
        const reasons = await store(batch, names, by)
        for (const [index, reason] of reasons.entries()) {
          if (reason !== null) refused(Number(batch[index]?.number), reason)
          count[reason === null ? 'added' : 'refused']++
        }
        progress(count.added + count.refused)
        await setImmediate()
      }
      return count
    },
    async * giveOut () {
      for (let after = '', more = true; more;) {
        const page = await app.users.search({ prefix: '', role: null, disabled: null }, after, pageSize)
        for (const { user } of page) yield entryOf(user)
        after = page.at(-1)?.key ?? ''
        more = page.length === pageSize
      }
    }
  } satisfies UserTransfer)
}, { name: 'user-transfer', dependencies: ['administration', 'audit', 'clock', 'database', 'passwords', 'users', 'validation'], fastify: '5.x' })

function entryOf ({ id, username, email, passwordHash, roles, disabled, createdAt }: UserRecord): Required<UserEntry> {
  return { id, username, email, password_hash: passwordHash, roles, disabled, created_at: new Date(createdAt).toISOString() }
}
