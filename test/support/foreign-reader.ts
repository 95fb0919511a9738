import t from 'tap'
import type { Reader } from '../../plugins/passwords/foreign/digest.ts'
import { hostile, vectors } from './foreign-digests.ts'

type Form = keyof typeof vectors

/** What every reader of a foreign form does, each in a test of its own. */
export function readsItsForm (form: Form, read: Reader): void {
  t.test('knows the password of what its makers published', async (t) => {
    for (const { digest, password } of vectors[form]) t.equal(await read(digest)?.(Buffer.from(password)), true, digest)
  })

  t.test('takes no other password, and no other digest, for the one', async (t) => {
    for (const { digest, password } of vectors[form]) {
      const others = [`${password[0] ?? ''}x${password.slice(1)}`, ` ${password}`, password.toUpperCase(), password.slice(1)].filter((other) => other !== password)
      for (const other of others) t.equal(await read(digest)?.(Buffer.from(other)), false, `${digest} of ${other}`)
      const changed = digest.replace(/([A-Za-z0-9])(?=[^$]{4,8}$)/, (char) => char === 'a' ? 'b' : 'a')
      t.not(changed, digest)
      t.equal(await read(changed)?.(Buffer.from(password)), false, changed)
    }
  })

  t.test('leaves to others what they made, and to nobody what is malformed or would cost too much', async (t) => {
    const others = Object.entries(vectors).flatMap(([name, list]) => name === form ? [] : list)
    for (const { digest } of others) t.equal(read(digest), null, digest)
    for (const digest of ['', '$', '$$$$$$', 'x', 'correct horse', '$1$salt$hash', '\0', '$'.repeat(512), ...Object.values(hostile).flat()]) t.equal(read(digest), null, digest)
  })

  t.test('works beside the event loop', async (t) => {
    const { digest, password } = vectors[form][0] ?? { digest: '', password: '' }
    let turned = false
    setImmediate(() => { turned = true })
    await read(digest)?.(Buffer.from(password))
    t.ok(turned)
  })
}
