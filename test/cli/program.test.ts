import { existsSync } from 'node:fs'
import t from 'tap'
import { createProgram } from '../../cli/program.ts'
import type { World } from '../../cli/service.ts'
import { alone, command, commandWith, done } from '../support/command.ts'

t.test('tells misuse from failure, on standard error', async (t) => {
  const environment = alone(t)
  for (const args of [[], ['nonsense'], ['keys'], ['keys', 'list', '--nonsense'], ['keys', 'list', 'more'], ['keys', 'revoke'], ['keys', 'reset']]) {
    t.match(await command(environment, ...args), { code: 2, out: '', err: /Usage:/ }, `misused: ${args.join(' ')}`)
  }
  t.notOk(existsSync((environment['DATABASE_URL'] as string).slice('sqlite:'.length)), 'and touched nothing')

  const { code, out, err } = await command({ ...environment, PORT: 'x', KEY_LEAD: '1s' }, 'keys', 'list')
  t.strictSame({ code, out }, { code: 1, out: '' })
  t.match(err, /^gatehouse: The configuration is not usable:\n {2}PORT [^\n]+\n {2}KEY_LEAD [^\n]+\n$/)
})

t.test('helps where it is asked to, as wide as the terminal', async (t) => {
  t.match(done(t, await command({}, '--help'), '--help'), /^Usage: cli /)
  t.match(done(t, await command({}, 'help', 'keys'), 'help keys'), /^Usage: cli keys /)
  const [narrow, wide] = await Promise.all([40, 200].map(async (columns) => (await commandWith({ environment: {}, columns }, '--help')).out))
  t.ok(String(narrow).split('\n').length > String(wide).split('\n').length)
})

t.test('shows how every command is called', async (t) => {
  const calls = leaves(createProgram({} as World))
  t.ok(calls.length > 10)
  for (const path of calls) {
    const example = new RegExp(`^Examples?:\n(?: {2}.+\n)* {2}(?:.+\\| )?cli ${path.join(' ')}(?: |$)`, 'm')
    t.match(done(t, await command({}, ...path, '--help'), path.join(' ')), example)
  }
})

/** The words that call each command. */
function leaves (command: ReturnType<typeof createProgram>, path: string[] = []): string[][] {
  return command.commands.length === 0 ? [path] : command.commands.flatMap((one) => leaves(one, [...path, one.name()]))
}
