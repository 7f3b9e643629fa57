/** Which tables have seals, and what one looks like: read from the database itself, so that no later column is left out. */
import type { Database } from 'better-sqlite3'

/**
 * What was acknowledged and is acted upon: money, what is bought for it and where it goes, and who may do what. Not the
 * outbox, mail and webhooks, which are about to leave; not carts, which their owner sees before anything is paid, and the
 * history of an order, by which nothing is done; not the sandbox's books; not idempotency records, which are encrypted with
 * a check of their own (docs/decisions/row-seals.md).
 */
export const sealedTables = [
  'api_keys',
  'users',
  'sessions',
  'refresh_tokens',
  'signing_keys',
  'addresses',
  'products',
  'discounts',
  'orders',
  'order_lines',
  'payment_attempts',
  'refunds',
  'order_returns',
  'counters',
] as const

export type SealedName = (typeof sealedTables)[number]

export type SealedTable = {
  readonly name: SealedName
  /** All but the seal, in their order. */
  readonly columns: readonly string[]
  /** Those of the primary key, in its order. */
  readonly key: readonly string[]
  readonly hasRowid: boolean
}

type ColumnInfo = { readonly name: string; readonly pk: number }

/** Those that are there and have the column; a database that is being migrated may lack some. */
export function readSealedTables(database: Database): readonly SealedTable[] {
  const info = database.prepare<[string], ColumnInfo>('SELECT name, pk FROM pragma_table_info(?)')
  const kind = database
    .prepare<[string], number>(`SELECT wr FROM pragma_table_list(?) WHERE schema = 'main'`)
    .pluck()
  return sealedTables.flatMap((name) => {
    const all = info.all(name)
    if (!all.some((column) => column.name === 'seal')) return []
    const key = all.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk)
    return {
      name,
      columns: all.map((column) => column.name).filter((column) => column !== 'seal'),
      key: key.map((column) => column.name),
      hasRowid: kind.get(name) === 0,
    }
  })
}

/** A row's key as text, for whoever must look at it. */
export function keyOf({ columns, key }: SealedTable, values: readonly unknown[]): string {
  return key.map((column) => String(values[columns.indexOf(column)])).join(' / ')
}
