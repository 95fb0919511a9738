import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { until } from './until.ts'

const root = resolve(import.meta.dirname, '../..')

/** Whether anything can be run in a terminal here. */
export const hasTerminal = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') === true

/** What is done once a terminal shows something: keys to type, or anything else. */
export type Step = [shown: RegExp, keys: string | ((screen: string) => void)]

/** Runs a line of shell in a real terminal; gives all that it has shown, and whether it echoed when the line had ended. */
export async function inTerminal (line: string, environment: Record<string, string | undefined>, steps: readonly Step[]): Promise<{ screen: string, echoes: boolean }> {
  // By NODE_OPTIONS tap hears of signals in every process below it, which Node.js then leaves to tap.
  const child = spawn('script', ['--quiet', '--command', `unset NODE_OPTIONS; ${line}; echo "ended with $?"; stty -a`, '/dev/null'], {
    cwd: root, env: { PATH: process.env['PATH'], SHELL: '/bin/sh', ...environment }, stdio: ['pipe', 'pipe', 'inherit']
  })
  const closed = once(child, 'close', { signal: AbortSignal.timeout(60_000) })
  let screen = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { screen += text })
  try {
    let seen = 0
    for (const [shown, keys] of steps) {
      await until(() => shown.test(screen.slice(seen)))
      seen = screen.length
      if (typeof keys === 'string') child.stdin.write(keys)
      else keys(screen)
    }
    await closed
  } finally {
    child.kill()
  }
  const [before = '', settings = ''] = screen.split(/(?<=ended with \d+\r\n)/)
  return { screen: before, echoes: / echo /.test(settings) && / icanon /.test(settings) }
}
