import t from 'tap'
import { found, secretsIn } from './secrets.ts'

const password = 'çorrect "horse" battery & staple'
const token = Buffer.from(Array.from({ length: 40 }, (_, index) => index * 7 % 256)).toString('base64url')

t.test('finds a secret in every form that somebody could write it in, wherever it stands', async (t) => {
  const bytes = Buffer.from(password)
  const forms = {
    '': [password, JSON.stringify(password), encodeURIComponent(password)],
    ' in hexadecimal': [bytes.toString('hex'), bytes.toString('hex').toUpperCase()],
    ' in base64': [0, 1, 2, 3].map((offset) => Buffer.concat([Buffer.from('a:b'.slice(0, offset)), bytes, Buffer.from('!')]).toString('base64'))
  }
  for (const [how, texts] of Object.entries(forms)) {
    for (const text of texts) for (const around of ['', 'x', '\0\0\0']) t.same(found([password], `${around}${text}${around}`).filter((hit) => !hit.endsWith('url')), [`${password}${how}`], text)
  }
  t.same(found([password], Buffer.concat([Buffer.from('a:'), bytes]).toString('base64url')).at(-1), `${password} in base64url`)
})

t.test('finds the bytes that a key or an opaque token is written in base64url of, and the parts of a signed one', async (t) => {
  const raw = Buffer.from(token, 'base64url')
  t.same(found([`gr1_${token}`], Buffer.concat([Buffer.from('before'), raw])), [`gr1_${token} as bytes`])
  t.same(found([token], raw.toString('hex')), [`${token} as bytes in hexadecimal`])
  t.same(found([`eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.${token}`], `only its signature: ${token}`), [token])
})

t.test('finds nothing where nothing is, and does not look for what stands anywhere by chance', async (t) => {
  t.same(found([password, token], `${password.slice(1)} ${token.slice(1)}`), [])
  t.same(found(['password1'], 'password1'), [])
  t.same(found([password], ''), [])
  const id = '019aaf3e-7c1c-7c3e-9a53-0d2f6c1b2a3d'
  t.same(found([id, `${id}.${id}`, Buffer.from(id).toString('base64url')], `the id of somebody: ${id}`), [], 'an id is none')
  t.same(found(['A'.repeat(86)], Buffer.alloc(100)), [], 'nor are zeros')
})

t.test('knows what is secret in whatever is sent and answered', async (t) => {
  const heard = (text: string) => [...secretsIn(text)]
  t.same(heard(`{"username":"alice","password": ${JSON.stringify(password)}}`), [password])
  t.same(heard('{"current_password":"one of them","new_password":"the other \\ud83e'), ['one of them'])
  t.same(heard('{"access_token":"a.b.c","token_type":"Bearer","refresh_token":"gr1_x","client_secret":"s\\'), ['a.b.c', 'gr1_x'])
  t.same(heard('GET /protected?access_token=one HTTP/1.1\r\n\r\ntoken=two%20words&grant_type=password&password=three+words'), ['one', 'two words', 'three words'])
  t.same(heard('GET / HTTP/1.1\r\nAuthorization: Bearer a-token-of-some-kind\r\nAuthorization: Basic YWxpY2U6cGFzc3dvcmQ=\r\n\r\n'), ['a-token-of-some-kind', 'YWxpY2U6cGFzc3dvcmQ='])
  t.same(heard('GET / HTTP/1.1\r\nAuthorization: Bearer short\r\n\r\n'), [], 'nothing but words')
})
