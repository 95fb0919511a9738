import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const v3 = ['avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'abm', 'movbe', 'xsave']

/** The levels of the x86-64 psABI that argon2 is built for, widest first, and what each asks of a processor, in the kernel's words. */
export const levels: ReadonlyArray<{ name: string, flags: readonly string[] }> = [
  { name: 'x86-64-v4', flags: [...v3, 'avx512f', 'avx512bw', 'avx512cd', 'avx512dq', 'avx512vl'] },
  { name: 'x86-64-v3', flags: v3 }
]

export interface Machine {
  platform: string
  arch: string
  /** A file like /proc/cpuinfo. */
  cpuinfo: string
}

/** The names of the levels that every processor of /proc/cpuinfo's text has, widest first. */
export function levelsOf (cpuinfo: string): string[] {
  const processors = [...cpuinfo.matchAll(/^flags\s*:(.*)$/gm)].map(([, flags = '']) => new Set(flags.split(' ')))
  return levels.filter(({ flags }) => processors.length > 0 && flags.every((flag) => processors.every((known) => known.has(flag)))).map(({ name }) => name)
}

/**
 * The folder of the widest build of argon2 below `folder` that the machine runs; null for the one that comes from npm, which
 * keeps to what every x86-64 has and takes twice as long for a password, or more.
 */
export function argon2Build (folder: string, { platform, arch, cpuinfo }: Machine = { platform: process.platform, arch: process.arch, cpuinfo: '/proc/cpuinfo' }): string | null {
  if (platform !== 'linux' || arch !== 'x64' || !existsSync(folder)) return null
  const fit = levelsOf(readFileSync(cpuinfo, 'utf8')).map((name) => join(folder, name))
  return fit.find((build) => existsSync(join(build, 'build/Release/argon2.node'))) ?? null
}
