import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { readPostgresUrl } from '../config.ts'
import { type Json, print, printJson } from './output.ts'
import { type World, withApp } from './service.ts'

type Address = ReturnType<typeof readPostgresUrl>

/** Rows between two lines about a long way. */
const progressStep = 50_000

export function addMigrate (program: Command, world: World): void {
  program.command('migrate')
    .description('bring the database up to date, as a start does; or copy it to PostgreSQL')
    .option('--to <url>', 'copy the SQLite database that DATABASE_URL names, with all that is in it, to this empty PostgreSQL one; its password, where it has one, is in PGPASSWORD')
    .option('--to-file <file>', 'the same, with the address in a file, password and all')
    .option('--json', 'for programs: that it is up to date, or how many rows were copied, by table')
    .addHelpText('after', `
Stop the service first: what would write meanwhile is answered 503. The source stays as it is.

Examples:
  cli migrate
  cli migrate --to postgres://gatehouse@db.internal/gatehouse
  cli migrate --to-file /run/secrets/database-url`)
    .action(async ({ to, toFile, json }: Json & { to?: string, toFile?: string }, command: Command) => {
      if (to !== undefined && toFile !== undefined) command.error('error: one of --to and --to-file is enough')
      if (to === undefined && toFile === undefined) return withApp(world, () => json === true ? printJson(world, { up_to_date: true }) : print(world, 'The database is up to date.'))
      const target = to === undefined ? addressOf(readFileSync(toFile as string, 'utf8').trim(), command) : withoutSecret(addressOf(to, command), world, command)
      return withApp(world, async (service) => {
        const rows = await service.database.moveTo(target, ({ table, done, total }) => {
          if (done === total || done % progressStep === 0) world.errors.write(`${table}: ${done} of ${total}\n`)
        })
        if (json === true) printJson(world, rows)
        else print(world, 'Everything is there. Set DATABASE_URL to the new address and SECRET_KEY to the secret used until now, then start the service.')
      }, { existing: true })
    })
}

/** An argument is in the list of processes, which others on the machine may read. */
function withoutSecret (address: Address, { environment }: World, command: Command): Address {
  if (address.password !== '') command.error('error: the address of the target has a password in it, and others could read it in the list of processes: give the address in a file with --to-file, or the password in PGPASSWORD')
  return { ...address, password: environment['PGPASSWORD'] ?? '' }
}

/** Not read by Commander, which would print what was given, its password too. */
function addressOf (given: string, command: Command): Address {
  try {
    return readPostgresUrl(given)
  } catch (error) {
    return command.error(`error: the address of the target ${(error as Error).message}`)
  }
}
