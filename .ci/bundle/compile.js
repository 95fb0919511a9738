// Compiles what a start loads, into the cache that check-node.js reads: node --hash-seed=1 .ci/bundle/compile.js FOLDER
// The seed of V8's hashes, by default a new one for each process, is in what it compiles: with one seed, two runs write the same bytes. V8 takes
// only what was made under the options it runs with, so this one is taken back before anything is compiled.
import { join, resolve } from 'node:path'
import { setFlagsFromString } from 'node:v8'

const folder = resolve(process.argv[2])
setFlagsFromString('--hash-seed=0')

// Loads the whole service and begins nothing: what happens at the same time would change the order, and with it the bytes.
process.argv.splice(2, Number.POSITIVE_INFINITY, '--help')
await import(join(folder, 'check-node.js'))
await import(join(folder, 'cli.js'))
