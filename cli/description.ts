import type { Command } from 'commander'
import { type Json, printJson, printRows } from './output.ts'
import { type World, withApp } from './service.ts'

export function addDescription (program: Command, world: World): void {
  program.command('openapi')
    .description('print the description of the HTTP interface')
    .addHelpText('after', `
Example:
  cli openapi > openapi.json`)
    .action(() => withApp(world, async (service) => printJson(world, await service.openapi.describe()), { describing: true }))

  program.command('routes')
    .description('print every route: method, address, who may call it, what limits it, operation')
    .option('--json', 'for programs')
    .addHelpText('after', `
Example:
  cli routes --json`)
    .action(({ json }: Json) => withApp(world, ({ routeTable }) => {
      const routes = routeTable.entries.filter(({ operation }) => operation !== '-')
      if (json === true) printJson(world, routes)
      else printRows(world, routes.map(({ method, url, access, limit, operation }) => ({ method, url, access, limit, operation })))
    }, { describing: true }))
}
