// npm run demo:gateway: Gatehouse, nginx by deploy/nginx/nginx.conf, and docs/example/behind-gateway.ts, without containers.
// PORT is where nginx listens, 8000 where it is not set. Ctrl-C ends all three.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { at, provide } from '../support/debian.ts'
import { nginxWords } from '../support/nginx.ts'
import { freePort } from '../support/ports.ts'
import { answers, programFolder, startProgram } from '../support/program.ts'
import { launch, startService } from '../support/service.ts'
import { until } from '../support/until.ts'
import { nginx, readDeployed } from './programs.ts'

const port = Number(process.env['PORT'] ?? 8000)
const url = `http://localhost:${port}`
const endings: Array<() => unknown> = []
const t = { teardown: (end: () => unknown) => { endings.unshift(end) } }

async function start (): Promise<void> {
  if (await answers(port)) throw new Error(`port ${port} is taken: PORT=8001 npm run demo:gateway`)
  const provided = await provide('nginx', at('usr/sbin/nginx'))
  const [app, port2] = await Promise.all([freePort(), freePort()])
  launch(t, { entry: 'docs/example/behind-gateway.ts', environment: { PORT: String(app) } })
  const [service] = await Promise.all([
    startService(t, { environment: { PUBLIC_URL: url, TRUST_PROXY: '127.0.0.1' } }),
    until(() => answers(app))
  ])
  const folder = programFolder(t, 'nginx')
  const place = { folder, root: provided.root, port, port2, url: service.url, gatehouse: `127.0.0.1:${service.port}`, app: `127.0.0.1:${app}` }
  writeFileSync(join(folder, 'nginx.conf'), nginx.placed(readDeployed(nginx.file), place), { mode: 0o644 })
  await startProgram(t, provided, nginxWords(folder), port)
}

async function end (code: number): Promise<never> {
  for (const ending of endings) await ending()
  process.exit(code)
}

const json = "-H 'Content-Type: application/json' -d '{\"username\": \"alice\", \"password\": \"seven lamps by the harbour wall\"}'"
const calls = [
  `curl -sS -w '\\n' ${url}/register ${json}`,
  `TOKEN=$(curl -sS ${url}/login ${json} | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`,
  `curl -sS -w '\\n' ${url}/api/orders -H "Authorization: Bearer $TOKEN"`
]

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end(0))
try {
  await start()
  process.stdout.write(`nginx on ${url}, in front of Gatehouse and an example application. In another shell:\n\n${calls.join('\n')}\n\nCtrl-C ends all three.\n`)
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  await end(1)
}
