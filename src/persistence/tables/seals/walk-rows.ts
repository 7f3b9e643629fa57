/** Goes through a sealed table, a few rows at a time, and tells which are not what was written to them. */
import type { Database } from 'better-sqlite3'
import { type RowValue, rowSeal } from './row-seal.ts'
import { keyOf, readSealedTables, type SealedTable } from './sealed-table.ts'

/** Where a walk is. Only whole rows are steps: a damaged key may point anywhere, also back. */
export type Place = { readonly after: readonly RowValue[]; readonly skipped: number }

export type Steps = {
  /** Keys of damaged rows. */
  readonly damaged: readonly string[]
  readonly walked: number
  /** Undefined at the end of the table. */
  readonly next: Place | undefined
}

export const beginning: Place = { after: [], skipped: 0 }

/** Looks at the next `limit` rows. Throws what SQLite does where it cannot read its own file. */
export function walkRows(database: Database, table: SealedTable, place: Place, limit: number): Steps {
  const { name, columns, hasRowid } = table
  const places = hasRowid ? ['rowid'] : table.key
  const where =
    place.after.length === 0 ? '' : `WHERE (${places.join(', ')}) > (${places.map(() => '?').join(', ')})`
  const found = database
    .prepare<RowValue[], RowValue[]>(
      `SELECT ${[...places, 'seal', ...columns].join(', ')} FROM main.${name} ${where}
        ORDER BY ${places.join(', ')} LIMIT ? OFFSET ?`,
    )
    .raw()
    .all(...place.after, limit, place.skipped)
  const damaged: string[] = []
  let next: Place = { ...place, skipped: place.skipped + found.length }
  for (const [index, row] of found.entries()) {
    const values = row.slice(places.length + 1)
    if (row[places.length] === rowSeal(name, values)) {
      next = { after: row.slice(0, places.length), skipped: found.length - index - 1 }
    } else damaged.push(keyOf(table, values))
  }
  return { damaged, walked: found.length, next: found.length < limit ? undefined : next }
}

/** The first damaged row of all tables, as `table: key`. */
export function firstDamagedRow(database: Database): string | undefined {
  for (const table of readSealedTables(database)) {
    for (let place: Place | undefined = beginning; place !== undefined; ) {
      const { damaged, next } = walkRows(database, table, place, stepRows)
      if (damaged[0] !== undefined) return `${table.name}: ${damaged[0]}`
      place = next
    }
  }
  return undefined
}

const stepRows = 1_000
