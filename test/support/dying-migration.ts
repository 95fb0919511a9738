// The first start on a database, and who makes it die: `DIES_AT=12 node dying-migration.ts` is killed as the twelfth statement is
// about to run. Without that it lives, and says how many there were.
import { DatabaseSync } from 'node:sqlite'
import Fastify from 'fastify'
import pg from 'pg'
import app, { fastifyOptions } from '../../app.ts'
import { readConfig } from '../../config.ts'

const { DIES_AT: moment, ...environment } = process.env
let statements = 0

function count (): void {
  statements++
  if (statements === Number(moment)) process.kill(process.pid, 'SIGKILL')
}

const { prepare, exec } = DatabaseSync.prototype
DatabaseSync.prototype.prepare = function (...args) {
  count()
  return prepare.apply(this, args)
}
DatabaseSync.prototype.exec = function (...args) {
  count()
  return exec.apply(this, args)
}
const { query } = pg.Client.prototype
pg.Client.prototype.query = function (...args: unknown[]) {
  count()
  return query.apply(this, args as never) as never
}

const config = readConfig(environment)
const server = Fastify(fastifyOptions(config))
await server.register(app, { config })
await server.ready()
await server.close()
process.stdout.write(String(statements))
