import t from 'tap'
import { readBcrypt } from '../../../../plugins/passwords/foreign/bcrypt.ts'
import { readsItsForm } from '../../../support/foreign-reader.ts'

readsItsForm('bcrypt', readBcrypt)

/** Openwall's vectors that are no text: bytes above 127, which faulty implementations took for negative. */
const bytes: Array<[hex: string, digest: string]> = [
  ['a3', '$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq'],
  ['a3', '$2a$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq'],
  ['ffa3333435', '$2b$05$/OK.fbVrR/bpIqNJ5ianF.nRht2l/HRhr6zmCp9vYUvvsqynflf9e'],
  ['a36162', '$2a$05$/OK.fbVrR/bpIqNJ5ianF.6IflQkJytoRVc1yuaNtHfiuq.FRlSIS'],
  ['aa55'.repeat(36), '$2a$05$/OK.fbVrR/bpIqNJ5ianF.R9xrDjiycxMbQE2bp.vgqlYpW5wx2yy'],
  ['55aaff'.repeat(24), '$2a$05$/OK.fbVrR/bpIqNJ5ianF.9tQZzcJfm3uj2NvJ/n5xkhpqLrMpWCe']
]

t.test('takes bytes for what they are', async (t) => {
  for (const [hex, digest] of bytes) t.equal(await readBcrypt(digest)?.(Buffer.from(hex, 'hex')), true, hex)
})

t.test('reads 72 bytes of a password, as its makers do, and in every version', async (t) => {
  const body = '05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui'
  const first = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
  t.equal(first.length, 72)
  for (const version of ['2a', '2b', '2y']) {
    for (const rest of ['', 'x', 'x'.repeat(182), 'x'.repeat(184), 'x'.repeat(440)]) t.equal(await readBcrypt(`$${version}$${body}`)?.(Buffer.from(first + rest)), true, `${version}, ${rest.length} more`)
    t.equal(await readBcrypt(`$${version}$${body}`)?.(Buffer.from(first.slice(0, -1))), false)
    t.equal(await readBcrypt(`$${version}$${body}`)?.(Buffer.alloc(0)), false)
  }
})

t.test('goes up to a cost of 14', async (t) => {
  for (const cost of ['04', '05', '10', '14']) t.type(readBcrypt(`$2b$${cost}$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW`), 'function', cost)
})
