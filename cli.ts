import { run } from './cli/program.ts'

process.exitCode = await run(process.argv.slice(2), { environment: process.env, input: process.stdin, output: process.stdout, errors: process.stderr })
