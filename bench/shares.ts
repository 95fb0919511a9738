/** What `node --cpu-prof` writes. */
export interface CpuProfile {
  nodes: ReadonlyArray<{ id: number, callFrame: { functionName: string, url: string, lineNumber: number } }>
  startTime: number
  samples: readonly number[]
  timeDeltas: readonly number[]
}

export interface Share {
  name: string
  where: string
  /** Of one request. */
  nanoseconds: number
}

/** The time that each function itself took between two moments, for each of `count` requests; the longest first, without what was idle. */
export function byFunction ({ nodes, startTime, samples, timeDeltas }: CpuProfile, [from, to]: [number, number], count: number): Share[] {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const own = new Map<string, Share>()
  let now = startTime
  for (const [index, id] of samples.entries()) {
    const delta = timeDeltas[index] as number
    now += delta
    const frame = frames.get(id)
    if (now < from || now > to || frame === undefined || frame.functionName === '(idle)') continue
    const where = placeOf(frame.url)
    const key = `${frame.functionName} ${where} ${frame.lineNumber}`
    const share = own.get(key) ?? { name: frame.functionName === '' ? `line ${frame.lineNumber + 1}` : frame.functionName, where, nanoseconds: 0 }
    share.nanoseconds += delta * 1000 / count
    own.set(key, share)
  }
  return [...own.values()].toSorted((one, other) => other.nanoseconds - one.nanoseconds)
}

/** Below the project, or the package's name and below. */
function placeOf (url: string): string {
  if (url === '') return 'V8 and the system'
  return url.replace(/^.*\/node_modules\//, '').replace(new URL('..', import.meta.url).href, '')
}
