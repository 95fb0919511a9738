import t from 'tap'
import { inBatches } from '../../../plugins/user-transfer/batches.ts'

t.test('hands on what comes in groups, the last of which may be smaller', async (t) => {
  const grouped = async (count: number) => Array.fromAsync(inBatches((async function * () { for (let n = 1; n <= count; n++) yield n })(), 2))
  t.strictSame(await grouped(0), [])
  t.strictSame(await grouped(4), [[1, 2], [3, 4]])
  t.strictSame(await grouped(5), [[1, 2], [3, 4], [5]])
})
