import t from 'tap'
import { pictureOf, type Series, slope, summaryOf, warmUpOf } from './picture.ts'

const minute = Array.from({ length: 61 }, (_, seconds): [number, number] => [seconds, 100 + seconds / 60])
const steady: Series = { name: 'memory', unit: 'MiB', points: minute }

t.test('says how much grows an hour, after the warm-up', async (t) => {
  t.equal(Math.round(slope(steady, 0)), 60, 'a MiB a minute')
  t.equal(slope({ ...steady, points: minute.map(([seconds]) => [seconds, 5]) }, 0), 0)
  const warming = minute.map(([seconds]): [number, number] => [seconds, seconds < 30 ? seconds * 10 : 300])
  t.equal(slope({ ...steady, points: warming }, 30), 0, 'what comes before does not count')
  t.equal(slope({ ...steady, points: [] }, 0), 0)
  t.equal(slope({ ...steady, points: [[1, 1], [1, 2]] }, 0), 0)
})

t.test('counts a fifth as warm-up, five minutes at least, and never more than half', async (t) => {
  t.same([180, 1200, 3600].map(warmUpOf), [90, 300, 720])
})

t.test('sums a series up from when it was warm', async (t) => {
  t.match(summaryOf(steady, 30), { name: 'memory', unit: 'MiB', first: 100.5, last: 101 })
  t.equal(Math.round(summaryOf(steady, 30).growth), 60)
  t.same(summaryOf({ ...steady, points: [] }, 30), { name: 'memory', unit: 'MiB', first: 0, last: 0, growth: 0 })
  t.match(summaryOf({ ...steady, points: [[1, 7]] }, 30), { first: 7, last: 7, growth: 0 }, 'one that did not live to be warm')
})

t.test('draws a panel for each series', async (t) => {
  const picture = pictureOf('a minute', [steady, { name: 'descriptors', unit: '', points: [[0, 20], [60, 20]] }])
  t.match(picture, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="900" height="338"/)
  t.equal(picture.match(/<polyline /g)?.length, 2)
  t.match(picture, /101 MiB at most/)
  t.match(picture, /1\.0 minutes/)
  t.notMatch(picture, /NaN|Infinity/)
})
