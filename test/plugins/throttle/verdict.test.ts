import t from 'tap'
import { type Allowance, judge } from '../../../plugins/throttle/verdict.ts'

const allowance: Allowance = { free: 3, firstDelay: 30, longestDelay: 900 }
const tally = (failures: number, lastFailedAt = 0) => ({ failures, lastFailedAt })

t.test('lets as many begin as may fail, counting those under way', async (t) => {
  t.equal(judge(tally(0), 0, 0, allowance), 'go')
  t.equal(judge(tally(0), 2, 0, allowance), 'go')
  t.equal(judge(tally(0), 3, 0, allowance), 'wait')
  t.equal(judge(tally(2), 0, 0, allowance), 'go')
  t.equal(judge(tally(2), 1, 0, allowance), 'wait')
})

t.test('asks for a delay that doubles with each failure, up to the longest', async (t) => {
  const delays = [3, 4, 5, 6, 7, 8, 9, 100].map((failures) => judge(tally(failures), 0, 0, allowance))
  t.same(delays, [30, 60, 120, 240, 480, 900, 900, 900])
})

t.test('lets one begin when the delay is over, and the next wait for it', async (t) => {
  t.equal(judge(tally(3, 1000), 0, 30_999, allowance), 1)
  t.equal(judge(tally(3, 1000), 0, 31_000, allowance), 'go')
  t.equal(judge(tally(3, 1000), 1, 31_000, allowance), 'wait')
})

t.test('keeps nobody away for longer where the clock was set back', async (t) => {
  const hour = 3_600_000
  t.equal(judge(tally(3, hour), 0, 0, allowance), 'go')
  t.equal(judge(tally(3, 10_000), 0, 0, allowance), 20)
})
