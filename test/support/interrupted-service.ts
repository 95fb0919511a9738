// The service that is told to end while it starts: as soon as it would hear that, and before it has anything to drain.
process.on('newListener', (event) => {
  if (event === 'beforeExit') process.nextTick(() => process.emit('SIGTERM', 'SIGTERM'))
})

await import('../../server.ts')
