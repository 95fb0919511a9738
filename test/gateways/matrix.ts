import { readFileSync } from 'node:fs'
import { tableOf } from '../support/docs.ts'
import { cases } from './cases.ts'
import type { Latency } from './latency.ts'
import type { Adapter } from './programs.ts'

/** What came of a run at one gateway. */
export interface Result {
  adapter: Adapter
  version: string
  /** Cases that held, and how. */
  held: Map<string, string>
  latency: Latency | null
}

export const page = new URL('../../docs/gateways.md', import.meta.url)

const [begin, end] = ['<!-- written by npm run gateways: -->\n', '<!-- until here -->\n']
const modes = { asks: 'asks Gatehouse', verifies: 'verifies by itself' }
/** Whose configuration is there, and whose program no registry has: how its file is held instead. */
const notRun: Array<[name: string, mode: string, held: string]> = [
  ['traefik', modes.asks, 'middlewares by the schema of its custom resource (`@kubernetes-models/traefik`), the rest structure only'],
  ['envoy (ext_authz)', modes.asks, 'by its own definitions (`@grpc/grpc-js-xds`)'],
  ['envoy (jwt_authn)', modes.verifies, 'by its own definitions (`@grpc/grpc-js-xds`)'],
  ['kong', modes.verifies, 'structure only: no npm package with its schema was found'],
  ['istio', modes.verifies, 'by the schemas of its custom resources (`@kubernetes-models/istio`), its patches by those of Envoy'],
  ['aws', modes.verifies, 'by the specification of CloudFormation (`@aws-cdk/aws-service-spec`)']
]
/** Their rows in docs/gateways.md. */
export const rowsNotRun = notRun.map(([name, mode, held]) => `| ${name} | – | ${mode} | – | – | – | – | not run; ${held} |`)

/** docs/gateways.md with the tables of these results. */
export function written (results: readonly Result[], remembered: Latency, now: Date): string {
  const sorted = results.toSorted((one, other) => one.adapter.name.localeCompare(other.adapter.name))
  const day = now.toISOString().slice(0, 10)
  const milliseconds = (value: number | undefined) => value === undefined ? '–' : `${value.toFixed(2)} ms`
  const lines = [
    '| gateway | version | mode | cases | held | added, half | added, 99 % | run |', '|---|---|---|---|---|---|---|---|',
    ...sorted.map(({ adapter: { name, mode }, version, held, latency }) => `| ${name} | ${version} | ${modes[mode]} | ${cases.length} | ${held.size} | ${milliseconds(latency?.half)} | ${milliseconds(latency?.most)} | ${day} |`),
    `| nginx, answers remembered | ${results.find(({ adapter: { name } }) => name === 'nginx')?.version} | asks once in three seconds | – | – | ${milliseconds(remembered.half)} | ${milliseconds(remembered.most)} | ${day} |`,
    ...rowsNotRun,
    '',
    `| case | ${sorted.map(({ adapter: { name } }) => name).join(' | ')} |`, `|---|${sorted.map(() => '---|').join('')}`,
    ...cases.map(({ name }) => `| ${name} | ${sorted.map(({ held }) => held.get(name) ?? '**no**').join(' | ')} |`)
  ]
  const [before = '', rest = ''] = readFileSync(page, 'utf8').split(begin)
  return `${before}${begin}${lines.join('\n')}\n${end}${rest.split(end)[1] ?? ''}`
}

/** What docs/gateways.md says that was tried, and what held where. */
export function readMatrix (): { cases: string[], gateways: string[], held: Map<string, Record<string, string>> } {
  const text = readFileSync(page, 'utf8')
  const [, heading = ''] = /^\| case \| (.*) \|$/m.exec(text) ?? []
  const gateways = heading.split(' | ')
  const rows = tableOf(text, 'case')
  const held = gateways.map((name, column) => [name, Object.fromEntries(rows.map(([one = '', ...hows]) => [one, hows[column] ?? '']))] as const)
  return { cases: rows.map(([name = '']) => name), gateways, held: new Map(held) }
}
