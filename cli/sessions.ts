import { type Command, InvalidArgumentError } from 'commander'
import { type Json, print } from './output.ts'
import { type World, withApp } from './service.ts'

export function addSessions (program: Command, world: World): void {
  program.command('sessions')
    .description('sessions and their tokens')
    .command('revoke [name]')
    .description('end sessions: all of one user, or all that anybody began before a time')
    .option('--before <time>', 'everybody\'s sessions begun before this time (RFC 3339), as after a restore', moment)
    .option('--json', 'for programs')
    .addHelpText('after', `
Examples:
  cli sessions revoke alice
  cli sessions revoke --before 2026-03-01T12:00:00Z`)
    .action((name: string | undefined, { before, json }: Json & { before?: number }, command: Command) => {
      if ((name === undefined) === (before === undefined)) command.error('error: either a name or --before')
      return withApp(world, async ({ signOut }) => {
        const ended = before === undefined ? await signOut.endAllOf(name as string) : await signOut.endBefore(before)
        if (json === true) print(world, JSON.stringify({ ended }))
        else print(world, `Sessions ended: ${ended}.`)
      }, { existing: true })
    })
}

/** In milliseconds since 1970. */
export function moment (given: string): number {
  const milliseconds = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i.test(given) ? Date.parse(given.toUpperCase()) : Number.NaN
  if (Number.isNaN(milliseconds)) throw new InvalidArgumentError('A time is written 2026-03-01T12:00:00Z.')
  return milliseconds
}
