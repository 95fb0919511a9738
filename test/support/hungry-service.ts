// The service that SIGWINCH makes hungry: it takes memory beside every request until V8 gives up. The service has no use for that signal.
process.on('SIGWINCH', () => {
  const taken: string[][] = []
  setInterval(() => { taken.push(Array.from({ length: 100_000 }, (_, number) => `${taken.length} ${number}`)) }, 2)
})

await import('../../server.ts')
