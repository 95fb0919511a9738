/** A line of the picture: what was seen of something, over time. */
export interface Series {
  name: string
  unit: string
  /** Seconds since the beginning, and the value. */
  points: ReadonlyArray<readonly [seconds: number, value: number]>
}

/** A series in figures: what it was when it was warm and at last, and how much it grew an hour between. */
export interface Summary {
  name: string
  unit: string
  first: number
  last: number
  growth: number
}

/** What a run leaves for others to put together, in the service's own time. */
export interface Soaked {
  minutes: number
  /** How many times as fast as the machine's that goes. */
  speed: number
  rate: number
  requests: number
  failed: number
  /** Memory is the first. */
  series: Summary[]
}

/** MiB an hour, from where on memory counts as growing. */
export const mostGrowth = 1

const width = 900
const height = 110
const left = 130
const gap = 34

/** Seconds that do not count: a fifth of all, five minutes at least, and never more than half. */
export function warmUpOf (seconds: number): number {
  return Math.min(seconds / 2, Math.max(seconds / 5, 300))
}

/** How much a series grows an hour, by least squares over what comes after the warm-up. */
export function slope ({ points }: Series, warmUp: number): number {
  const kept = points.filter(([seconds]) => seconds >= warmUp)
  if (kept.length < 2) return 0
  const mean = (index: 0 | 1) => kept.reduce((sum, point) => sum + point[index], 0) / kept.length
  const [x, y] = [mean(0), mean(1)]
  const spread = kept.reduce((sum, [seconds]) => sum + (seconds - x) ** 2, 0)
  return spread === 0 ? 0 : kept.reduce((sum, [seconds, value]) => sum + (seconds - x) * (value - y), 0) / spread * 3600
}

export function summaryOf (series: Series, warmUp: number): Summary {
  const { name, unit, points } = series
  const [, first = 0] = points.find(([seconds]) => seconds >= warmUp) ?? points.at(-1) ?? []
  const [, last = 0] = points.at(-1) ?? []
  return { name, unit, first, last, growth: slope(series, warmUp) }
}

/** One panel below the other, each from zero to its most, as SVG that needs nothing else. */
export function pictureOf (title: string, all: readonly Series[]): string {
  const longest = Math.max(1, ...all.flatMap(({ points }) => points.map(([seconds]) => seconds)))
  const panels = all.map(({ name, unit, points }, index) => {
    const top = 40 + index * (height + gap)
    const most = Math.max(...points.map(([, value]) => value), 1e-9)
    const place = ([seconds, value]: readonly [number, number]) => `${(left + seconds / longest * (width - left - 20)).toFixed(1)},${(top + height - value / most * height).toFixed(1)}`
    return [
      `<text x="10" y="${top + 14}">${name}</text><text x="10" y="${top + 32}" fill="#666">${figure(most)} ${unit} at most</text>`,
      `<path d="M${left},${top}V${top + height}H${width - 20}" fill="none" stroke="#bbb"/>`,
      `<polyline points="${points.map(place).join(' ')}" fill="none" stroke="#0b66c3" stroke-width="1.5"/>`
    ].join('\n')
  })
  const whole = 40 + all.length * (height + gap)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${whole + 10}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
<text x="10" y="22" font-size="14">${title}</text>
${panels.join('\n')}
<text x="${left}" y="${whole}" fill="#666">0</text><text x="${width - 90}" y="${whole}" fill="#666">${(longest / 60).toFixed(1)} minutes</text>
</svg>
`
}

function figure (value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
