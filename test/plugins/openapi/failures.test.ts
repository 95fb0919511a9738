import t from 'tap'
import { answersOf, failuresOf, type Stated } from '../../../plugins/openapi/failures.ts'

const stated = (members: Partial<Stated> = {}): Stated => ({ access: 'public', limit: null, hasBody: false, hasQuery: false, errors: [], ...members })

t.test('tells from what a route states what it may fail with, in the order of the registry', async (t) => {
  t.same(failuresOf(stated()), [])
  t.same(failuresOf(stated({ hasQuery: true })), ['invalid_request'])
  t.same(failuresOf(stated({ access: 'token' })), ['invalid_request', 'missing_token', 'invalid_token', 'unavailable'])
  t.same(failuresOf(stated({ access: 'user' })), ['invalid_request', 'missing_token', 'invalid_token', 'forbidden', 'unavailable'])
  t.same(failuresOf(stated({ access: 'right' })), failuresOf(stated({ access: 'user' })))
  t.same(failuresOf(stated({ hasBody: true, limit: 'refresh', errors: ['invalid_refresh_token'] })), ['invalid_request', 'invalid_refresh_token', 'payload_too_large', 'unsupported_media_type', 'too_many_attempts', 'unavailable'])
  t.same(failuresOf(stated({ limit: 'login', errors: ['weak_password'] })), ['weak_password', 'too_many_attempts', 'overloaded'])
  t.same(failuresOf(stated({ access: 'client', hasBody: true, errors: ['invalid_grant'] })), ['invalid_request', 'invalid_client', 'invalid_grant', 'slow_down', 'server_error', 'temporarily_unavailable'])
})

t.test('describes each status once, with an example of every failure and the time to wait', async (t) => {
  const answers = answersOf(['invalid_request', 'weak_password', 'overloaded'], 'public') as Record<string, { description: string, headers?: object, content: { 'application/json': { schema: object, examples: Record<string, { value: object }> } } }>
  t.same(Object.keys(answers), ['400', '503'])
  t.equal(answers['400']?.description, '`invalid_request`, `weak_password`')
  t.same(answers['400']?.content['application/json'].schema, { $ref: '#/components/schemas/ErrorReply' })
  t.same(answers['400']?.content['application/json'].examples['invalid_request'], { value: { statusCode: 400, code: 'invalid_request', error: 'Bad Request', message: 'The request is malformed' } })
  t.notOk(answers['400']?.headers)
  t.match(answers['503']?.headers, { 'Retry-After': { required: true } })
  t.match(answersOf(['invalid_client'], 'client'), { 401: { content: { 'application/json': { schema: { $ref: '#/components/schemas/OauthErrorReply' }, examples: { invalid_client: { value: { error: 'invalid_client', error_description: /^The client/ } } } } } } })
})
