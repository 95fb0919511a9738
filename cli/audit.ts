import { once } from 'node:events'
import { type Command, InvalidArgumentError } from 'commander'
import type { ChainReport, Position } from '../plugins/audit-chain.ts'
import { type Json, print, printJson, time } from './output.ts'
import { type World, withApp } from './service.ts'
import { moment } from './sessions.ts'

export function addAudit (program: Command, world: World): void {
  const audit = program.command('audit').description('what was done, by whom, and whether that is what was written')

  audit.command('verify')
    .description('read the whole chain and say where it was changed, and exit with 1 where it was')
    .option('--head <place:digest>', 'a head that the log told of, or that a verification before printed: it has to be in the chain', position)
    .option('--json', 'for programs')
    .addHelpText('after', `
Examples:
  cli audit verify
  cli audit verify --head 4711:n1EYcKuKwnJHqSm0t0pVtXCZ6t5zZrEbFbPMCcYM9zs`)
    .action(({ head, json }: Json & { head?: Position }) => withApp(world, async ({ auditChain }) => {
      const report = await auditChain.verify(head)
      if (json === true) printJson(world, asJson(report))
      else if (report.faults.length === 0) print(world, summary(report))
      if (report.faults.length > 0) throw new Error(complaint(report))
    }, { existing: true, looking: true }))

  audit.command('export')
    .description('print every event as a line of JSON, the oldest first, with its place and digest in the chain')
    .option('--from <time>', 'events of this time and later (RFC 3339)', moment)
    .option('--to <time>', 'events of this time and earlier', moment)
    .option('--user <id>', 'events about this user', matching(/^[\w-]{1,64}$/, 'An id.'))
    .option('--event <name>', 'events of this name', matching(/^[a-z_]{1,64}$/, 'A name such as authn_login_fail.'))
    .addHelpText('after', `
Examples:
  cli audit export > audit.jsonl
  cli audit export --to 2026-03-01T00:00:00Z --event authn_login_fail`)
    .action(({ user: userId, ...filter }: { from?: number, to?: number, user?: string, event?: string }) => withApp(world, async (service) => {
      for await (const entry of service.audit.entries({ ...filter, userId })) {
        // Somebody who reads slowly is waited for.
        if (!world.output.write(`${JSON.stringify(entry)}\n`)) await once(world.output, 'drain')
      }
    }, { existing: true, looking: true }))
}

/** As a request asks for them. */
function matching (form: RegExp, wanted: string): (given: string) => string {
  return (given) => {
    if (!form.test(given)) throw new InvalidArgumentError(wanted)
    return given
  }
}

function position (given: string): Position {
  const [, place, digest] = /^([1-9]\d{0,14}):([\w-]{43})$/.exec(given) ?? []
  if (place === undefined || digest === undefined) throw new InvalidArgumentError('A head is its place, a colon and its digest.')
  return { place: Number(place), digest }
}

function asJson ({ entries, after, head, waiting, faults, more }: ChainReport) {
  return {
    entries,
    after,
    head: head === null ? null : { place: head.place, digest: head.digest, signed_at: time(head.signedAt), kid: head.kid },
    waiting,
    faults,
    more
  }
}

function summary ({ entries, after, head, waiting }: ChainReport): string {
  return [
    head === null || entries === 0 ? 'There are no entries.' : `The ${entries} entries from place ${after + 1} to ${head.place} are those that were written; signed at ${time(head.signedAt)}.`,
    ...head === null ? [] : [`The head is ${head.place}:${head.digest}.`],
    ...after === 0 ? [] : [`The ${after} before have left by age.`],
    ...waiting === 0 ? [] : [`${waiting} are no links of the chain yet.`]
  ].join('\n')
}

function complaint ({ faults, more }: ChainReport): string {
  return ['The audit is not what was written.', ...faults.map(({ place, what }) => `  At place ${place} ${what}.`), ...more === 0 ? [] : [`  And so at ${more} more.`]].join('\n')
}
