import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { readPostgresUrl } from '../config.ts'
import { type Json, print, printJson } from './output.ts'
import { type World, withApp } from './service.ts'

/** Rows between two lines about a long way. */
const progressStep = 50_000

export function addMigrate (program: Command, world: World): void {
  program.command('migrate')
    .description('bring the database up to date, as a start does; or copy it to PostgreSQL')
    .option('--to <url>', 'copy the SQLite database that DATABASE_URL names, with all that is in it, to this empty PostgreSQL one')
    .option('--to-file <file>', 'the same, with the address in a file, so that its password is in no list of processes')
    .option('--json', 'for programs: that it is up to date, or how many rows were copied, by table')
    .addHelpText('after', `
Stop the service first: what would write meanwhile is answered 503. The source stays as it is.

Examples:
  cli migrate
  cli migrate --to postgres://gatehouse:PASSWORD@db.internal/gatehouse
  cli migrate --to-file /run/secrets/database-url`)
    .action(async ({ to, toFile, json }: Json & { to?: string, toFile?: string }, command: Command) => {
      if (to !== undefined && toFile !== undefined) command.error('error: one of --to and --to-file is enough')
      if (to === undefined && toFile === undefined) return withApp(world, () => json === true ? printJson(world, { up_to_date: true }) : print(world, 'The database is up to date.'))
      const target = addressOf(to ?? readFileSync(toFile as string, 'utf8').trim(), command)
      return withApp(world, async (service) => {
        const rows = await service.database.moveTo(target, ({ table, done, total }) => {
          if (done === total || done % progressStep === 0) world.errors.write(`${table}: ${done} of ${total}\n`)
        })
        if (json === true) printJson(world, rows)
        else print(world, 'Everything is there. Set DATABASE_URL to the new address and SECRET_KEY to the secret used until now, then start the service.')
      }, { existing: true })
    })
}

/** Not read by Commander, which would print what was given, its password too. */
function addressOf (given: string, command: Command): ReturnType<typeof readPostgresUrl> {
  try {
    return readPostgresUrl(given)
  } catch (error) {
    return command.error(`error: the address of the target ${(error as Error).message}`)
  }
}
