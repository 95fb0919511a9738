import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { build } from '../support/build.ts'
import { at, type Provided, provide } from '../support/debian.ts'

// By npm run alerts: Prometheus' own tool is the machine's or Debian's package, some twenty megabytes.
t.setTimeout(300_000)

const root = fileURLToPath(new URL('../..', import.meta.url))
const promtool: Provided | null = await provide('prometheus', at('usr/bin/promtool')).catch(({ message }: Error) => {
  t.comment(`NOT CHECKED: ${message}`)
  return null
})

async function run (...args: string[]): Promise<string> {
  const { path, environment } = promtool as Provided
  const { stdout, stderr } = await promisify(execFile)(path, args, { cwd: root, env: environment })
  return stdout + stderr
}

if (promtool !== null) {
  t.test('Prometheus reads the configuration and the alerts', async (t) => {
    t.match(await run('check', 'config', 'deploy/prometheus/prometheus.yml'), /1 rule files found[\s\S]*is valid[\s\S]*SUCCESS: \d+ rules found/)
  })

  t.test('each alert speaks up when it should and keeps quiet when not', async (t) => {
    t.match(await run('test', 'rules', 'test/deploy/alerts.yml'), /SUCCESS/)
  })

  t.test('Prometheus reads the metrics and finds nothing of ours named against its customs', async (t) => {
    const server = await build(t, { environment: { METRICS_PORT: '9464' } })
    for (const url of ['/protected', '/nothing', '/health/ready']) await server.inject(url)
    const child = execFile((promtool as Provided).path, ['check', 'metrics'])
    let complaints = ''
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => { complaints += text })
    child.stdin?.end(await server.metrics.text())
    await new Promise((resolve) => { child.once('close', resolve) })
    t.same(complaints.split('\n').filter((line) => !/^(?:nodejs_|process_|$)/.test(line)), [])
  })
}
