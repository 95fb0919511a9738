import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Image } from './image.ts'

const run = promisify(execFile)

/** A command that runs in the image. */
export interface Container {
  /** Resolves when it has ended; `log` is all it wrote. */
  ended: Promise<Outcome>
  kill: (signal: NodeJS.Signals) => void
  /** Ends it at once, if it has not ended. */
  discard: () => Promise<void>
  /** Runs another command beside it, as `docker exec` and a health check do. */
  exec: (command: string[], env?: Record<string, string>) => Promise<Outcome>
  /** What the kernel says of the process: the lines of its /proc/PID/status. */
  status: () => string
  /** What it has mapped into memory: the lines of its /proc/PID/maps. */
  maps: () => string
}

export interface Outcome {
  code: number | null
  log: string
}

// The file set read-only, /proc and a small /dev as an engine adds them, the volumes and /tmp writable; all in a mount
// namespace of its own, so that nothing is left to unmount. setpriv comes before the change of root because it is not in
// the image; the three capabilities that the change needs are gone with uid 0, and nothing can bring them back.
const enter = `
  set -e
  root=$1 workdir=$2 user=$3 group=$4 volumes=$5
  shift 5
  mkdir -p "$root/proc" "$root/dev"
  mount --bind "$root" "$root"
  for volume in $volumes; do mount --bind "$root$volume" "$root$volume"; done
  mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp"
  mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
  for device in null zero full random urandom; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
  done
  mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
  mount -o remount,bind,ro,nosuid,nodev "$root"
  exec setpriv --no-new-privs --inh-caps=-all --bounding-set=-all,+sys_chroot,+setuid,+setgid \\
    unshare --root="$root" --wd="$workdir" --setgid "$group" --setuid "$user" "$@"
`

/** Whether this machine lets us make namespaces. Without them a container is the same files, run as the user we are. */
export async function canIsolate (): Promise<boolean> {
  if (process.getuid?.() !== 0) return false
  return await run('unshare', ['-m', '-p', '-f', '--mount-proc', 'setpriv', '--version']).then(() => true, () => false)
}

/** Starts a command in the image as `docker run --read-only --cap-drop ALL --security-opt no-new-privileges` would. */
export function start (image: Image, command: string[], env: Record<string, string>, isolated: boolean): Container {
  const all = { ...image.env, ...env }
  const child = isolated ? startIsolated(image, command, all) : startPlain(image, command, all)
  const pid = () => isolated ? onlyChildOf(child) : child.pid as number
  const exec = (words: string[], more: Record<string, string> = {}) => outcome(isolated
    ? startBeside(image, pid(), words, { ...all, ...more })
    : startPlain(image, words, { ...all, ...more }))
  const ended = outcome(child)
  const kill = (signal: NodeJS.Signals) => { process.kill(pid(), signal) }
  const discard = async () => {
    if (child.exitCode === null && child.signalCode === null) kill('SIGKILL')
    await ended
  }
  return {
    ended,
    kill,
    discard,
    exec,
    status: () => readFileSync(`/proc/${pid()}/status`, 'utf8'),
    maps: () => readFileSync(`/proc/${pid()}/maps`, 'utf8')
  }
}

/** Asks until the answer is 200, for ten seconds at most. */
export async function untilReady (url: string, container: Container) {
  const over = container.ended.then(({ code, log }) => { throw new Error(`ended with ${code}: ${log}`) })
  for (let tries = 0; tries < 200; tries++) {
    if (await fetch(url).then(({ status }) => status === 200, () => false)) return
    await Promise.race([over, sleep(50)])
  }
  throw new Error(`${url} is not ready after ten seconds`)
}

function startIsolated (image: Image, command: string[], env: Record<string, string>) {
  const [user = '', group = ''] = image.user.split(':')
  const words = ['sh', '-c', enter, 'sh', image.root, image.workdir, user, group, image.volumes.join(' '), ...command]
  return spawnWith(env, ['unshare', '-m', '-p', '-f', ...words])
}

function startBeside (image: Image, pid: number, command: string[], env: Record<string, string>) {
  const [user = '', group = ''] = image.user.split(':')
  const options = [`--target=${pid}`, '--mount', '--pid', '--root', '--wd', '--setuid', user, '--setgid', group]
  return spawnWith(env, ['nsenter', ...options, ...command])
}

function startPlain (image: Image, [program = '', ...rest]: string[], env: Record<string, string>) {
  const database = env.DATABASE_URL?.replace('sqlite:', `sqlite:${image.root}`) ?? ''
  return spawnWith({ ...env, DATABASE_URL: database }, [join(image.root, program), ...rest], join(image.root, image.workdir))
}

/** Exactly this environment: tap adds its own to what Node starts. */
function spawnWith (env: Record<string, string>, words: string[], cwd = '/') {
  return spawn('env', ['-i', ...Object.entries(env).map(([key, value]) => `${key}=${value}`), ...words], { cwd })
}

async function outcome (child: ChildProcess): Promise<Outcome> {
  const written = Promise.all([child.stdout, child.stderr].map((stream) => text(stream as NodeJS.ReadableStream)))
  const [code] = await once(child, 'exit')
  return { code, log: (await written).join('') }
}

function onlyChildOf ({ pid }: ChildProcess) {
  return Number.parseInt(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'), 10)
}
