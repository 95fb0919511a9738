import { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Test } from 'tap'

/** Counts the statements that reach any database of this process, until the test ends. */
export function countStatements (t: Test): { readonly count: number } {
  return countCalls(t, [[StatementSync.prototype, ['all', 'run', 'get']], [DatabaseSync.prototype, ['exec']]])
}

/** Counts those that are read and planned, to be run any number of times. */
export function countPrepared (t: Test): { readonly count: number } {
  return countCalls(t, [[DatabaseSync.prototype, ['prepare']]])
}

function countCalls (t: Test, methodsOf: ReadonlyArray<readonly [object, readonly string[]]>): { readonly count: number } {
  const seen = { count: 0 }
  for (const [prototype, methods] of methodsOf) {
    for (const method of methods) {
      const original = Reflect.get(prototype, method) as (...args: unknown[]) => unknown
      Reflect.set(prototype, method, function (this: unknown, ...args: unknown[]) {
        seen.count++
        return original.apply(this, args)
      })
      t.teardown(() => { Reflect.set(prototype, method, original) })
    }
  }
  return seen
}
