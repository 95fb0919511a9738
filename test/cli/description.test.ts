import t from 'tap'
import { command, done } from '../support/command.ts'

t.test('prints every route for people and for programs', async (t) => {
  const table = done(t, await command({}, 'routes'), 'routes')
  t.match(table, /^POST +\/login +public +login +login$/m)
  t.match(table, /^GET +\/protected +user +- +protected$/m)
  const rows = JSON.parse(done(t, await command({}, 'routes', '--json'), 'routes --json')) as Array<Record<string, string>>
  t.equal(rows.length, table.trimEnd().split('\n').length)
  t.match(rows.find(({ url }) => url === '/protected'), { method: 'GET', access: 'user', operation: 'protected' })
})

t.test('prints the description of the HTTP interface', async (t) => {
  const description = JSON.parse(done(t, await command({ PUBLIC_URL: 'https://auth.example.org' }, 'openapi'), 'openapi'))
  t.match(description, { openapi: /^3/, paths: { '/login': { post: { operationId: 'login' } } } })
})
