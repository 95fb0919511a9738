import type { Kysely } from 'kysely'
import { sequence } from '../dialect.ts'

export async function up (db: Kysely<unknown>): Promise<void> {
  await db.schema.createTable('revocations')
    .addColumn('id', ...sequence(db))
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('subject_id', 'text', (column) => column.notNull())
    .addColumn('not_before', 'bigint')
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('revocations_expiry').on('revocations').column('expires_at').execute()

  await db.schema.alterTable('users').addColumn('sessions_not_before', 'bigint').execute()
  await db.schema.createIndex('sessions_expiry').on('sessions').column('idle_expires_at').execute()

  await db.schema.createTable('clients')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('scopes', 'text', (column) => column.notNull())
    .addColumn('secret_digest', 'text', (column) => column.notNull())
    .addColumn('former_digest', 'text')
    .addColumn('former_until', 'bigint')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute()
}
