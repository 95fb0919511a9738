import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Provided } from './debian.ts'

/** What is ended when its user ends: a test, or whatever else calls these in the end, the latest first. */
export interface Owner {
  teardown (end: () => unknown): void
}

/** A program of others that listens, started for a test. */
export interface Program {
  /** What it has complained of so far. */
  output (): string
}

/** Nobody: then its workers need no user of their own. */
const nobody = 65_534
const asNobody = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}

/** Milliseconds for it to listen. Long, for a busy machine: nobody waits for it but where something is wrong. */
const patience = 60_000

/** A folder for a program that runs as nobody, gone with the test. */
export function programFolder (t: Owner, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `gatehouse-${name}-run-`))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  if ('uid' in asNobody) chownSync(folder, nobody, nobody)
  return folder
}

/** Starts a program as nobody and resolves when it accepts connections at the port. It is ended with the test. */
export async function startProgram (t: Owner, { path, environment }: Provided, words: readonly string[], port: number): Promise<Program> {
  const child = spawn(path, words, { ...asNobody, env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { log += text })
  const quit = () => { child.kill() }
  process.once('exit', quit)
  const ended = once(child, 'close').then(() => process.off('exit', quit))
  t.teardown(async () => {
    quit()
    await ended
  })
  const deadline = performance.now() + patience
  while (!await answers(port)) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > deadline) throw new Error(`${path} did not start:\n${log}`)
    await sleep(10)
  }
  return { output: () => log }
}

/** Whether somebody accepts connections there. */
export async function answers (port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
