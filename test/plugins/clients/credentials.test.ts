import t from 'tap'
import { digestOf, isSecretOf, makeSecret, readBasic } from '../../../plugins/clients/credentials.ts'

const encode = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

t.test('makes secrets of 256 random bits, safe in a header as they are', async (t) => {
  const secrets = Array.from({ length: 1000 }, makeSecret)
  t.equal(new Set(secrets).size, 1000)
  for (const secret of secrets) t.match(secret, /^[\w-]{43}$/)
})

t.test('knows the secret by its digest, and the one before while it still may be used', async (t) => {
  const client = { id: 'c', name: 'n', scopes: [], createdAt: 0, secretDigest: digestOf('new'), formerDigest: digestOf('old'), formerUntil: 100 }
  t.strictSame(['new', 'old', 'other', ''].map((secret) => isSecretOf(secret, client, 99)), [true, true, false, false])
  t.strictSame(['new', 'old'].map((secret) => isSecretOf(secret, client, 100)), [true, false])
  const alone = { ...client, formerDigest: null, formerUntil: null }
  t.strictSame(['new', 'old', 'null', ''].map((secret) => isSecretOf(secret, alone, 0)), [true, false, false, false])
  t.equal(isSecretOf('old', { ...client, formerUntil: null }, 0), false)
})

t.test('reads id and secret as RFC 6749 and RFC 7617 write them', async (t) => {
  t.strictSame(readBasic(encode('id:secret')), { id: 'id', secret: 'secret' })
  t.strictSame(readBasic(encode('id:secret').replace('Basic', 'bAsIc  ')), { id: 'id', secret: 'secret' }, 'in any case')
  t.strictSame(readBasic(encode('id:a:b')), { id: 'id', secret: 'a:b' })
  t.strictSame(readBasic(encode('id:')), { id: 'id', secret: '' })
  t.strictSame(readBasic(encode('a%20b+c:%3A%25%C3%A9')), { id: 'a b c', secret: ':%é' })
})

t.test('reads nothing from any other header', async (t) => {
  const others = [undefined, '', 'Basic', 'Basic ', 'Bearer abc', 'Basic !!!', encode('no colon'), encode(':secret'), encode('id:%zz'), encode('%:x'), `${encode('id:secret')} x`, `Basic\t${Buffer.from('a:b').toString('base64')}`, encode(`id:${'x'.repeat(1024)}`)]
  for (const header of others) t.equal(readBasic(header), null, String(header).slice(0, 40))
})
