import type { DatabaseSync } from 'node:sqlite'

/** The transactions of a connection, one after the other: those that begin in one turn of the event loop are committed together. */
export interface SharedCommit {
  /** Begins one. Throws what SQLite does where another connection has the lock. */
  begin (): void
  /**
   * Ends it, so that the next may begin. Resolves when those that share its commit are committed. Rejects where that failed,
   * also what was rolled back: what it had seen of the others never was. `cause` is what one of its statements failed with: the
   * reason, where SQLite has rolled back the whole for it.
   */
  end (how: 'commit' | 'rollback', cause?: unknown): Promise<void>
  /** Commits what has ended now, and not at the end of the turn; while one goes on, nothing. */
  close (): void
}

interface Group {
  members: number
  atWork: boolean
  /** Whether the turn of the loop is over in which it began. */
  due: boolean
  ended: PromiseWithResolvers<void>
}

/**
 * A commit to SQLite writes every page that was changed to the log, once for all that share it, and costs more than what
 * changed them. Requests that come in together are answered after the disk has it, which the loop hears of in a later turn:
 * none waits longer. The first holds the lock, each that follows has a savepoint: rolled back, it leaves the others as they are.
 * `failed` makes the error of a commit, and of the others where one has taken the whole with it, as a full disk does.
 */
export function createSharedCommit (database: DatabaseSync, failed: (error: unknown, shared: boolean) => Error): SharedCommit {
  let group: Group | null = null

  function finish (statement: 'commit' | 'rollback', cause?: unknown): void {
    const { members, ended } = group as Group
    group = null
    try {
      database.exec(statement)
    } catch (error) {
      cause ??= error
    }
    if (database.isOpen && database.isTransaction) database.exec('rollback')
    if (cause === undefined) ended.resolve()
    else ended.reject(failed(cause, members > 1))
  }

  function leave (how: 'commit' | 'rollback', cause: unknown): void {
    try {
      if (how === 'rollback') database.exec('rollback to member')
      database.exec('release member')
    } catch (error) {
      finish('rollback', cause ?? error)
    }
  }

  function close (): void {
    if (group !== null && !group.atWork) finish('commit')
  }

  return {
    begin () {
      if (group !== null) {
        database.exec('savepoint member')
        group.members++
        group.atWork = true
        return
      }
      database.exec('begin immediate')
      const begun = { members: 1, atWork: true, due: false, ended: Promise.withResolvers<void>() }
      group = begun
      setImmediate(() => {
        begun.due = true
        close()
      })
    },
    async end (how, cause) {
      const own = group as Group
      own.atWork = false
      if (own.members > 1) leave(how, cause)
      else if (how === 'rollback') {
        group = null
        if (database.isTransaction) database.exec('rollback')
        return
      }
      if (group === own && (own.due || !database.isTransaction)) finish('commit', cause)
      await own.ended.promise
    },
    close
  }
}
