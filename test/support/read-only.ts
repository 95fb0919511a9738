import { execFileSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import type { Test } from 'tap'

/**
 * Makes a file one that cannot be written to, by its mode or, for root, by its file system, until the test ends or what is
 * given is called; null where that cannot be done here. Who has it open writes on.
 */
export function makeReadOnly (t: Test, file: string): (() => void) | null {
  const undo = process.getuid?.() === 0 ? mountReadOnly(file) : changeMode(file)
  if (undo === null) return null
  let done = false
  const once = () => {
    if (!done) undo()
    done = true
  }
  t.teardown(once)
  return once
}

function changeMode (file: string): () => void {
  chmodSync(file, 0o400)
  return () => chmodSync(file, 0o600)
}

function mountReadOnly (file: string): (() => void) | null {
  try {
    execFileSync('mount', ['--bind', file, file], { stdio: 'ignore' })
    execFileSync('mount', ['-o', 'remount,ro,bind', file], { stdio: 'ignore' })
  } catch {
    return null
  }
  return () => execFileSync('umount', ['--lazy', file])
}
