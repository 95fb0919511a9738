import type { ColumnDefinitionBuilder } from 'kysely'

/** A primary key that grows with every row and never returns. */
export const sequence = {
  type: 'integer' as const,
  build: (column: ColumnDefinitionBuilder) => column.primaryKey().autoIncrement()
}
