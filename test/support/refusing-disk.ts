import { execFileSync } from 'node:child_process'
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** A file system that comes to refuse what is written, through descriptors that are open too, and is read on. */
export interface RefusingDisk {
  readonly folder: string
  /** Of these files in it, until they are allowed again. */
  refuse (names: readonly string[]): void
  allow (names: readonly string[]): void
  /** Of all in it, as after an error of the disk: until nobody uses it any more and it is mounted anew. */
  fail (): void
  mountAnew (): void
}

/**
 * Mounts one, gone with the test; null where this user may not. It is ext4: there nobody writes to a file that is immutable, who has it open
 * neither, and an error of the disk can be told to the kernel. No file system becomes read-only by `mount` while somebody writes to it.
 */
export function mountRefusingDisk (t: Test, mebibytes: number): RefusingDisk | null {
  const above = mkdtempSync(join(tmpdir(), 'gatehouse-disk-'))
  t.teardown(() => rmSync(above, { recursive: true }))
  const [image, folder] = [join(above, 'image'), join(above, 'mounted')]
  mkdirSync(folder)
  writeFileSync(image, '')
  truncateSync(image, mebibytes * 1024 * 1024)
  const run = (program: string, ...words: string[]) => execFileSync(program, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()
  /** What an error of the disk is told by. */
  const trigger = () => `/sys/fs/ext4/${/loop\d+/.exec(run('findmnt', '--noheadings', '--output', 'SOURCE', folder))?.[0]}/trigger_fs_error`
  const mount = () => run('mount', '-o', 'loop,errors=remount-ro', image, folder)
  try {
    run('mkfs.ext4', '-q', image)
    mount()
    t.teardown(() => run('umount', '--lazy', folder))
    accessSync(trigger(), constants.W_OK)
  } catch {
    return null
  }
  const change = (mode: '+i' | '-i') => (names: readonly string[]) => { run('chattr', mode, ...names.map((name) => join(folder, name))) }

  return {
    folder,
    refuse: change('+i'),
    allow: change('-i'),
    fail: () => writeFileSync(trigger(), 'a test'),
    mountAnew () {
      run('umount', folder)
      // Its 1 says that it has mended what there was.
      run('sh', '-c', 'e2fsck -p -f "$1" || [ $? -eq 1 ]', 'sh', image)
      mount()
    }
  }
}
