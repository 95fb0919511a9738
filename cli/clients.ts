import { type Command, InvalidArgumentError } from 'commander'
import type { Client } from '../plugins/clients.ts'
import { type Json, print, printJson, printRecord, printTable, time } from './output.ts'
import { type World, withApp } from './service.ts'

export function addClients (program: Command, world: World): void {
  const clients = program.command('clients').description('registered clients')

  clients.command('create <name>')
    .description('register a client; its secret is printed this once')
    .option('--scope <scope>', 'a scope that the client holds; may be repeated', (scope: string, held: string[]) => [...held, scope], [])
    .option('--json', 'for programs')
    .addHelpText('after', `
Example:
  cli clients create billing --scope orders:read --scope orders:write`)
    .action((name: string, { scope, json }: Json & { scope: string[] }) => withApp(world, async (service) => printSecret(world, await service.clients.create(name, scope), json)))

  clients.command('list')
    .description('every client')
    .option('--json', 'for programs')
    .addHelpText('after', `
Example:
  cli clients list --json`)
    .action(({ json }: Json) => withApp(world, async (service) => {
      const rows = (await service.clients.list()).map(({ id, name, scopes, createdAt }) => ({ client_id: id, name, scopes, created_at: time(createdAt) }))
      if (json === true) printJson(world, { clients: rows })
      else printTable(world, rows.map(({ scopes, ...row }) => ({ ...row, scopes: scopes.join(' ') })))
    }, { existing: true }))

  clients.command('rotate <id>')
    .description('give a client a new secret; it is printed this once')
    .option('--overlap <seconds>', 'how long the old secret is good beside it, at most 7 days and until the next rotation', seconds, 0)
    .option('--json', 'for programs')
    .addHelpText('after', `
Example:
  cli clients rotate 01a20ac7-4402-7b0d-b500-88d2294b4a56 --overlap 3600`)
    .action((id: string, { overlap, json }: Json & { overlap: number }) => withApp(world, async (service) => printSecret(world, await service.clients.rotate(id, overlap), json), { existing: true }))

  clients.command('delete <id>')
    .description('delete a client; its tokens are refused at once')
    .addHelpText('after', `
Example:
  cli clients delete 01a20ac7-4402-7b0d-b500-88d2294b4a56`)
    .action((id: string) => withApp(world, async (service) => {
      await service.clients.remove(id)
      print(world, 'The client is gone.')
    }, { existing: true }))
}

function seconds (given: string): number {
  if (!/^\d{1,6}$/.test(given) || Number(given) > 604_800) throw new InvalidArgumentError('A whole number of seconds up to 604800.')
  return Number(given)
}

function printSecret (world: World, { client: { id, name, scopes, createdAt }, secret }: { client: Client, secret: string }, json: true | undefined): void {
  const row = { client_id: id, client_secret: secret, name, scopes, created_at: time(createdAt) }
  if (json === true) printJson(world, row)
  else printRecord(world, { ...row, scopes: scopes.join(' ') })
}
