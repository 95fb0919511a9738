import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../test/support/ports.ts'
import { production } from '../servers.ts'
import { processorTime } from './stores.ts'

export interface Process {
  url: string
  child: ChildProcess
  /** Milliseconds from the start of the process to its first 200 at /health/ready. */
  readyAfter: number
  /** Milliseconds of processor time that it took until then. */
  startTime: number
}

export interface Request {
  method: 'GET' | 'POST'
  path: string
  status: number
  headers?: Record<string, string>
  body?: unknown
}

export interface Carried {
  requests: number
  seconds: number
  /** Processor seconds of the service. */
  processor: number
}

const connections = 16

/** server.ts as an operator starts it. */
export async function startProcess (environment: Record<string, string>): Promise<Process> {
  const port = await freePort()
  const began = performance.now()
  const child = spawn(process.execPath, ['--import', './check-node.js', 'server.ts'], {
    env: { PATH: process.env['PATH'], ...production, LOG_LEVEL: 'warn', DRAIN_DELAY: '0', ...environment, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit']
  })
  const url = `http://127.0.0.1:${port}`
  while (!await isReady(url)) {
    if (child.exitCode !== null) throw new Error('the service did not start')
    await sleep(5)
  }
  return { url, child, readyAfter: performance.now() - began, startTime: processorTime(child.pid as number) * 1000 }
}

export async function stopProcess ({ child }: Process): Promise<void> {
  child.kill('SIGTERM')
  await once(child, 'close')
}

function isReady (url: string): Promise<boolean> {
  return fetch(`${url}/health/ready`).then(({ status }) => status === 200, () => false)
}

/** Sends these requests over 16 connections, as fast as they are answered, for so many seconds at most. Throws where an answer is another than expected. */
export async function carry ({ url, child }: Process, requests: Iterator<Request>, seconds: number): Promise<Carried> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const busy = processorTime(child.pid as number)
  const began = performance.now()
  let sent = 0

  async function work (): Promise<void> {
    while (performance.now() - began < seconds * 1000) {
      const { value, done } = requests.next()
      if (done === true) return
      sent++
      await send(value)
    }
  }

  async function send ({ method, path, status, headers, body }: Request): Promise<void> {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const outgoing = request(`${url}${path}`, { method, agent, headers: { ...headers, ...text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } } })
    outgoing.end(text)
    const [answer] = await once(outgoing, 'response')
    answer.resume()
    await once(answer, 'end')
    if (answer.statusCode !== status) throw new Error(`${method} ${path} was answered ${answer.statusCode}`)
  }

  await Promise.all(Array.from({ length: connections }, work))
  agent.destroy()
  return { requests: sent, seconds: (performance.now() - began) / 1000, processor: processorTime(child.pid as number) - busy }
}
