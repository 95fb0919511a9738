import { PassThrough } from 'node:stream'
import t from 'tap'
import { readNewPassword } from '../../cli/prompt.ts'
import type { World } from '../../cli/service.ts'
import { alone, collector, command, done } from '../support/command.ts'
import { hasTerminal, inTerminal, type Step } from '../support/terminal.ts'
import { until } from '../support/until.ts'

function piped (...chunks: Array<string | Buffer>): Promise<string> {
  const input = new PassThrough()
  for (const chunk of chunks) input.write(chunk)
  return readNewPassword({ input: input.end() } as unknown as World)
}

/** Types each of these once it is asked for something. */
async function typed (...answers: string[]) {
  const modes: boolean[] = []
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (raw: boolean) => { modes.push(raw) } })
  const { stream, text } = collector()
  const reading = readNewPassword({ input, errors: stream } as unknown as World).catch((error: Error) => error)
  for (const [index, answer] of answers.entries()) {
    await until(() => text().split(': ').length > index + 1)
    input.write(answer)
  }
  return { read: await reading, said: text(), modes }
}

t.test('takes the line that is on standard input, without its end', async (t) => {
  t.equal(await piped('a pass', 'word\n'), 'a password')
  t.equal(await piped(' é \r\n'), ' é ')
  for (const lines of ['two\nlines\n', 'two\rlines', 'one\n\n']) await t.rejects(piped(lines), { message: /more than one line/ })
  for (const bytes of [Buffer.from('pass\xe9word', 'latin1'), Buffer.from('password', 'utf16le').subarray(0, 1).fill(0xff)]) await t.rejects(piped(bytes), { message: 'Standard input is not well-formed UTF-8' })
  t.equal(await piped('\ufeffmarked'), '\ufeffmarked', 'as it is')
  for (const empty of ['', '\n']) await t.rejects(piped(empty), { message: 'No password was given on standard input' })
  await t.rejects(piped(Buffer.alloc(4097, 'x')), { message: 'Standard input is longer than any password' })
})

t.test('asks for it twice in a terminal and shows nothing of it', async (t) => {
  const { read, said, modes } = await typed('a passwörs\u007fd\r', 'a passwörd\r')
  t.equal(read, 'a passwörd')
  t.equal(said, 'Password: \nThe same again: \n')
  t.strictSame(modes, [true, false, true, false], 'the terminal is as it was')
  t.match((await typed('one password\r', 'another one\r')).read, { message: 'The two passwords differ: nothing was changed' })
})

t.test('gives up at Ctrl-C and Ctrl-D', async (t) => {
  for (const keys of ['half\u0003', '\u0004']) t.match((await typed(keys)).read, { message: 'No password was given: nothing was changed' }, keys)
})

t.test('shows nothing of it in a real terminal, which echoes again however it ends', async (t) => {
  if (!hasTerminal) return t.comment('NOT TRIED: this takes "script" of util-linux.')
  const password = 'correct-horse-battery-9'
  const environment = alone(t)
  const create = (name: string, ...steps: Step[]) => inTerminal(`${process.execPath} --import ./check-node.js cli.ts users create ${name}`, environment, steps)
  const names = async () => JSON.parse(done(t, await command(environment, 'users', 'list', '--json'), 'users list')).users.map(({ username }: { username: string }) => username)

  const shown = await inTerminal('read line', environment, [[/^/, `${password}\r`]])
  t.match(shown, { screen: password, echoes: true }, 'what is typed there is shown unless something is done about it')

  const made = await create('alice', [/Password: /, `${password}\r`], [/The same again: /, `${password}\r`])
  t.match(made, { screen: /Password: \r\nThe same again: \r\n.*ended with 0/s, echoes: true })
  t.notMatch(made.screen, password.slice(0, 3))
  t.strictSame(await names(), ['alice'])

  const half = await create('bob', [/Password: /, password], [/^/, '\u0003'])
  t.match(half, { screen: /Password: \r\ngatehouse: No password was given: nothing was changed\r\nended with 1/, echoes: true }, 'Ctrl-C')
  t.notMatch(half.screen, password.slice(0, 3))

  const second = await create('bob', [/Password: /, `${password}\r`], [/The same again: /, `${password.slice(0, 9)}\u0003`])
  t.match(second, { screen: /The same again: \r\ngatehouse: No password was given: nothing was changed\r\nended with 1/, echoes: true }, 'Ctrl-C at the second')
  t.notMatch(second.screen, password.slice(0, 3))

  const ended = await inTerminal(`sh -c 'echo "as $$"; exec ${process.execPath} --import ./check-node.js cli.ts users create bob'`, environment,
    [[/Password: /, (screen) => { process.kill(Number(/as (\d+)/.exec(screen)?.[1]), 'SIGTERM') }]])
  t.match(ended, { screen: /ended with 143/, echoes: true }, 'SIGTERM')
  t.strictSame(await names(), ['alice'], 'and nobody else was made')
})

t.test('is no argument, which every process of the machine could read', async (t) => {
  const environment = alone(t)
  const password = 'correct-horse-battery-9'
  for (const verb of ['create', 'set-password']) {
    for (const more of [[password], ['--password', password], [`--password=${password}`], [`-p${password}`]]) {
      const { code, out, err } = await command(environment, 'users', verb, 'alice', ...more)
      t.strictSame({ code, out }, { code: 2, out: '' }, `${verb} ${more}`)
      t.notMatch(err, password, 'nor is it said again')
    }
  }
})
