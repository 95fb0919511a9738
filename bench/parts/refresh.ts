import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createChains } from '../chains.ts'
import type { Part } from '../parts.ts'
import { production, startServer, stopServer } from '../servers.ts'
import { inTurn, median, perSecond, ratios } from '../slices.ts'

/** Refreshes a second, each on the disk before its answer, beside commits of one row to the very file. */
const refresh: Part = async ({ quick, pairs, folder, load }) => {
  const file = join(folder, 'refresh.db')
  const server = await startServer('server.ts', { ...production, DATABASE_URL: `sqlite:${file}`, LOG_LEVEL: 'warn', DRAIN_DELAY: '0', LOGIN_LIMIT: 'off', REFRESH_LIMIT: 'off' })
  const database = new DatabaseSync(file, { timeout: 5000 })
  const refreshes = await createChains(load, server)
  try {
    database.exec('pragma synchronous = full; create table bench (id integer primary key, value text)')
    const insert = database.prepare('insert into bench (value) values (?)')
    const seconds = quick ? 0.5 : 1
    const { ours = [], raw = [] } = await inTurn({
      ours: () => refreshes(seconds),
      raw: () => perSecond(seconds, () => insert.run('as long as what a refresh changes, more or less, in its one row'))
    }, pairs)
    return [{ name: 'refreshes ÷ raw one-row commits', values: ratios(ours, raw), note: `${median(ours).toFixed(0)} and ${median(raw).toFixed(0)} a second` }]
  } finally {
    database.close()
    await stopServer(server)
  }
}

export default refresh
