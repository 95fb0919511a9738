import { Type } from '@sinclair/typebox'
import t from 'tap'
import { exampleOf, resolve, type Schema, share } from '../../../plugins/openapi/schemas.ts'

const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value))
const Leaf = { title: 'Leaf', type: 'object', properties: { a: { type: 'string', examples: ['x'] } } }

t.test('puts what has a name in one place, at any depth, and leaves the rest where it is', async (t) => {
  const shared = new Map<string, Schema>()
  const tree = { response: [{ title: 'Tree', type: 'array', items: Leaf }], other: { title: { type: 'string' }, leaf: Leaf, none: null } }
  t.same(share(tree, shared), { response: [{ $ref: '#/components/schemas/Tree' }], other: { title: { type: 'string' }, leaf: { $ref: '#/components/schemas/Leaf' }, none: null } })
  t.same([...shared], [['Leaf', Leaf], ['Tree', { title: 'Tree', type: 'array', items: { $ref: '#/components/schemas/Leaf' } }]])
  t.same(resolve({ $ref: '#/components/schemas/Leaf' }, shared), Leaf)
  t.same(resolve({ $ref: '#/components/schemas/Nothing' }, shared), {})
})

t.test('takes an $id for a name, and names no two that differ alike', async (t) => {
  const shared = new Map<string, Schema>()
  const User = plain(Type.Object({ id: Type.String() }, { $id: 'User' }))
  t.same(share([User, User], shared), [{ $ref: '#/components/schemas/User' }, { $ref: '#/components/schemas/User' }])
  t.same(shared.get('User')?.title, 'User')
  t.throws(() => share({ title: 'User', type: 'string' }, shared), { message: 'two schemas that differ are called User' })
})

t.test('makes an example of the examples there are, else of the types', async (t) => {
  const shared = new Map<string, Schema>([['Leaf', Leaf]])
  const schema = Type.Object({
    given: Type.String({ examples: ['one', 'two'] }), fixed: Type.Literal('ok'), usual: Type.Integer({ default: 5 }), either: Type.Union([Type.String({ examples: ['three'] }), Type.Null()]),
    list: Type.Array(Type.Boolean()), text: Type.String(), count: Type.Integer(), nothing: Type.Null()
  })
  t.same(exampleOf(plain(schema) as Schema, shared), { given: 'one', fixed: 'ok', usual: 5, either: 'three', list: [true], text: 'text', count: 1, nothing: null })
  t.same(exampleOf({ $ref: '#/components/schemas/Leaf' }, shared), { a: 'x' })
  t.same([exampleOf({ type: 'object' }, shared), exampleOf({ type: 'array' }, shared), exampleOf({ enum: ['b'] }, shared), exampleOf({ anyOf: [] }, shared), exampleOf({}, shared)], [{}, [], 'b', null, null])
})
