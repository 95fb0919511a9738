// The service, whose clock CLOCK_FILE sets: so many milliseconds ahead of the machine's.
import { readFileSync } from 'node:fs'

const file = process.env['CLOCK_FILE'] ?? ''
const { now } = Date
Date.now = () => now() + Number(readFileSync(file, 'utf8'))

await import('../../server.ts')
