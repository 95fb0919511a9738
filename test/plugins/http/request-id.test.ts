import t from 'tap'
import { requestId } from '../../../plugins/http/request-id.ts'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

function idOf (given?: unknown) {
  return requestId({ headers: { 'x-request-id': given } })
}

t.test('keeps the gateway\'s id where it is well-formed', async (t) => {
  for (const id of ['a', '4bf92f3577b34da6a3ce929d0e0e4736', '0ab9e6c1-8f2e-4f43-9e0c-3a4a5d8f4c11', 'a.b_c-d', 'x'.repeat(64)]) t.equal(idOf(id), id)
})

t.test('makes a new one otherwise, each time', async (t) => {
  for (const id of [undefined, '', 'x'.repeat(65), 'a b', 'a\n{"level":60}', 'é', 'a"b', '<script>', '../etc', ['a', 'b'], 7]) t.match(idOf(id), uuid)
  t.not(idOf(), idOf())
})
