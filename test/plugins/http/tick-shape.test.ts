import { createHook } from 'node:async_hooks'
import t from 'tap'
import { holdTickShape } from '../../../plugins/http/tick-shape.ts'

t.test('holds one object of the kind that process.nextTick queues, however often it is asked', async (t) => {
  const ticks: object[] = []
  const hook = createHook({ init (_id, type, _trigger, resource) { if (type === 'TickObject') ticks.push(resource) } }).enable()
  process.nextTick(() => {})
  hook.disable()
  const held = holdTickShape()
  t.equal(holdTickShape(), held)
  t.equal(held.length, 1)
  t.same(Reflect.ownKeys(held[0] as object), Reflect.ownKeys(ticks[0] as object))
})

t.test('sees no tick after its own', async (t) => {
  const held = holdTickShape()
  process.nextTick(() => {})
  t.equal(held.length, 1)
})
