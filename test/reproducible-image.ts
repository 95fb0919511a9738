import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { buildImage } from './support/image.ts'

// npm run reproducible: builds the image's file set twice, as the Dockerfile says and without an engine, and compares every file. Minutes, for
// npm ci and two compilations of argon2 each time.
t.setTimeout(1_800_000)

const context = fileURLToPath(new URL('..', import.meta.url))

/** Every path below a root with its kind, its mode and what is in it. */
function fileSetOf (root: string, below = ''): Map<string, string> {
  return new Map(readdirSync(join(root, below), { withFileTypes: true }).flatMap((entry): Array<[string, string]> => {
    const path = join(below, entry.name)
    if (entry.isSymbolicLink()) return [[path, `to ${readlinkSync(join(root, path))}`]]
    const mode = (statSync(join(root, path)).mode & 0o7777).toString(8)
    if (entry.isDirectory()) return [[path, mode], ...fileSetOf(root, path)]
    return [[path, `${mode} ${createHash('sha256').update(readFileSync(join(root, path))).digest('hex')}`]]
  }))
}

t.test('two builds have the same files, to the byte', async (t) => {
  const sets: Array<Map<string, string>> = []
  // In the same place both times, as an engine does: what is compiled ahead names where it was.
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-image-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  for (let built = 0; built < 2; built++) {
    await rm(folder, { recursive: true })
    await mkdir(folder)
    sets.push(fileSetOf((await buildImage(context, folder)).root))
  }
  const [first, second] = sets as [Map<string, string>, Map<string, string>]
  const digest = createHash('sha256').update([...first].sort().map((line) => line.join(' ')).join('\n')).digest('hex')
  t.comment(`${first.size} files, folders and links; all together ${digest}`)
  t.ok(first.size > 1000)
  t.same([...new Set([...first.keys(), ...second.keys()])].filter((path) => first.get(path) !== second.get(path)), [])
})
