import { readFileSync } from 'node:fs'
import t from 'tap'
import { aliceSignedIn, build } from './support/build.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const [, section = ''] = /^## What it does, and what it does not do yet\n(.*?)^## /ms.exec(readme) ?? []
const rows = section.split('\n').filter((line) => /\| (yes|not yet) \|$/.test(line))

/** The calls that the rows with this verdict name: `GET /me`. */
function callsOf (verdict: string) {
  return rows.filter((row) => row.endsWith(`| ${verdict} |`)).flatMap((row) => [...row.matchAll(/`([A-Z]+ \/[^`]+)`/g)].map(([, call = '']) => call))
}

t.test('the README lists every call that is there, and as not there yet none', async (t) => {
  const { routeTable } = await build(t)
  const there = routeTable.entries.filter(({ operation }) => operation !== '-').map(({ method, url }) => `${method} ${url}`)
  const [said, awaited] = [callsOf('yes'), callsOf('not yet')]
  // Of the well-known documents one is named by its address, the others in words.
  t.same(there.filter((call) => !said.includes(call) && !call.startsWith('GET /.well-known/')), [])
  t.same(said.filter((call) => !there.includes(call)), [])
  t.same(awaited.filter((call) => there.includes(call)), [])
})

t.test('the README gives the alg, typ, iss and aud that tokens have by default', async (t) => {
  const { access_token: token } = await aliceSignedIn(await build(t, { environment: { PUBLIC_URL: '' } }))
  const [header, claims] = token.split('.').slice(0, 2).map((segment) => JSON.parse(Buffer.from(segment, 'base64url').toString()))
  const [, section = ''] = /^## Verifying a token elsewhere\n(.*?)^## /ms.exec(readme) ?? []
  for (const value of [header.alg, header.typ, claims.iss, claims.aud]) t.equal(section.split(`\`${value}\``).length, 2, value)
})
