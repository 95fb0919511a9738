import { createHook } from 'node:async_hooks'

const held: object[] = []

/**
 * Keeps one tick object for as long as the process lives. V8 forgets the shape of these objects at a full collection that
 * finds none queued, and `process.nextTick` then takes a slow path for ever (six times as dear; a request has four):
 * a service that was idle for a moment, or that read much at its start, would answer a fifth slower from then on.
 */
export function holdTickShape (): readonly object[] {
  if (held.length > 0) return held
  const hook = createHook({ init (_id, type, _trigger, resource) { if (type === 'TickObject') held.push(resource) } }).enable()
  process.nextTick(() => {})
  hook.disable()
  return held
}
