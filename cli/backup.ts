import type { Command } from 'commander'
import { print } from './output.ts'
import { type World, withApp } from './service.ts'

export function addBackup (program: Command, world: World): void {
  program.command('backup <file>')
    .description('copy the SQLite database to a new file, beside a running service')
    .addHelpText('after', `
Example:
  cli backup /backups/gatehouse-$(date +%F).db`)
    .action((file: string) => withApp(world, async (service, { secrets }) => {
      await service.database.backUp(file)
      print(world, `The backup is ${file}.`)
      if (secrets.secretKey === null) print(world, `It is of no use without ${secrets.databaseFile}.secret: keep a copy of that elsewhere.`)
    }, { existing: true }))
}
