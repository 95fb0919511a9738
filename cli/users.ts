import { type Command, InvalidArgumentError } from 'commander'
import type { FastifyInstance } from 'fastify'
import { type AdminUser, NewUser, UserChange } from '../schemas/admin/users.ts'
import { type Json, print, printJson, printRecord, printTable } from './output.ts'
import { readNewPassword } from './prompt.ts'
import { operator, type World, withApp } from './service.ts'
import { addUserFiles } from './user-files.ts'

interface Filter extends Json {
  query?: string
  role?: string
  disabled?: true
  enabled?: true
  limit: number
  cursor?: string
}

/** Users asked for at once, as over HTTP. */
const largestPage = 200

export function addUsers (program: Command, world: World): void {
  const users = program.command('users').description('user accounts')

  users.command('create <name>')
    .description('make an account, also where registration is closed; the password is asked for, or read from standard input')
    .option('--email <address>', 'their e-mail address')
    .option('--role <role>', 'a role that they hold; may be repeated', (role: string, held: string[]) => [...held, role], [])
    .option('--json', 'for programs')
    .addHelpText('after', `
Examples:
  cli users create alice --email alice@example.org --role admin
  head -c 18 /dev/urandom | base64 | tee password | cli users create robot`)
    .action((username: string, { email, role, json }: Json & { email?: string, role: string[] }) => {
      const named = { username, email: email ?? null, roles: role }
      return withApp(world, async (service) => {
        demand(service, { ...NewUser, required: ['username'] }, named)
        const user = { ...named, password: await readNewPassword(world) }
        demand(service, NewUser, user)
        printUser(world, await service.administration.createUser(user, operator), json)
      })
    })

  users.command('list')
    .description('users, in the order of their names')
    .option('--query <prefix>', 'what the name or the address begins with')
    .option('--role <role>', 'those who hold this role')
    .option('--disabled', 'those who are disabled')
    .option('--enabled', 'those who are not')
    .option('--limit <number>', 'how many at most', wholeNumber, 1000)
    .option('--cursor <cursor>', 'the next_cursor of the list before')
    .option('--json', 'for programs')
    .addHelpText('after', `
Examples:
  cli users list --role admin
  cli users list --query alice@ --json`)
    .action((filter: Filter, command: Command) => {
      if (filter.disabled === true && filter.enabled === true) command.error('error: one of --disabled and --enabled is enough')
      return withApp(world, async (service) => {
        const { users: found, next_cursor: cursor } = await find(service, filter)
        if (filter.json === true) return printJson(world, { users: found, next_cursor: cursor })
        printTable(world, found.map(({ username, email, roles, disabled, created_at: created, last_login_at: seen, id }) => ({ username, email, roles: roles.join(' '), disabled, created_at: created, last_login_at: seen, id })))
        if (cursor !== null) world.errors.write(`There are more: --cursor ${cursor}\n`)
      }, { existing: true })
    })

  addChange('disable', 'keep a user from signing in; every session ends at once', 'The user is disabled, and every session has ended.', { disabled: true })
  addChange('enable', 'let a user sign in again', 'The user may sign in again.', { disabled: false })

  users.command('set-password <name>')
    .description('give a user another password, asked for or read from standard input; every session ends at once')
    .option('--json', 'for programs')
    .addHelpText('after', `
Examples:
  cli users set-password alice
  cli users set-password alice < password`)
    .action(async (name: string, { json }: Json) => {
      const password = await readNewPassword(world)
      return change(name, { password }, 'The password is set, and every session has ended.', json)
    })

  users.command('set-role <name> [role...]')
    .description('set all the roles that a user holds; what is taken counts at once')
    .option('--none', 'no role at all')
    .option('--json', 'for programs')
    .addHelpText('after', `
Examples:
  cli users set-role alice admin editor
  cli users set-role alice --none`)
    .action((name: string, roles: string[], { none = false, json }: Json & { none?: boolean }, command: Command) => {
      if ((roles.length === 0) !== none) command.error('error: either roles or --none')
      return change(name, { roles }, 'The roles are set.', json)
    })

  users.command('delete <name>')
    .description('delete an account with all that is its own; its tokens are refused at once')
    .addHelpText('after', `
Example:
  cli users delete alice`)
    .action((name: string) => withApp(world, async ({ administration }) => {
      const { id } = await administration.findUserByLogin(name)
      await administration.deleteUser(id, operator)
      print(world, 'The user is gone.')
    }, { existing: true }))

  addUserFiles(users, world)

  function addChange (verb: string, description: string, said: string, to: UserChange): void {
    users.command(`${verb} <name>`)
      .description(description)
      .option('--json', 'for programs')
      .addHelpText('after', `
Example:
  cli users ${verb} alice`)
      .action((name: string, { json }: Json) => change(name, to, said, json))
  }

  /** A program is told what the user is now, as over HTTP. */
  function change (name: string, to: UserChange, said: string, json: true | undefined): Promise<void> {
    return withApp(world, async (service) => {
      demand(service, UserChange, to)
      const { id } = await service.administration.findUserByLogin(name)
      const user = await service.administration.updateUser(id, to, operator)
      if (json === true) printJson(world, user)
      else print(world, said)
    }, { existing: true })
  }
}

/** What a request's body would have to fit. */
function demand ({ errors, validation }: FastifyInstance, schema: object, value: object): void {
  const fault = validation.judgeOf(schema, 'user')(value)
  if (fault === null) return
  // A password is no argument.
  throw fault.startsWith('user.password') ? new Error(fault) : errors.create('invalid_request', { message: fault })
}

async function find ({ administration }: FastifyInstance, { query, role, disabled, enabled, limit, cursor }: Filter): Promise<{ users: AdminUser[], next_cursor: string | null }> {
  const wanted = {
    ...query === undefined ? {} : { q: query }, ...role === undefined ? {} : { role }, ...disabled === enabled ? {} : { disabled: disabled === true }
  }
  const users: AdminUser[] = []
  let next = cursor ?? null
  do {
    const page = await administration.listUsers({ ...wanted, limit: Math.min(limit - users.length, largestPage), ...next === null ? {} : { cursor: next } })
    users.push(...page.users)
    next = page.next_cursor
  } while (next !== null && users.length < limit)
  return { users, next_cursor: next }
}

function printUser (world: World, user: AdminUser, json: true | undefined): void {
  if (json === true) printJson(world, user)
  else printRecord(world, { ...user, roles: user.roles.join(' ') })
}

function wholeNumber (given: string): number {
  if (!/^[1-9]\d{0,6}$/.test(given)) throw new InvalidArgumentError('A number from 1 to 9999999.')
  return Number(given)
}
