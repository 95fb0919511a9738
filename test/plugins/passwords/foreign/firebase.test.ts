import t from 'tap'
import { readFirebase } from '../../../../plugins/passwords/foreign/firebase.ts'
import { type Vector, vectors } from '../../../support/foreign-digests.ts'
import { readsItsForm } from '../../../support/foreign-reader.ts'

readsItsForm('firebase', readFirebase)

t.test('reads both alphabets of base64, with and without padding', async (t) => {
  const { digest, password } = vectors.firebase[0] as Vector
  for (const form of [digest.replaceAll('+', '-').replace(/(?<=,sk=.*|\$.*)\//g, '_'), digest.replaceAll(/={1,2}(?=$|[$,])/g, '')]) {
    t.not(form, digest)
    t.equal(await readFirebase(form)?.(Buffer.from(password)), true, form)
  }
})

t.test('takes every part of the digest into account', async (t) => {
  const { digest, password } = vectors.firebase[0] as Vector
  for (const [from, to] of [['n=14', 'n=13'], ['r=8', 'r=7'], ['ss=Bw==', 'ss=CA=='], ['ss=Bw==', 'ss='], ['sk=j', 'sk=k'], ['$42x', '$43x'], ['$lSr', '$mSr']] as const) {
    t.ok(digest.includes(from))
    t.equal(await readFirebase(digest.replace(from, to))?.(Buffer.from(password)), false, to)
  }
})
