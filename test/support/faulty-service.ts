// The service with two faults that nothing handles, for the asking: a signal each. Both are signals that it has no use for.
process.on('SIGUSR1', () => { throw new Error('thrown beside every request') })
process.on('SIGWINCH', () => { Promise.reject(new Error('rejected beside every request')) })

await import('../../server.ts')
