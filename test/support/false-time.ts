import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { at, provide } from './debian.ts'
import type { Owner } from './program.ts'
import { temporaryFolder } from './service.ts'

/** A clock of a process that somebody sets. */
export interface FalseTime {
  /** What the process has to be started with. */
  readonly environment: Record<string, string>
  /** Sets it so many seconds ahead of the machine's, or behind where there are fewer than none. */
  set (seconds: number): void
}

/** What counts milliseconds since some moment goes on as it did. */
export async function falseTime (t: Owner): Promise<FalseTime> {
  const path = await library()
  const file = join(temporaryFolder(t), 'time')

  /** Renamed, since the process reads it at any moment. */
  function set (seconds: number): void {
    writeFileSync(`${file}.new`, `${seconds < 0 ? '' : '+'}${seconds}\n`)
    renameSync(`${file}.new`, file)
  }

  set(0)
  return { environment: { LD_PRELOAD: path, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' }, set }
}

/** What a process has to be started with for all of its time, timers included, to go so many times as fast. */
export async function fastTime (speed: number): Promise<Record<string, string>> {
  return { LD_PRELOAD: await library(), FAKETIME: `+0 x${speed}` }
}

/** libfaketime, the machine's or Debian's: it stands before the system's own functions. */
async function library (): Promise<string> {
  const triplet = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`
  const { path } = await provide('libfaketime', at(`usr/lib/${triplet}/faketime/libfaketime.so.1`))
  return path
}
