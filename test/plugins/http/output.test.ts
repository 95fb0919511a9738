import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createOutput } from '../../../plugins/http/output.ts'
import { temporaryFolder } from '../../support/service.ts'

/** What is thrown, or how many bytes are taken, at each call; then everything is. */
function reader (...turns: Array<string | number>) {
  let text = ''
  const output = createOutput((bytes) => {
    const turn = turns.shift() ?? bytes.length
    if (typeof turn === 'string') throw Object.assign(new Error(turn), { code: turn })
    text += Buffer.from(bytes.subarray(0, turn)).toString('latin1')
    return turn
  })
  return { output, text: () => text }
}

t.test('writes whole lines, however little is taken at once', async (t) => {
  const { output, text } = reader(1, 3)
  output.write('{"a":1}\n')
  output.write('{"b":2}\n')
  t.equal(text(), '{"a":1}\n{"b":2}\n')
})

t.test('loses a line that cannot be written, and goes on with the next', async (t) => {
  for (const code of ['ENOSPC', 'EPIPE', 'EIO', 'EBADF']) {
    const { output, text } = reader(code)
    output.write('{"a":1}\n')
    output.write('{"b":2}\n')
    t.equal(text(), '{"b":2}\n', code)
  }
})

t.test('waits for a reader that is behind, and not for ever', async (t) => {
  const slow = reader('EAGAIN', 'EAGAIN')
  slow.output.write('{"a":1}\n')
  t.equal(slow.text(), '{"a":1}\n')

  const stuck = reader(...Array.from({ length: 50 }, () => 'EAGAIN'))
  stuck.output.write('{"a":1}\n')
  stuck.output.write('{"b":2}\n')
  t.equal(stuck.text(), '{"b":2}\n')
})

t.test('writes to a file, and survives one that takes nothing', async (t) => {
  const file = join(temporaryFolder(t), 'log')
  const [full, readOnly] = [openSync(file, 'w'), openSync(file, 'r')]
  createOutput((bytes) => writeSync(full, bytes)).write('{"a":"ü"}\n')
  createOutput((bytes) => writeSync(readOnly, bytes)).write('{"b":2}\n')
  for (const descriptor of [full, readOnly]) closeSync(descriptor)
  t.equal(readFileSync(file, 'utf8'), '{"a":"ü"}\n')
})
