import { readFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import { argon2Build } from '../argon2-build.ts'
import { pinnable } from './servers.ts'

/** What everything runs on. */
export interface Host {
  processor: string
  processors: number
  memory: string
  system: string
  node: string
  openssl: string
  fastify: string
  argon2: string
}

/** What was measured, and on what: names and versions of all that the figures depend on. */
export interface Machine extends Host {
  load: string
  pinned: boolean
  loadAverage: string
}

export function describeMachine (load: string): Machine {
  return { ...describeHost(), load, pinned: pinnable, loadAverage: loadavg().map((value) => value.toFixed(1)).join(' ') }
}

export function describeHost (): Host {
  const build = argon2Build(new URL('../native', import.meta.url).pathname)
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    processors: availableParallelism(),
    memory: `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    system: `${type()} ${release()} ${arch()}`,
    node: process.versions.node,
    openssl: process.versions.openssl ?? 'unknown',
    fastify: versionOf('fastify'),
    argon2: `${versionOf('argon2')}, ${build === null ? 'as it comes from npm' : build.split('/').at(-1)}`
  }
}

function versionOf (name: string): string {
  return JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version
}
