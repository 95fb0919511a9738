import t, { type Test } from 'tap'
import { build, withAlice } from '../support/build.ts'
import { post, registerClient, sidOf, signIn } from '../support/calls.ts'

// What clients see of it is in test/routes/oauth.test.ts.

async function setUp (t: Test) {
  const log: Array<Record<string, unknown>> = []
  const server = await build(t, { log })
  await withAlice(server)
  const client = await registerClient(server)
  return { log, server, client, send: (url: string, form: Record<string, string>) => post(server, url, client.basic, form) }
}

t.test('answers its own faults as OAuth has it, and tells the log alone why', async (t) => {
  const { log, server, send } = await setUp(t)
  const { issueToClient } = server.tokens
  const cases = [
    [new Error('secret cause'), 500, 'server_error', 'Something went wrong on our side'],
    [server.errors.create('unavailable', { cause: new Error('secret cause') }), 503, 'temporarily_unavailable', 'The service cannot answer right now: try again shortly']
  ] as const
  for (const [error, status, code, description] of cases) {
    server.tokens.issueToClient = () => { throw error }
    const reply = await send('/oauth/token', { grant_type: 'client_credentials' })
    t.equal(reply.statusCode, status)
    t.strictSame(reply.json(), { error: code, error_description: description })
    t.equal(reply.headers['retry-after'], status === 503 ? '1' : undefined)
    t.match(log.findLast(({ level }) => level === 50), { msg: code, err: { message: 'secret cause' } })
  }
  server.tokens.issueToClient = issueToClient
})

t.test('tells a refresh that cannot be done now from one that is refused', async (t) => {
  const { server, send } = await setUp(t)
  const { refresh_token: token } = await signIn(server)
  const { withRefreshToken } = server.signIn
  server.signIn.withRefreshToken = () => Promise.reject(server.errors.create('unavailable'))
  t.equal((await send('/oauth/token', { grant_type: 'refresh_token', refresh_token: token })).json().error, 'temporarily_unavailable')
  server.signIn.withRefreshToken = withRefreshToken
  t.equal((await send('/oauth/token', { grant_type: 'refresh_token', refresh_token: token })).statusCode, 200)
})

t.test('tells the audit which client ended whose session', async (t) => {
  const { log, server, client, send } = await setUp(t)
  const pair = await signIn(server)
  const own = (await send('/oauth/token', { grant_type: 'client_credentials' })).json().access_token
  for (const token of ['x', pair.access_token, own]) await send('/oauth/revoke', { token })
  const events = log.filter(({ event }) => event === 'authn_token_revoked')
  t.match(events, [{ user_id: pair.user.id, actor: client.id }, { user_id: null, actor: client.id }])
  t.equal(events.length, 2)
  t.equal(await server.sessions.find(pair.refresh_token, server.database.queries), null, sidOf(pair))
})
