import type { Command } from 'commander'
import type { KeyReport } from '../plugins/keys.ts'
import { type Json, print, printJson, printTable, time } from './output.ts'
import { type World, withApp } from './service.ts'

export function addKeys (program: Command, world: World): void {
  const keys = program.command('keys').description('the signing keys')

  keys.command('list')
    .description('every key and where it stands')
    .option('--json', 'for programs')
    .addHelpText('after', `
Example:
  cli keys list --json`)
    .action(({ json }: Json) => withApp(world, (service) => printKeys(world, service.keys.list(), json), { existing: true }))

  keys.command('rotate')
    .description('let the next key sign as soon as it has been published for KEY_LEAD')
    .option('--now', 'at once: verifiers that cache the key set may not know it yet')
    .option('--json', 'for programs')
    .addHelpText('after', `
Examples:
  cli keys rotate
  cli keys rotate --now`)
    .action(({ now = false, json }: Json & { now?: boolean }) => withApp(world, async (service) => printKeys(world, await service.keys.rotate({ now }), json), { existing: true }))

  keys.command('revoke <kid>')
    .description('for a stolen key: its tokens are refused at once')
    .addHelpText('after', `
Example:
  cli keys revoke 5pW1zXn3Qf0dN5yq0JHkO1Yx5mG0o7w7s3i9qk2pC4E`)
    .action((kid: string) => withApp(world, async (service) => {
      await service.keys.revoke(kid)
      print(world, 'The key is gone; another one signs.')
    }, { existing: true }))

  keys.command('export [kid]')
    .description('print the public key set as JSON, or one public key as PEM')
    .addHelpText('after', `
Example:
  cli keys export > jwks.json`)
    .action((kid?: string) => withApp(world, (service) => {
      if (kid === undefined) printJson(world, service.keys.jwks())
      else print(world, service.discovery.pem(`${kid}.pem`).trimEnd())
    }, { existing: true }))

  keys.command('reset')
    .description('for a lost SECRET_KEY: new keys, every session ended, passwords kept')
    .requiredOption('--yes', 'nobody stays signed in')
    .option('--json', 'for programs')
    .addHelpText('after', `
Example:
  cli keys reset --yes`)
    .action(({ json }: Json) => withApp(world, async (service) => {
      const ended = await service.sessions.reset()
      if (json === true) printJson(world, { ended })
      else print(world, `New keys sign from now on; sessions ended: ${ended}.`)
    }, { existing: true, reset: true }))
}

function printKeys (world: World, reports: readonly KeyReport[], json: true | undefined): void {
  const rows = reports.map(({ kid, alg, state, createdAt, signsFrom, endsAt }) => ({
    kid, alg, state, created_at: time(createdAt), signs_from: time(signsFrom), ends_at: endsAt === null ? null : time(endsAt)
  }))
  if (json === true) printJson(world, { keys: rows })
  else printTable(world, rows)
}
