import { readFileSync } from 'node:fs'
import t from 'tap'
import { alice, build } from '../support/build.ts'
import { tableOf } from '../support/docs.ts'
import { familyOf, metricsIn, readMetrics } from '../support/metrics.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const page = read('docs/metrics.md')

const server = await build(t, { environment: { METRICS_PORT: '9464' } })
for (const payload of [alice, { ...alice, password: 'not the password' }]) await server.inject({ method: 'POST', url: '/login', payload })
const metrics = readMetrics(await server.metrics.text())
const ours = [...metrics].filter(([name]) => name.startsWith('gatehouse_'))

t.test('docs/metrics.md lists every metric of the registry with its type and meaning, and no other', async (t) => {
  const rows = tableOf(page, 'metric').map(([name, type, , means]) => [name?.replaceAll('`', ''), type, means])
  t.same(rows.toSorted(), ours.map(([name, { type, help }]) => [name, type, help]).toSorted())
})

t.test('docs/metrics.md lists every label of every metric', async (t) => {
  const labels = new Map(tableOf(page, 'metric').map(([name, , labels = '']) => [name?.replaceAll('`', ''), labels.replaceAll('`', '').split(' ').filter((label) => label !== '')]))
  for (const [name, { samples }] of ours) for (const sample of samples) t.same(Object.keys(sample.labels), labels.get(name), name)
  const described = new Set(tableOf(page, 'label').map(([label]) => /`(\w+)`/.exec(label ?? '')?.[1]))
  t.same([...new Set([...labels.values()].flat())].filter((label) => !described.has(label)), [])
})

t.test('docs/metrics.md lists what the library adds on Linux', async (t) => {
  const [, section = ''] = /^### Of the process\n(.*?)^## /ms.exec(`${page}\n## `) ?? []
  const named = [...section.matchAll(/`((?:process|nodejs)_\w+)`/g)].map(([, name = '']) => name)
  const added = [...metrics.keys()].filter((name) => !name.startsWith('gatehouse_'))
  t.same(named.filter((name) => !added.includes(name)), process.platform === 'linux' ? [] : named.filter((name) => !added.includes(name)))
  t.same(added.filter((name) => !named.includes(name)), [])
})

/** Every expression that these files hand to Prometheus. */
const alerts = read('deploy/prometheus/alerts.yml')
const dashboard: { panels: Array<{ title: string, type: string, gridPos: Record<'h' | 'w' | 'x' | 'y', number>, targets?: Array<{ expr: string }> }>, templating: { list: Array<{ definition?: string }> } } = JSON.parse(read('deploy/grafana/gatehouse.json'))
const expressions = {
  'deploy/prometheus/alerts.yml': [...alerts.matchAll(/^ {8}expr: (.*\n(?: {10}.*\n)*)/gm)].map(([, expression = '']) => expression.replace(/^\|/, '')),
  'deploy/grafana/gatehouse.json': dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
}
const unknown = (text: string) => metricsIn(text).filter((name) => name !== 'up' && !metrics.has(familyOf(name, metrics)))

t.test('every metric that the alerts and the dashboard ask for is there', async (t) => {
  t.equal(expressions['deploy/prometheus/alerts.yml'].length, alerts.match(/^ +- alert:/gm)?.length)
  for (const [path, asked] of Object.entries(expressions)) {
    t.ok(asked.length >= 10, path)
    for (const expression of asked) {
      t.ok(metricsIn(expression).length > 0 || expression.startsWith('up{'), expression)
      t.same(unknown(expression), [], `${path}: ${expression}`)
    }
  }
  for (const { definition = '' } of dashboard.templating.list) t.same(unknown(definition), [])
  t.same(unknown('sum by (no_label) (rate(gatehouse_nothing_total{status="no_text"}[5m])) > gatehouse_keys_sum'), ['gatehouse_nothing_total', 'gatehouse_keys_sum'], 'one that is not is told')
})

t.test('what our figures give alerts and dashboard to tell apart is what they are told apart by', async (t) => {
  const values = new Map(tableOf(page, 'label').map(([label = '', values = '']) => [label, values]))
  const asked = Object.values(expressions).flat().flatMap((expression) => [...expression.matchAll(/\b(outcome|event|result|state|limit)(?:=|!=|=~|!~)"([^"]*)"/g)])
  t.ok(asked.length > 5)
  for (const [, label = '', value = ''] of asked.filter(([, label]) => label !== 'event')) {
    const known = [...values].filter(([name]) => name.includes(`\`${label}\``)).map(([, listed]) => listed).join()
    for (const one of value.split('|')) t.ok(known.includes(`\`${one}\``), `${label}="${one}"`)
  }
  const events = read('plugins/audit.ts')
  for (const [, , value = ''] of asked.filter(([, label]) => label === 'event')) for (const one of value.split('|')) t.ok(events.includes(`'${one}'`), one)
})

t.test('the panels of the dashboard have a place each', async (t) => {
  const places = dashboard.panels.map(({ gridPos }) => gridPos)
  for (const [index, { h, w, x, y }] of places.entries()) {
    t.ok(x + w <= 24)
    t.same(places.slice(index + 1).filter((other) => x < other.x + other.w && other.x < x + w && y < other.y + other.h && other.y < y + h), [])
  }
})
