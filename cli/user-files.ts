import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { type Command, Option } from 'commander'
import { type Json, print, printJson } from './output.ts'
import { operator, type World, withApp } from './service.ts'
import { type Format, formats, readCsv, readJsonLines, writeLines } from './user-lines.ts'

interface ImportOptions extends Json {
  format?: Format
  dryRun?: boolean
}

/** Lines between two words about a long way. */
const progressStep = 10_000
/** Refused lines that `--json` lists; all of them are on standard error. */
const mostListed = 1000

const formatOption = () => new Option('--format <format>', 'JSON lines or CSV').choices(formats)

export function addUserFiles (users: Command, world: World): void {
  users.command('import <file>')
    .description('take in users with the digests of their passwords; - reads standard input')
    .addOption(formatOption())
    .option('--dry-run', 'say what would be refused, and keep nothing')
    .option('--json', 'for programs')
    .addHelpText('after', `
A line is {"username", "email", "password_hash", "roles", "disabled", "created_at", "id"}, of which the username alone has to be there.
CSV has these names in its first line, and roles separated by spaces. Without --format, what ends in .csv is CSV and the rest JSON lines.

Examples:
  cli users import users.jsonl --dry-run
  cli users import users.csv`)
    .action((file: string, { format = file.endsWith('.csv') ? 'csv' : 'jsonl', dryRun = false, json }: ImportOptions) => withApp(world, async ({ userTransfer, strictJson }) => {
      const source = file === '-' ? world.input : await opened(file)
      const listed: Array<{ line: number, reason: string }> = []
      let said = 0
      const { added, refused } = await userTransfer.takeIn(format === 'csv' ? readCsv(source) : readJsonLines(source, strictJson.parse), {
        dryRun,
        refused (line, reason) {
          world.errors.write(`line ${line}: ${reason}\n`)
          if (listed.length < mostListed) listed.push({ line, reason })
        },
        progress (lines) {
          if (lines - said < progressStep) return
          said = lines
          world.errors.write(`${lines} lines\n`)
        }
      }, operator)
      if (json === true) printJson(world, { added, refused, dry_run: dryRun, refusals: listed })
      else print(world, `${dryRun ? 'To be added' : 'Added'}: ${added}. Refused: ${refused}.`)
      if (refused > 0) throw new Error(`Lines were refused: ${refused}`)
    }))

  users.command('export')
    .description('print every user, with the digest of their password: keep that as secret as the database')
    .addOption(formatOption().default('jsonl'))
    .addHelpText('after', `
Examples:
  (umask 077; cli users export > users.jsonl)
  cli users export --format csv > users.csv`)
    .action(({ format }: { format: Format }) => withApp(world, async ({ userTransfer }) => {
      for await (const line of writeLines(userTransfer.giveOut(), format)) {
        if (!world.output.write(line)) await once(world.output, 'drain')
      }
    }, { existing: true }))
}

async function opened (file: string): Promise<Readable> {
  const stream = createReadStream(file)
  await once(stream, 'open').catch((error) => { throw new Error(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`) })
  return stream
}
