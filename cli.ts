import { run } from './cli/program.ts'

// Whoever reads may have heard enough, as "head" does: nobody is left to tell anything.
process.stdout.on('error', () => process.exit(1))

process.exitCode = await run(process.argv.slice(2), { environment: process.env, input: process.stdin, output: process.stdout, errors: process.stderr })
