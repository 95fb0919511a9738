import t from 'tap'
import { readAnswer } from '../../../plugins/strict-json/answer.ts'

const most = 16

t.test('reads JSON of so many bytes, in whatever pieces it comes', async (t) => {
  const pieces = ['{"a":"', '12345', '67', '"}', ' ']
  t.strictSame(await readAnswer(new Response(new Blob(pieces).stream()), most), { a: '1234567' })
  t.strictSame(await readAnswer(new Response('[]'), most), [])
})

t.test('refuses a byte more', async (t) => {
  await t.rejects(readAnswer(new Response('{"a":"1234567"}  '), most), { message: 'the issuer answered with too much' })
})

t.test('refuses what is no JSON, names a member twice or is nothing', async (t) => {
  for (const body of ['<html>', '{"a":1,"a":1}', '', null]) await t.rejects(readAnswer(new Response(body), most), { name: 'StrictJsonError' }, `${body}`)
})
