import { Readable } from 'node:stream'
import t from 'tap'
import { readCsv, readJsonLines, writeLines } from '../../cli/user-lines.ts'

const jsonLines = (...chunks: Array<string | Buffer>) => Array.fromAsync(readJsonLines(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), (bytes) => JSON.parse(Buffer.from(bytes).toString())))
const csv = (...chunks: string[]) => Array.fromAsync(readCsv(Readable.from(chunks.map((chunk) => Buffer.from(chunk)))))
const long = 'x'.repeat(16 * 1024)

t.test('reads JSON lines, wherever the pieces of a file end', async (t) => {
  const text = '\ufeff{"a":"é"}\r\n\n  \n{"a":2}\n{"a":3}'
  const read = [{ number: 1, value: { a: 'é' } }, { number: 4, value: { a: 2 } }, { number: 5, value: { a: 3 } }]
  t.strictSame(await jsonLines(text), read)
  t.strictSame(await jsonLines(...Array.from(Buffer.from(text), (byte) => Buffer.from([byte]))), read)
  t.strictSame(await jsonLines(), [])
})

t.test('goes on behind a line that cannot be read', async (t) => {
  t.strictSame(await jsonLines('nonsense\n', long, long, 'x\n{"a":3}\n', `${long}x\n`, `{"a":5}\n${long}x`), [
    { number: 1, fault: 'line is not well-formed JSON' },
    { number: 2, fault: 'line is longer than 16384 bytes' },
    { number: 3, value: { a: 3 } },
    { number: 4, fault: 'line is longer than 16384 bytes' },
    { number: 5, value: { a: 5 } },
    { number: 6, fault: 'line is longer than 16384 bytes' }
  ])
})

t.test('reads CSV, whose empty fields say nothing', async (t) => {
  t.strictSame(await csv('\ufeffusername,email,roles,disabled\r\nalice,alice@example.org,admin  editor,true\r\n', '\r\n"bo""b",,,false\n"a,b",,,maybe'), [
    { number: 2, value: { username: 'alice', email: 'alice@example.org', roles: ['admin', 'editor'], disabled: true } },
    { number: 4, value: { username: 'bo"b', disabled: false } },
    { number: 5, value: { username: 'a,b', disabled: 'maybe' } }
  ])
})

t.test('goes on behind a line of CSV that cannot be read', async (t) => {
  t.strictSame(await csv('username,email\nalice\nbob,,\ncarol,\n'), [
    { number: 2, fault: 'line has more or fewer fields than the first one names' },
    { number: 3, fault: 'line has more or fewer fields than the first one names' },
    { number: 4, value: { username: 'carol' } }
  ])
  for (const [broken, fault] of [['b"ob', 'line is not well-formed CSV'], ['"bob', 'line is not well-formed CSV'], ['"bob"x', 'line is not well-formed CSV'], [`${long}x`, 'line is longer than 16384 bytes']]) {
    t.strictSame(await csv(`username\nalice\n${broken}\ncarol\n`), [{ number: 2, value: { username: 'alice' } }, { number: 3, fault }, { number: 4, value: { username: 'carol' } }], String(broken).slice(0, 8))
  }
})

t.test('refuses CSV whose first line names no columns, and does not print it', async (t) => {
  const message = 'The first line of the CSV does not name its columns: username, and any of id, email, password_hash, roles, disabled, created_at'
  for (const first of ['alice,$2b$10$abc', 'email', 'username,username', 'username,password', `${long}x`, 'user"name']) await t.rejects(csv(`${first}\nbob,x\n`), { message }, first)
})

t.test('passes on that a file cannot be read', async (t) => {
  const broken = () => new Readable({ read () { this.destroy(new Error('the disk is gone')) } })
  await t.rejects(Array.fromAsync(readCsv(broken())), { message: 'the disk is gone' })
  await t.rejects(Array.fromAsync(readJsonLines(broken(), JSON.parse as never)), { message: 'the disk is gone' })
})

t.test('writes what it reads', async (t) => {
  const entries = [
    { id: '1', username: 'alice', email: null, password_hash: '$argon2id$v=19$m=1,t=2,p=1$a$b', roles: ['a', 'b'], disabled: true, created_at: '2026-03-01T12:00:00.000Z' },
    { id: '2', username: 'bob', email: '"b,ob"@example.org', password_hash: null, roles: [], disabled: false, created_at: '2026-03-01T12:00:00.000Z' }
  ]
  const written = async (format: 'jsonl' | 'csv') => (await Array.fromAsync(writeLines(Readable.from(entries), format))).join('')
  t.strictSame((await jsonLines(await written('jsonl'))), entries.map((value, index) => ({ number: index + 1, value })))
  t.match(await csv(await written('csv')), [
    { value: { id: '1', username: 'alice', password_hash: '$argon2id$v=19$m=1,t=2,p=1$a$b', roles: ['a', 'b'], disabled: true } },
    { value: { id: '2', username: 'bob', email: '"b,ob"@example.org', disabled: false } }
  ])
})
