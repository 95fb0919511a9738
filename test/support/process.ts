import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** The kernel counts processor time for /proc in hundredths of a second, on every machine. */
const millisecondsATick = 10
/** How the kernel writes that a socket of TCP listens. */
const listens = '0A'

/** The memory of a process that is in RAM, in MiB. */
export function residentMemory (pid: number): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kibibytes) / 1024
}

/** The processor time that a process has used in the threads it has, in milliseconds. Unlike a wall clock it does not count what runs beside it. */
export function processorTime (pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  // In nanoseconds: the ticks of its stat are longer than a hash.
  return threads.reduce((sum, thread) => sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]), 0) / 1_000_000
}

/** That of all processes that this one started and that have ended, and of those that they did. */
export function endedTime (): number {
  return ticksOf('/proc/self/stat', 13) * millisecondsATick
}

/** Two fields that stand side by side, of the user and of the system. */
function ticksOf (path: string, field: number): number {
  const stat = readFileSync(path, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[field]) + Number(fields[field + 1])
}

/** The sockets of a process that neither listen nor were accepted at its ports: what it has opened towards others, as `LOCAL REMOTE` in the kernel's hexadecimal. */
export function outboundSockets (pid: number, ...listeningPorts: number[]): string[] {
  const inodes = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)))
  const own = listeningPorts.map((port) => `:${port.toString(16).toUpperCase().padStart(4, '0')}`)
  const rows = ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((family) => readFileSync(`/proc/${pid}/net/${family}`, 'utf8').trim().split('\n').slice(1))
  return rows.map((row) => row.trim().split(/\s+/))
    .filter(([, local = '', , state, , , , , , inode]) => inodes.has(`socket:[${inode}]`) && state !== listens && !own.some((port) => local.endsWith(port)))
    .map(([, local, remote]) => `${local} ${remote}`)
}

/** What a descriptor points to; nothing where it was closed meanwhile. */
function linkOf (path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/** How many descriptors a process has. */
export function descriptorsOf (pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}
