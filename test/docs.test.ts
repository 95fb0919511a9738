import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'
import t from 'tap'
import { configurationTable, nearMisses, readConfig } from '../config.ts'
import { httpOptions } from '../plugins/http.ts'
import { errors } from '../schemas/errors.ts'
import { Email, Password, Username } from '../schemas/users.ts'
import { aliceSignedIn, build } from './support/build.ts'
import { compareErrors, configurationNames, configurationRows, deadLinks, isThere, pathsIn, switchedOn, tableOf, treeOf } from './support/docs.ts'
import { readDoor, startOrder } from './support/doors.ts'
import { doorsOf } from './support/house.ts'
import { readSources } from './support/sources.ts'
import { readSegment } from './support/target.ts'

const sources = readSources(fileURLToPath(new URL('..', import.meta.url)))
const page = (path: string) => sources.get(path) ?? ''
const pages = [...sources.keys()].filter((path) => path.endsWith('.md'))
const reference = ['docs/administration.md', 'docs/architecture.md', 'docs/audit.md', 'docs/configuration.md', 'docs/defence.md', 'docs/errors.md', 'docs/gateways.md', 'docs/metrics.md', 'docs/operations.md', 'docs/passwords.md', 'docs/performance.md', 'docs/scale.md', 'docs/sessions.md', 'docs/tokens.md']

t.test('docs/errors.md', async (t) => {
  t.test('lists the registry, with the same statuses and in the same order', async (t) => {
    t.same(compareErrors(page('docs/errors.md'), errors), [])
    t.same(tableOf(page('docs/errors.md'), 'code').map(([code]) => code), Object.keys(errors).map((code) => `\`${code}\``))
  })

  t.test('is told apart from a registry that differs', async (t) => {
    const { weak_password: weakPassword, ...others } = errors
    t.same(compareErrors(page('docs/errors.md'), others), ['docs/errors.md lists weak_password 400, which is not in the registry'])
    t.same(compareErrors(page('docs/errors.md'), { ...errors, teapot: { status: 418 } }), ['docs/errors.md does not list teapot 418'])
    t.same(compareErrors(page('docs/errors.md'), { ...errors, weak_password: { ...weakPassword, status: 422 } }), [
      'docs/errors.md does not list weak_password 422', 'docs/errors.md lists weak_password 400, which is not in the registry'
    ])
  })

  t.test('shows an error as the service answers it', async (t) => {
    const [, shown = ''] = /```json\n(.*?)```/s.exec(page('docs/errors.md')) ?? []
    const server = await build(t)
    const reply = await server.inject({ method: 'POST', url: '/login', payload: { username: 'nobody', password: 'not a password' } })
    t.same(JSON.parse(shown), reply.json())
  })
})

t.test('docs/configuration.md', async (t) => {
  t.test('lists every variable with the default and the meaning that config.ts gives it', async (t) => {
    t.same(tableOf(page('docs/configuration.md'), 'variable'), configurationRows(configurationTable))
  })

  t.test('names the limits that are set', async (t) => {
    const { bodyLimit, connectionTimeout, requestTimeout, keepAliveTimeout, http } = httpOptions({ trustProxy: [], logLevel: 'silent' })
    const { server } = await build(t)
    const limits = Object.fromEntries(tableOf(page('docs/configuration.md'), 'limit').map(([limit = '', value]) => [limit, value]))
    t.match(limits, {
      'body of a request': `${bodyLimit / 1024} KiB`,
      'request line and headers together': `${http.maxHeaderSize / 1024} KiB`,
      'time for the headers to arrive': `${http.headersTimeout / 1000} s`,
      'time for the whole request to arrive': `${requestTimeout / 1000} s`,
      'time a connection is kept open between requests': `${keepAliveTimeout / 1000} s`,
      'silence on a connection in the middle of a request': `${connectionTimeout / 1000} s`,
      'connections of a process': String(server.maxConnections),
      password: `${Password.maxLength} characters (512 bytes at most)`,
      username: `${Username.minLength} to ${Username.maxLength} characters`,
      'e-mail address': `${Email.maxLength} characters`
    })
    t.equal(Buffer.byteLength('\u{10ffff}') * Number(Password.maxLength), 512, 'no character takes more bytes than the last')
  })

  t.test('gives misspelt names that are found', async (t) => {
    const [, section = ''] = /^## Misspelt names\n(.*?)^## /ms.exec(page('docs/configuration.md')) ?? []
    const shown = [...section.matchAll(/`([A-Z_]+)`/g)].map(([, name = '']) => name)
    t.not(shown.length, 0)
    t.same(nearMisses(Object.fromEntries(shown.map((name) => [name, 'set']))).map(([name]) => name), shown)
  })
})

t.test('.env.example', async (t) => {
  const example = page('.env.example')
  const values = parseEnv(switchedOn(example))

  t.test('lists every variable once and sets none', async (t) => {
    t.same([...example.matchAll(/^#([A-Z]\w*)=/gm)].map(([, name]) => name), configurationNames(configurationTable))
    t.same(parseEnv(example), {})
  })

  t.test('holds the defaults', async (t) => {
    t.same(readConfig(values), readConfig({}))
    const defaults = Object.fromEntries(configurationTable.map(({ name, default: value }) => [name, value === 'none' ? '' : value.replace('PORT', '3000')]))
    t.match(values, defaults)
  })

  t.test('holds no secret', async (t) => {
    for (const { name } of configurationTable.filter(({ name, secret }) => secret && name !== 'DATABASE_URL')) t.equal(values[name], '', name)
  })
})

t.test('docs/tokens.md', async (t) => {
  const tokens = page('docs/tokens.md')
  const named = (heading: string) => tableOf(tokens, heading).map(([name = '']) => name.replaceAll('`', ''))

  t.test('names every claim and every member of the header that a token has', async (t) => {
    const { access_token: token } = await aliceSignedIn(await build(t))
    t.same(named('claim').sort(), Object.keys(readSegment(token, 1)).sort())
    for (const [name, value] of Object.entries(readSegment(token, 0))) t.ok(tokens.includes(`\`${name}\``) && (name === 'kid' || tokens.includes(`\`${value}\``)), name)
  })

  t.test('names every option of the verifier, and every command about keys that changes something', async (t) => {
    const [, options = ''] = /^export interface VerifierOptions \{(.*?)^\}/ms.exec(page('verifier.ts')) ?? []
    t.same(named('option'), [...options.matchAll(/^ {2}(\w+)\??:/gm)].map(([, name]) => name))
    const commands = [...page('cli/keys.ts').matchAll(/keys\.command\('(\w+)/g)].map(([, name]) => name)
    t.same([...new Set(named('command').map((command) => command.split(' ')[1]))].sort(), commands.filter((name) => name !== 'list').sort())
  })

  t.test('keeps to one page', async (t) => {
    t.ok(tokens.split('\n').length < 200)
  })
})

t.test('docs/architecture.md', async (t) => {
  const map = page('docs/architecture.md')

  t.test('names every folder and program of the root, and nothing that is not there', async (t) => {
    const named = treeOf(map)
    const folders = new Set([...sources.keys()].filter((path) => path.includes('/')).map((path) => `${path.split('/')[0]}/`))
    const programs = [...sources.keys()].filter((path) => /^[^/]+\.[jt]s$/.test(path))
    t.same([...folders, ...programs].filter((path) => !named.some((name) => name === path || name.startsWith(path))), [])
    t.same(named.filter((name) => !isThere(name, sources)), [])
  })

  t.test('names every plugin in the order of start, with its decorator', async (t) => {
    const doors = startOrder(sources).filter((path) => path.startsWith('plugins/')).map((path) => readDoor(path, page(path)))
    t.equal(doors.length, doorsOf(sources).size)
    t.same(tableOf(map, 'plugin').map(([plugin, , adds]) => [plugin, adds]), doors.map((door) => [
      `[${door?.name}](../${door?.path})`,
      [...door?.decorators.map((name) => `\`app.${name}\``) ?? [], ...door?.requestDecorators.map((name) => `\`request.${name}\``) ?? []].join(' ') || '–'
    ]))
  })

  t.test('names no path that is not there', async (t) => {
    t.same(pathsIn(map).filter((path) => !isThere(path, sources)), [])
    t.same(pathsIn('`plugins/x.ts` `routes/me.ts` `app.ts` `app.clock` `plugins/mail/`'), ['routes/me.ts', 'app.ts', 'plugins/mail/'])
  })

  t.test('keeps to one page', async (t) => {
    t.ok(map.split('\n').length < 200)
  })
})

t.test('links lead to files and headings that are there', async (t) => {
  t.same(pages.flatMap((path) => deadLinks(path, sources)), [])
  const doctored = new Map([...sources, ['docs/errors.md', '[a](../nowhere.ts) [b](configuration.md#nothing) [c](configuration.md#durations) [d](https://example.com) [e](../plugins)']])
  t.same(deadLinks('docs/errors.md', doctored), ['docs/errors.md links to ../nowhere.ts', 'docs/errors.md links to configuration.md#nothing'])
})

t.test('a page that any file names is there', async (t) => {
  const missing = (text: string) => (text.match(/\b[A-Z]{3,}\.md\b/g) ?? []).filter((name) => !sources.has(name))
  t.same([...sources].flatMap(([path, text]) => missing(text).map((name) => `${path} names ${name}`)), [])
  t.equal(missing(`README.md ${'NOWHERE'}${'.md'}`).length, 1)
})

t.test('reference pages address nobody, and no page calls anything easy', async (t) => {
  const addressing = (text: string) => text.match(/\b(?:you|your|yours|we|our)\b/gi)
  const belittling = (text: string) => text.match(/\b(?:just|easy|easily|simply|simple|obviously)\b/gi)
  for (const path of reference) t.equal(addressing(page(path)), null, path)
  for (const path of pages) t.equal(belittling(page(path)), null, path)
  t.same([addressing('what You set'), belittling('Simply set it')], [['You'], ['Simply']])
})
