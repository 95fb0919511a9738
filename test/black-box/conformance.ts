import { parseArgs } from 'node:util'
import { junitOf, linesOf } from './report.ts'
import { type RunOptions, runConformance } from './run.ts'

const usage = `Usage: BASE_URL=https://auth.example.com npm run --silent conformance -- [options]

What holds of a deployment, and what does not, seen from where this runs. It makes an account and removes it; where registration is closed,
CONFORMANCE_USERNAME and CONFORMANCE_PASSWORD name one, which stays.

Options:
  --json         for programs
  --junit        for programs that read test reports
  --destructive  also what spends something: guesses of this address, sessions of the account

Ends with 0 where all holds, 1 where something does not, 2 where it cannot be asked.
`

const flag = { type: 'boolean', default: false } as const

try {
  const { values } = parseArgs({ options: { help: { ...flag, short: 'h' }, json: flag, junit: flag, destructive: flag } })
  if (values.help) process.stdout.write(usage)
  else await ask(values)
} catch (error) {
  process.stderr.write(`conformance: ${(error as Error).message}\n`)
  process.exitCode = 2
}

async function ask ({ json, junit, destructive }: Record<'json' | 'junit' | 'destructive', boolean>): Promise<void> {
  const { BASE_URL: baseUrl, CONFORMANCE_USERNAME: username, CONFORMANCE_PASSWORD: password } = process.env
  if (baseUrl === undefined || !/^https?:\/\//.test(baseUrl)) throw new Error('BASE_URL has to say where the service is: https://auth.example.com')
  const options: RunOptions = { destructive, account: username === undefined || password === undefined ? undefined : { username, password } }
  const results = await runConformance(baseUrl, options)
  process.stdout.write(json ? `${JSON.stringify({ baseUrl, results }, null, 2)}\n` : junit ? junitOf(results) : linesOf(results))
  process.exitCode = results.some(({ outcome }) => outcome === 'fails') ? 1 : 0
}
