import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder } from './service.ts'
import { mountSmallDisk } from './small-disk.ts'

/** A disk that promises more room than it has: what the file system has taken may be refused when it is written out. */
export interface ThinDisk {
  readonly folder: string
  /** Takes all the room that there is in truth. */
  fill (): void
  free (): void
  /** What the disk itself has, mounted somewhere else: what is left where the power fails now. */
  afterPowerLoss (): string
}

/** MiB that the image leaves of the disk that it lies on. */
const slack = 6

/** Mounts one of ext4, gone with the test; null where this user may not. */
export function mountThinDisk (t: Test, mebibytes: number): ThinDisk | null {
  const below = mountSmallDisk(t, mebibytes)
  if (below === null) return null
  const image = join(below.folder, 'image')
  writeFileSync(image, '')
  truncateSync(image, (mebibytes - slack) * 2 ** 20)
  const run = (program: string, ...words: string[]) => execFileSync(program, words, { stdio: 'ignore' })
  function mount (file: string): string {
    const folder = temporaryFolder(t)
    run('mount', '-o', 'loop', file, folder)
    t.teardown(() => run('umount', '--lazy', folder))
    return folder
  }

  let folder: string
  try {
    run('mkfs.ext4', '-q', image)
    // What the file system itself needs has its place from now on; what is free in it has none.
    writeFileSync(image, readFileSync(image))
    folder = mount(image)
    run('fstrim', folder)
  } catch {
    return null
  }
  return {
    folder,
    fill: below.fill,
    free: below.free,
    afterPowerLoss () {
      const copies = temporaryFolder(t)
      const copy = join(copies, 'image')
      copyFileSync(image, copy)
      run('sh', '-c', 'e2fsck -fy "$1" || [ $? -eq 1 ]', 'sh', copy)
      return mount(copy)
    }
  }
}
