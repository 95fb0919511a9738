import t from 'tap'
import { printRecord, printRows, printTable, time } from '../../cli/output.ts'
import type { World } from '../../cli/service.ts'
import { collector } from '../support/command.ts'

type Print = (world: World) => void

/** What is printed in a terminal with so many columns, or into a pipe. */
function printed (print: Print, columns?: number): string {
  const { stream, text } = collector()
  print({ output: Object.assign(stream, columns === undefined ? {} : { isTTY: true, columns }) } as unknown as World)
  return text()
}

const rows = [
  { name: 'alice', note: 'a note that is long enough to be cut', at: '2026-03-01T12:00:00.000Z', last: null },
  { name: 'bob', note: 'short', at: '2026-03-01T13:00:00.000Z', last: 7 }
]
const table: Print = (world) => printTable(world, rows)

t.test('prints a table whose columns are aligned, and cuts nothing where there is no terminal', async (t) => {
  t.equal(printed(table), [
    'name   note                                  at                        last',
    'alice  a note that is long enough to be cut  2026-03-01T12:00:00.000Z  -',
    'bob    short                                 2026-03-01T13:00:00.000Z  7', ''
  ].join('\n'))
  t.equal(printed(table, 75), printed(table), 'it fits')
  t.equal(printed((world) => printTable(world, [])), '')
})

t.test('cuts every column but the first where a terminal is too narrow', async (t) => {
  t.equal(printed(table, 74).split('\n')[1], 'alice  a note that is long enough to be c…  2026-03-01T12:00:00.000Z  -')
  t.equal(printed(table, 37), [
    'name   note         at           last',
    'alice  a note tha…  2026-03-01…  -',
    'bob    short        2026-03-01…  7', ''
  ].join('\n'))
})

t.test('prints row after row, and nothing cut, where the terminal is too narrow for that', async (t) => {
  t.equal(printed(table, 36), [
    'name  alice', 'note  a note that is long enough to be cut', 'at    2026-03-01T12:00:00.000Z', 'last  -', '',
    'name  bob', 'note  short', 'at    2026-03-01T13:00:00.000Z', 'last  7', ''
  ].join('\n'))
  t.equal(printed((world) => printRows(world, rows), 33), printed((world) => printRows(world, rows)), 'rows without names stay rows')
  t.equal(printed((world) => printTable(world, [{ name: 'a name that is longer than the terminal' }]), 10), 'name  a name that is longer than the terminal\n')
})

t.test('counts the places that letters take', async (t) => {
  t.strictSame(printed((world) => printRows(world, [{ a: '日本', b: '1' }, { a: 'cafe\u0301', b: '2' }, { a: '🎉 x', b: '3' }])).split('\n'), ['日本  1', 'cafe\u0301  2', '🎉 x  3', ''])
  t.match(printed((world) => printTable(world, [{ a: 'a', b: '日本語の長い長い名前です' }]), 16), /\n.{3}日本語の長い…\n$/)
})

t.test('cuts no picture in two', async (t) => {
  const pictures = (columns: number) => printed((world) => printTable(world, [{ a: 'a', b: '🎉'.repeat(12) }]), columns).split('\n')[1]
  t.strictSame([15, 16, 17].map(pictures), ['a  🎉🎉🎉🎉🎉 …', 'a  🎉🎉🎉🎉🎉🎉…', 'a  🎉🎉🎉🎉🎉🎉 …'])
})

t.test('aligns thousands of rows as one table, in time that grows with their number', async (t) => {
  const many = Array.from({ length: 20_000 }, (_, index) => ({ name: `user${index}`, roles: index % 2 === 0 ? 'editor' : '', widest: index === 12_345 ? '日本'.repeat(40) : 'x', last: index }))
  const began = performance.now()
  const lines = printed((world) => printTable(world, many)).split('\n')
  const wide = lines[12_346]
  t.equal(wide, `user12345  ${' '.repeat(6)}  ${'日本'.repeat(40)}  12345`)
  t.equal(lines[1], `user0      editor  x${' '.repeat(159)}  0`)
  t.equal(lines.length, many.length + 2)
  t.ok(performance.now() - began < 20_000, 'all at once took cli-table3 a minute and more')
})

t.test('shows what would steer a terminal and does not do it', async (t) => {
  t.equal(printed((world) => printRecord(world, { name: 'a\u001b[2Jb\u202ec\n' })), 'name  a\\u{1b}[2Jb\\u{202e}c\\u{a}\n')
})

t.test('takes eighty columns for a terminal that does not say', async (t) => {
  const { stream, text } = collector()
  printRows({ output: Object.assign(stream, { isTTY: true }) } as unknown as World, [{ a: 'x', b: 'y'.repeat(200) }])
  t.equal(text().length, 81)
})

t.test('writes a time as RFC 3339 has it', async (t) => {
  t.equal(time(0), '1970-01-01T00:00:00.000Z')
})
