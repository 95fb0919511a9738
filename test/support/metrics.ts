/** One metric as Prometheus reads it. */
export interface Metric {
  type: string
  help: string
  /** The labels of each of its samples; those of a histogram without `le`. */
  samples: Array<{ labels: Record<string, string>, name: string, value: number }>
}

/** Prometheus' text format, as far as the service writes it. */
export function readMetrics (text: string): Map<string, Metric> {
  const metrics = new Map<string, Metric>()
  let current: Metric = { type: '', help: '', samples: [] }
  for (const line of text.split('\n').filter((line) => line !== '')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (kind === 'HELP') {
      current = { type: '', help: rest, samples: [] }
      metrics.set(name, current)
    } else if (kind === 'TYPE') current.type = rest
    else current.samples.push(readSample(line))
  }
  return metrics
}

function readSample (line: string): Metric['samples'][number] {
  const [, name = '', labels = '', value = ''] = /^([\w:]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
  const { le, quantile, ...own } = Object.fromEntries([...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', text = '']) => [label, text]))
  return { name, labels: own, value: Number(value) }
}

/** The one figure with these labels, null where there is none. */
export function figure (text: string, name: string, labels: Record<string, string> = {}): number | null {
  const wanted = JSON.stringify(labels)
  const found = [...readMetrics(text).values()].flatMap(({ samples }) => samples).find((sample) => sample.name === name && JSON.stringify(sample.labels) === wanted)
  return found?.value ?? null
}

/** The names of metrics in an expression of PromQL: what is no function, keyword, label or text. */
export function metricsIn (expression: string): string[] {
  const bare = expression.replaceAll(/#.*|"[^"]*"|\$\{?\w+\}?/g, ' ').replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, ' ').replaceAll(/\b(?:by|without|on|ignoring)\s*\([^)]*\)/g, ' ')
  return [...new Set([...bare.matchAll(/\b[a-z]\w*_\w+\b(?!\s*\()/g)].map(([name]) => name))]
}

/** What a histogram or summary is called whose samples have this name; else the name itself. */
export function familyOf (name: string, metrics: ReadonlyMap<string, Metric>): string {
  const family = name.replace(/_(?:bucket|sum|count)$/, '')
  return !metrics.has(name) && ['histogram', 'summary'].includes(metrics.get(family)?.type ?? '') ? family : name
}
