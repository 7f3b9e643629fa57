/**
 * Makes a connection write seals and look at them.
 *
 * S1  A row that is inserted is sealed by a trigger, in the same statement; one that is updated must be whole before, so
 *     that no change gives a damaged row a good seal.
 * S2  Reads go through a view that checks each row it yields (`checked-reads.ts`). The check takes values from where the
 *     statement does: where an index and its table differ, the seal of what is read is wrong as well.
 * S3  Views and triggers are TEMP, of this connection, and made anew from the columns there are. A schema that names
 *     functions of this program could be read by no other one, and not at all with `trusted_schema` off.
 */
import type { Database } from 'better-sqlite3'
import { TablesError } from '../tables-error.ts'
import { type RowValue, rowSeal } from './row-seal.ts'
import { keyOf, readSealedTables, type SealedTable } from './sealed-table.ts'

/**
 * What an operation has found whole or sealed itself it need not look at again: its pages are in memory. An order is read and
 * changed up to ten times within one.
 */
export type SealsSeen = Set<unknown>

const guarded = new WeakMap<Database, SealsSeen>()

/**
 * From now on the connection is guarded; asked again, it is already. Its database must be migrated. Answers the seals seen,
 * which whoever runs operations empties before each.
 */
export function guardRows(database: Database): SealsSeen {
  const known = guarded.get(database)
  if (known !== undefined) return known
  const seen: SealsSeen = new Set()
  guarded.set(database, seen)
  database.function('is_seen', (seal: unknown) => (seen.has(seal) ? 1 : 0))
  const tables = readSealedTables(database)
  for (const table of tables) defineFunctions(database, table, seen)
  database.exec(tables.map(viewOf).join('\n'))
  if (!database.readonly) database.exec(tables.map(triggersOf).join('\n'))
  return seen
}

/** Gives every row the seal of what it holds, whatever it had. Of rows that were found to be whole, or are new to seals. */
export function sealAllRows(database: Database): void {
  for (const table of readSealedTables(database)) {
    defineFunctions(database, table, new Set())
    const seal = `seal_${table.name}(${table.columns.join(', ')})`
    database.exec(`UPDATE main.${table.name} SET seal = ${seal} WHERE seal IS NOT ${seal}`)
  }
}

/**
 * Gives one row the seal of what it holds, whatever that is: for whoever has looked at it and put it right. The key as
 * `keyOf` writes it. False where there is no such row.
 */
export function sealRow(database: Database, table: SealedTable, key: string): boolean {
  const { name, columns } = table
  defineFunctions(database, table, new Set())
  const text = table.key.map((column) => `CAST(${column} AS TEXT)`).join(" || ' / ' || ")
  const seal = `seal_${name}(${columns.join(', ')})`
  return database.prepare(`UPDATE main.${name} SET seal = ${seal} WHERE ${text} = ?`).run(key).changes === 1
}

function defineFunctions(database: Database, table: SealedTable, seen: SealsSeen): void {
  const { name } = table
  const options = { deterministic: true, varargs: true }
  database.function(`seal_${name}`, options, (...values: RowValue[]) => {
    const seal = rowSeal(name, values)
    seen.add(seal)
    return seal
  })
  database.function(`is_whole_${name}`, options, (seal: unknown, ...values: RowValue[]) => {
    if (seal !== rowSeal(name, values)) {
      throw new TablesError(
        'damaged',
        `Row ${keyOf(table, values)} of ${name} is not what was written to it.`,
      )
    }
    seen.add(seal)
    return 1
  })
}

/**
 * A subquery, because SQLite leaves those to the last of a row's conditions. Of a statement with `price = ?` it puts what was
 * asked for in the place of the price, here too, and that is only right once the row was found to have it.
 */
function viewOf({ name, columns }: SealedTable): string {
  const all = columns.join(', ')
  return `CREATE TEMP VIEW checked_${name} AS
    SELECT ${all} FROM main.${name} WHERE (SELECT ${isWhole(name, 'seal', columns)});`
}

function triggersOf({ name, columns, key, hasRowid }: SealedTable): string {
  const of = (row: 'old' | 'new') => columns.map((column) => `${row}.${column}`)
  const place = (hasRowid ? ['rowid'] : key).map((column) => `${column} = new.${column}`).join(' AND ')
  const seal = `seal_${name}(${of('new').join(', ')})`
  return `
    CREATE TEMP TRIGGER seal_inserted_${name} AFTER INSERT ON main.${name} BEGIN
      UPDATE ${name} SET seal = ${seal} WHERE ${place};
    END;
    CREATE TEMP TRIGGER seal_updated_${name} AFTER UPDATE OF ${columns.join(', ')} ON main.${name} BEGIN
      UPDATE ${name} SET seal = ${seal} WHERE ${place} AND ${isWhole(name, 'old.seal', of('old'))};
    END;`
}

/** `CASE`, because of a function's arguments all are fetched before it is called. */
function isWhole(name: string, seal: string, values: readonly string[]): string {
  return `CASE is_seen(${seal}) WHEN 1 THEN 1 ELSE is_whole_${name}(${seal}, ${values.join(', ')}) END`
}
