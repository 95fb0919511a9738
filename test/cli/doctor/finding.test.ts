import t from 'tap'
import { judging } from '../../../cli/doctor/finding.ts'

t.test('has a word for each verdict', async (t) => {
  const { ok, warning, failure } = judging('clock')
  t.strictSame([ok('a'), warning('b', 'c'), failure('d', 'e')], [
    { check: 'clock', verdict: 'ok', finding: 'a', remedy: null }, { check: 'clock', verdict: 'warning', finding: 'b', remedy: 'c' }, { check: 'clock', verdict: 'failure', finding: 'd', remedy: 'e' }
  ])
})
