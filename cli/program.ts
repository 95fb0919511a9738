import { Command, CommanderError } from 'commander'
import { addAudit } from './audit.ts'
import { addBackup } from './backup.ts'
import { addClients } from './clients.ts'
import { addCompletion } from './completion.ts'
import { addDescription } from './description.ts'
import { addDoctor } from './doctor.ts'
import { addKeys } from './keys.ts'
import { addMigrate } from './migrate.ts'
import type { World } from './service.ts'
import { addSessions } from './sessions.ts'
import { addUsers } from './users.ts'

const done = 0
const failed = 1
const misused = 2

/** One key id in 64 begins as an option does (RFC 7638 in base64url), and ends what a command is told. */
const dashedKeyId = /^-[\w-]{42}$/

/** Every command there is, as the help lists them. */
export function createProgram (world: World): Command {
  const program = new Command('cli')
    .description('What the HTTP interface does, on the same configuration, without a socket.')
    .exitOverride()
    .showHelpAfterError()
    .configureOutput({
      writeOut: (text) => { world.output.write(text) },
      writeErr: (text) => { world.errors.write(text) },
      outputError: (text, write) => write(withoutValues(text)),
      getOutHelpWidth: () => world.output.columns ?? 80,
      getErrHelpWidth: () => world.errors.columns ?? 80
    })
  for (const add of [addUsers, addSessions, addClients, addKeys, addAudit, addBackup, addMigrate, addDoctor, addDescription, addCompletion]) add(program, world)
  return program
}

/** Runs one command; resolves with the exit code. */
export async function run (args: readonly string[], world: World): Promise<number> {
  try {
    await createProgram(world).parseAsync(args.flatMap((arg) => dashedKeyId.test(arg) ? ['--', arg] : [arg]), { from: 'user' })
    return done
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? done : misused
    world.errors.write(`gatehouse: ${explain(error as Error)}\n`)
    // What a request would be answered 400 for, was an argument here.
    return (error as { code?: string }).code === 'invalid_request' ? misused : failed
  }
}

/** What was given where nothing belongs may be a password: what it was given as says enough. */
function withoutValues (text: string): string {
  return text.replace(/^(error: unknown option '(?:--[^=']+(?==)|-[^-'])).+'/s, "$1'").replace(/( but got \d+): .*/s, '$1.\n')
}

/** An operator may know why the database did not answer; a client is not told. */
function explain ({ message, cause, code }: Error & { code?: string }): string {
  return code === 'unavailable' && cause instanceof Error ? `${message} (${cause.message})` : message
}
