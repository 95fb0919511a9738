import t from 'tap'
import { errorBody } from '../../../plugins/errors/body.ts'
import { type ErrorCode, errors } from '../../../schemas/errors.ts'

t.test('gives every error of the registry the shape of Fastify\'s, with our code', async (t) => {
  t.strictSame(errorBody('not_found'), { statusCode: 404, code: 'not_found', error: 'Not Found', message: errors.not_found.message })
  for (const code of Object.keys(errors) as ErrorCode[]) t.match(errorBody(code), { statusCode: errors[code].status, code, error: /^[A-Z][A-Za-z ]+$/, message: errors[code].message })
})

t.test('takes another message for one answer', async (t) => {
  t.strictSame(errorBody('invalid_request', 'Read this'), { statusCode: 400, code: 'invalid_request', error: 'Bad Request', message: 'Read this' })
})
