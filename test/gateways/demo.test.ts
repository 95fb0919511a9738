import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import t from 'tap'
import { at, provide } from '../support/debian.ts'
import { freePort } from '../support/ports.ts'
import { answers } from '../support/program.ts'
import { fenced } from './programs.ts'

t.setTimeout(180_000)

const entry = new URL('demo.ts', import.meta.url).pathname

t.test('npm run demo:gateway prints three calls that work, and leaves nothing behind', async (t) => {
  const reason = await provide('nginx', at('usr/sbin/nginx')).then(() => null, ({ message }: Error) => message)
  if (reason !== null) return t.comment(`NOT RUN: ${reason}`)
  const port = await freePort()
  const child = spawn(process.execPath, [entry], { env: { ...process.env, PORT: String(port) }, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { said += text })
  while (!said.includes('Ctrl-C')) await once(child.stdout, 'data')
  const calls = said.split('\n').filter((line) => /\bcurl -sS\b/.test(line))
  t.equal(calls.length, 3)

  const { stdout } = await promisify(execFile)('sh', ['-eu', '-c', calls.join('\n')])
  const [registered, orders] = stdout.trim().split('\n').map((line) => JSON.parse(line))
  t.equal(registered.message, 'User registered successfully')
  t.same(orders, { user_id: registered.user.id, username: 'alice', path: '/api/orders', orders: [] })
  t.equal((await fetch(`http://127.0.0.1:${port}/api/orders`)).status, 401)

  const readme = fenced('nginx/README.md', 'sh').find((block) => block.includes('/logout')) ?? ''
  const token = '\nprintf %s "$TOKEN"'
  const { stdout: told } = await promisify(execFile)('sh', ['-eu', '-c', readme.replaceAll('localhost:8000', `127.0.0.1:${port}`) + token])
  t.match(told, /"username_taken".*"path":"\/api\/orders"/s, 'and so do those of deploy/nginx/README.md')
  t.equal((await fetch(`http://127.0.0.1:${port}/api/orders`, { headers: { authorization: `Bearer ${told.slice(told.lastIndexOf('}') + 1)}` } })).status, 401, 'which sign out')

  const again = spawn(process.execPath, [entry], { env: { ...process.env, PORT: String(port) }, stdio: 'ignore' })
  t.same(await once(again, 'close'), [1, null], 'a port that is taken')
  child.kill('SIGINT')
  t.same(await once(child, 'close'), [0, null])
  t.equal(await answers(port), false)
})
