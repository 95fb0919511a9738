import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { soundFrames } from '../../../plugins/database/write-ahead-log.ts'
import { newFile } from '../../support/database.ts'

t.test('counts the frames that are as SQLite wrote them, up to the first that is not', async (t) => {
  const file = newFile(t)
  const database = new DatabaseSync(file)
  database.exec('pragma journal_mode = wal; pragma wal_autocheckpoint = 0; create table log (text)')
  const insert = database.prepare('insert into log values (?)')
  for (let i = 0; i < 40; i++) insert.run('x'.repeat(1000))
  const { log: frames } = database.prepare('pragma wal_checkpoint(noop)').get() as { log: number }
  const whole = readFileSync(`${file}-wal`)
  const pageBytes = whole.readUInt32BE(8)
  const start = (frame: number) => 32 + frame * (24 + pageBytes)
  t.equal(soundFrames(whole), frames)
  t.equal(soundFrames(whole.subarray(0, start(7))), 7)
  t.equal(soundFrames(whole.subarray(0, start(7) + 100)), 7, 'one that is cut off does not count')
  for (const [offset, of] of [[0, 'page'], [4, 'size'], [8, 'first salt'], [12, 'second salt'], [16, 'first sum'], [20, 'second sum'], [24, 'page\'s first byte'], [23 + pageBytes, 'page\'s last byte']] as const) {
    const broken = Buffer.from(whole)
    broken[start(5) + offset] = (broken[start(5) + offset] ?? 0) ^ 1
    t.equal(soundFrames(broken), 5, of)
  }
  const headless = Buffer.from(whole)
  headless[12] = 7
  t.equal(soundFrames(headless), 0)
  t.equal(soundFrames(Buffer.alloc(10)), 0)
  // What was written before the log began anew stands behind, under other salts.
  database.exec('pragma wal_checkpoint(restart)')
  insert.run('y')
  t.equal(soundFrames(readFileSync(`${file}-wal`)), (database.prepare('pragma wal_checkpoint(noop)').get() as { log: number }).log)
  database.close()
})

t.test('reads sums of either order of bytes', async (t) => {
  // A log of one page of eight bytes, made by hand: no machine here writes it.
  for (const [signature, put] of [[0x377f0682, 'writeUInt32LE'], [0x377f0683, 'writeUInt32BE']] as const) {
    const log = Buffer.alloc(32 + 24 + 512)
    const read = put === 'writeUInt32LE' ? (at: number) => log.readUInt32LE(at) : (at: number) => log.readUInt32BE(at)
    let [sum1, sum2] = [0, 0]
    const add = (from: number, to: number) => {
      for (let at = from; at < to; at += 8) {
        sum1 = (sum1 + read(at) + sum2) >>> 0
        sum2 = (sum2 + read(at + 4) + sum1) >>> 0
      }
    }
    log.writeUInt32BE(signature, 0)
    log.writeUInt32BE(512, 8)
    add(0, 24)
    log.writeUInt32BE(sum1, 24)
    log.writeUInt32BE(sum2, 28)
    log.fill('a page', 56)
    add(32, 40)
    add(56, log.length)
    log.writeUInt32BE(sum1, 48)
    log.writeUInt32BE(sum2, 52)
    t.equal(soundFrames(log), 1, put)
  }
})
