import t from 'tap'
import { migrate } from '../../../plugins/database/migrate.ts'
import { openDatabase } from '../../support/database.ts'
import { open, startPostgres } from '../../support/postgres.ts'
import { searchContract } from './search-contract.ts'

t.test('on SQLite', async (t) => searchContract(t, (t) => openDatabase(t)))

t.test('on PostgreSQL of another language', async (t) => {
  const server = await startPostgres(t)
  let count = 0
  await searchContract(t, async (t) => {
    const name = `spoken_${++count}`
    await server.run(`create database ${name} template template0 locale_provider icu icu_locale 'en-US'`)
    const queries = open(`postgres://postgres@127.0.0.1:${server.port}/${name}`)
    t.teardown(() => queries.destroy())
    await migrate(queries)
    return queries
  })
})
