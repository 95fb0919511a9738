import { execFileSync } from 'node:child_process'
import { chownSync, closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** A file system that is soon full. */
export interface SmallDisk {
  readonly folder: string
  /** Takes all the room that is left. */
  fill (): void
  free (): void
}

/** Mounts one in memory, gone with the test; null where this user may not mount. */
export function mountSmallDisk (t: Test, mebibytes: number, owner = process.getuid?.() ?? 0): SmallDisk | null {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-disk-'))
  t.teardown(() => rmdirSync(folder))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=700`, 'gatehouse', folder], { stdio: 'ignore' })
  } catch {
    return null
  }
  t.teardown(() => execFileSync('umount', ['--lazy', folder]))
  chownSync(folder, owner, owner)
  const filler = join(folder, 'filler')

  return {
    folder,
    fill () {
      const file = openSync(filler, 'a')
      try {
        for (const size of [65_536, 4096, 1]) writeUntilFull(file, Buffer.alloc(size))
      } finally {
        closeSync(file)
      }
    },
    free: () => rmSync(filler)
  }
}

function writeUntilFull (file: number, piece: Buffer): void {
  try {
    for (;;) writeSync(file, piece)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}
