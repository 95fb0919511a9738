import { parseArgs } from 'node:util'
import { junitOf, linesOf } from './report.ts'
import { type RunOptions, runConformance } from './run.ts'

// BASE_URL=https://auth.example.com npm run --silent conformance -- [--json | --junit] [--destructive]: what holds of a deployment, and what does
// not, seen from where this runs. Ends with 0 where all holds, 1 where something does not, 2 where it cannot be asked.
try {
  const { values: { json, junit, destructive } } = parseArgs({ options: { json: { type: 'boolean', default: false }, junit: { type: 'boolean', default: false }, destructive: { type: 'boolean', default: false } } })
  const { BASE_URL: baseUrl, CONFORMANCE_USERNAME: username, CONFORMANCE_PASSWORD: password } = process.env
  if (baseUrl === undefined || !/^https?:\/\//.test(baseUrl)) throw new Error('BASE_URL has to say where the service is: https://auth.example.com')
  const options: RunOptions = { destructive, account: username === undefined || password === undefined ? undefined : { username, password } }
  const results = await runConformance(baseUrl, options)
  process.stdout.write(json ? `${JSON.stringify({ baseUrl, results }, null, 2)}\n` : junit ? junitOf(results) : linesOf(results))
  process.exitCode = results.some(({ outcome }) => outcome === 'fails') ? 1 : 0
} catch (error) {
  process.stderr.write(`conformance: ${(error as Error).message}\n`)
  process.exitCode = 2
}
