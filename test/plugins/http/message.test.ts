import type { IncomingMessage } from 'node:http'
import t from 'tap'
import { hasTooManyHeaders, isAmbiguous, isPlain, isRespelt } from '../../../plugins/http/message.ts'

/** A request with these header lines, as Node hands one over: `headers` holds the first or the joined of each name. */
function request (lines: Array<[name: string, value: string]>, httpVersion = '1.1') {
  return { httpVersion, rawHeaders: lines.flat(), headers: Object.fromEntries(lines.map(([name, value]) => [name.toLowerCase(), value])) } as unknown as IncomingMessage
}

const host: [string, string] = ['Host', 'auth.test']

t.test('takes a hundred header lines and no more', async (t) => {
  const lines = (count: number) => Array.from({ length: count }, (_, index) => [`x-${index}`, ''] as [string, string])
  t.equal(hasTooManyHeaders(request(lines(100))), false)
  t.equal(hasTooManyHeaders(request(lines(101))), true)
})

t.test('wants one host, but from clients that cannot know it', async (t) => {
  t.equal(isAmbiguous(request([host])), false)
  t.equal(isAmbiguous(request([])), true)
  t.equal(isAmbiguous(request([], '1.0')), false)
  for (const version of ['1.0', '1.1']) t.equal(isAmbiguous(request([host, ['HOST', 'evil.test']], version)), true)
  t.equal(isAmbiguous(request([['x-more', 'host'], host, ['x-host', 'host']])), false, 'a value is no name')
})

t.test('knows one transfer coding', async (t) => {
  for (const coding of ['chunked', 'Chunked']) t.equal(isAmbiguous(request([host, ['Transfer-Encoding', coding]])), false, coding)
  for (const coding of ['gzip, chunked', 'chunked, identity', 'identity', 'xchunked', '', 'chunked, chunked']) t.equal(isAmbiguous(request([host, ['Transfer-Encoding', coding]])), true, coding)
  t.equal(isAmbiguous(request([host, ['Transfer-Encoding', 'chunked']], '1.0')), true)
})

t.test('knows one spelling of an address', async (t) => {
  for (const url of ['/login', '/login?next=%2F#x', '/login?']) t.equal(isRespelt(url, '/login'), false, url)
  for (const url of ['/%6cogin', '/login%3F', '/login#x', '/login%', '/login%2fx?y', 'http://elsewhere/login', '*', 'login']) t.equal(isRespelt(url, '/login'), true, url)
  t.equal(isRespelt('/documentation/a%20b', '/documentation/*'), false, 'where any address will do')
  t.equal(isRespelt('/n%6fthing', undefined), false, 'where there is nothing anyway')
})

t.test('knows an address that reads one way without its route', async (t) => {
  for (const url of ['/', '/login', '/me/sessions/1?x=1', '//login']) t.equal(isPlain(url), true, url)
  for (const url of ['/%6cogin', '/login?x=%20', '/login#x', 'http://elsewhere/login', '*', '']) t.equal(isPlain(url), false, url)
})
