import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder } from './service.ts'

const root = resolve(import.meta.dirname, '../..')

/**
 * The sources as they were at a commit, in a folder of their own, with the packages of today; the reason where there is no
 * history to take them from. Throws where the history does not hold the commit.
 */
export function checkOut (t: Test, commit: string): { sources: string } | { sources: null, reason: string } {
  if (!existsSync(join(root, '.git'))) return { sources: null, reason: 'these sources came without their history' }
  const shallow = tryGit('rev-parse', '--is-shallow-repository')
  if (shallow === null) return { sources: null, reason: 'there is no git here that reads the history' }
  if (shallow.trim() === 'true') return { sources: null, reason: 'the clone is shallow' }
  const folder = temporaryFolder(t)
  const archive = join(folder, 'sources.tar')
  const sources = join(folder, 'sources')
  mkdirSync(sources)
  execFileSync('git', ['archive', '--format=tar', `--output=${archive}`, commit], { cwd: root, stdio: 'pipe' })
  execFileSync('tar', ['-xf', archive, '-C', sources], { stdio: 'pipe' })
  symlinkSync(join(root, 'node_modules'), join(sources, 'node_modules'))
  return { sources }
}

function tryGit (...args: string[]): string | null {
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' })
  } catch {
    return null
  }
}
