import { availableParallelism } from 'node:os'
import argon2 from 'argon2'

/** Verifications a second of the same binary and parameters, as many at once as there are processors, and nothing else. */
const seconds = Number(process.argv[2])
const digest = await argon2.hash('correct horse battery staple', { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 })
const end = performance.now() + seconds * 1000
let done = 0

async function work (): Promise<void> {
  while (performance.now() < end) {
    await argon2.verify(digest, 'correct horse battery staple')
    done++
  }
}

const begun = performance.now()
await Promise.all(Array.from({ length: availableParallelism() }, work))
process.stdout.write(String(done / (performance.now() - begun) * 1000))
