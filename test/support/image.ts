import { execFile } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { mkdir, readFile, symlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { execForm, type Instruction, pairs, parse, type Stage, textOf } from './dockerfile.ts'

const run = promisify(execFile)
const isRoot = process.getuid?.() === 0

/** What an engine would know of the image: the file set and how to start it. */
export interface Image {
  root: string
  env: Record<string, string>
  workdir: string
  volumes: string[]
  user: string
  entrypoint: string[]
  /** What is added to the entry point unless the caller says otherwise. */
  command: string[]
  healthcheck: string[]
}

interface Build {
  folder: string
  context: string
  stages: Stage[]
  ignored: string[]
}

/**
 * Builds what the Dockerfile describes, without an engine: a folder for each stage, its RUN lines in a shell, its COPY
 * lines with cp. This machine stands for the base image with its libraries, its npm, and the Node.js that runs the test;
 * RUN lines have to keep to their WORKDIR for that. The folder is the caller's to remove. Owners are set as root only.
 */
export async function buildImage (context: string, folder: string): Promise<Image> {
  const { stages } = parse(await readFile(join(context, 'Dockerfile'), 'utf8'))
  const ignored = (await readFile(join(context, '.dockerignore'), 'utf8')).split('\n').filter((line) => /^[^#]/.test(line))
  const build = { folder, context, stages, ignored }
  for (const stage of stages) await buildStage(build, stage, stageFolder(build, stage))
  const last = stages.at(-1) as Stage
  return describe(last, stageFolder(build, last))
}

/** Whether .dockerignore keeps a path of ours out. It holds `*`, paths and `!paths`, of files and folders; the last match counts. */
export function isIgnored (path: string, patterns: string[]): boolean {
  const last = patterns.map((pattern) => pattern.replace(/^!/, '')).findLastIndex((pattern) => pattern === '*' || path === pattern || path.startsWith(`${pattern}/`))
  return last !== -1 && !(patterns[last] as string).startsWith('!')
}

export interface Entry { path: string, mode: number, uid: number, gid: number, size: number, isFile: boolean, isFolder: boolean }

/** Every file and folder below a root, with its path seen from there. Symbolic links have no mode that counts: left out. */
export function filesBelow (root: string, below = '/'): Entry[] {
  return readdirSync(join(root, below), { withFileTypes: true }).flatMap((entry) => {
    if (entry.isSymbolicLink()) return []
    const path = join(below, entry.name)
    const { mode, uid, gid, size } = statSync(join(root, path))
    const self = { path, mode, uid, gid, size, isFile: entry.isFile(), isFolder: entry.isDirectory() }
    return entry.isDirectory() ? [self, ...filesBelow(root, path)] : [self]
  })
}

function describe (stage: Stage, root: string): Image {
  const env = Object.assign({}, ...all(stage, 'ENV').map(({ text }) => pairs(text)))
  const list = (name: string) => execForm(textOf(stage, name) ?? '[]') ?? []
  return {
    root,
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...env },
    workdir: textOf(stage, 'WORKDIR') ?? '/',
    volumes: list('VOLUME'),
    user: textOf(stage, 'USER') ?? '',
    entrypoint: list('ENTRYPOINT'),
    command: list('CMD'),
    healthcheck: execForm(textOf(stage, 'HEALTHCHECK')?.replace(/^CMD\s+/, '') ?? '[]') ?? []
  }
}

async function buildStage (build: Build, stage: Stage, root: string) {
  let workdir = '/'
  await mkdir(root)
  for (const instruction of stage.instructions) {
    if (instruction.name === 'WORKDIR') workdir = await enter(root, instruction.text)
    if (instruction.name === 'RUN') await runLine(build, join(root, workdir), instruction.text)
    if (instruction.name === 'COPY') await copy(build, instruction, root, workdir)
  }
}

async function enter (root: string, workdir: string) {
  await mkdir(join(root, workdir), { recursive: true })
  return workdir
}

async function runLine (build: Build, cwd: string, line: string) {
  const bin = join(build.folder, 'bin')
  await mkdir(bin, { recursive: true })
  await symlink(process.execPath, join(bin, 'node')).catch(() => {})
  const env = { ...process.env, PATH: `${bin}:${process.env.PATH}`, npm_config_prefer_offline: 'true' }
  // Taken away last: tap adds options of its own to what Node starts, and what they load changes the bytes of what is compiled.
  await run('env', ['-u', 'NODE_OPTIONS', '/bin/sh', '-c', `umask 022; ${line}`], { cwd, env })
}

async function copy (build: Build, { text, flags }: Instruction, root: string, workdir: string) {
  const words = text.split(/\s+/)
  const to = words.pop() as string
  const target = join(root, to.startsWith('/') ? to : join(workdir, to))
  for (const word of words) {
    const source = flags.from === undefined ? fromContext(build, word) : fromStage(build, flags.from, word)
    if (statSync(source).isDirectory()) await putContents(source, target, flags)
    else await put(source, to.endsWith('/') ? join(target, basename(word)) : target)
  }
}

async function put (source: string, target: string) {
  await mkdir(dirname(target), { recursive: true })
  await run('cp', ['-T', '--preserve=mode', source, target])
}

/** Of a folder what is in it is copied, not the folder. Between stages a link does. */
async function putContents (source: string, target: string, { from, chown }: Instruction['flags']) {
  await mkdir(target, { recursive: true })
  await run('cp', ['-dRT', '--preserve=mode,links', ...from === undefined ? [] : ['--link'], source, target])
  if (chown === undefined || !isRoot) return
  await run('chown', ['-hR', chown, ...readdirSync(source).map((name) => join(target, name))])
}

function fromContext (build: Build, path: string) {
  if (isIgnored(path, build.ignored)) throw new Error(`.dockerignore keeps ${path} out of the build`)
  return join(build.context, path)
}

/** A path of an earlier stage. What none of its lines made comes from the base image, and that is Node itself. */
function fromStage (build: Build, name: string, path: string) {
  if (path === '/usr/local/bin/node') return process.execPath
  const stage = build.stages.find((stage) => stage.name === name) as Stage
  return join(stageFolder(build, stage), path)
}

function stageFolder ({ folder, stages }: Build, stage: Stage) {
  return join(folder, `stage-${stages.indexOf(stage)}`)
}

function all (stage: Stage, name: string) {
  return stage.instructions.filter((instruction) => instruction.name === name)
}
