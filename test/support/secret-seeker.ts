import { writeFileSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { readOrMakeSecret } from '../../plugins/secrets/secret-file.ts'

// One of several threads that start together as processes do: each takes the secret and then makes the database, file after file.
const { files, parties, barrier } = workerData as { files: string[], parties: number, barrier: Int32Array }

const outcomes = files.map((file, round) => {
  meet(round)
  try {
    const { secret } = readOrMakeSecret(file)
    writeFileSync(file, '')
    return secret
  } catch (error) {
    return (error as Error).message
  }
})
parentPort?.postMessage(outcomes)

/** Goes on when all are here, all at the same moment. */
function meet (round: number): void {
  let here = Atomics.add(barrier, round, 1) + 1
  Atomics.notify(barrier, round)
  while (here < parties) {
    Atomics.wait(barrier, round, here)
    here = Atomics.load(barrier, round)
  }
}
