import type { Kysely } from 'kysely'
import { orderByBytes } from '../dialect.ts'

export async function up (db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('users').addColumn('last_login_at', 'bigint').execute()
  await db.schema.alterTable('revocations').addColumn('roles', 'text').execute()
  await db.schema.createIndex('user_roles_role').on('user_roles').columns(['role', 'user_id']).execute()
  await orderByBytes('users', 'username', db)
  await orderByBytes('users', 'email_key', db)
  await orderByBytes('user_roles', 'role', db)
  for (const column of ['username', 'email_key']) await db.schema.createIndex(`users_disabled_${column}`).on('users').column(column).where('disabled_at', 'is not', null).execute()
}
