/**
 * One look at everything in the tables, in steps of some milliseconds: all rows of sealed tables against their seals, then
 * each table's trees and indexes by SQLite's own check, which knows what is missing and nothing of values.
 */
import Database from 'better-sqlite3'
import { readSealedTables } from './sealed-table.ts'
import { beginning, type Place, walkRows } from './walk-rows.ts'

export type Damage = {
  readonly table: string
  /** Of a row; undefined where SQLite says it of the table. */
  readonly key: string | undefined
  readonly why: string
}

export type ScrubOptions = {
  readonly stepRows: number
  /** Tables with more rows have their indexes left out of the check, which is one step a table. */
  readonly wholeRowsMax: number
}

const remarksMax = 20

/** Yields what each step has found, mostly nothing. The connection may be read-only, and has no transaction between steps. */
export function* scrub(
  database: Database.Database,
  options: ScrubOptions,
): Generator<readonly Damage[], void> {
  for (const table of readSealedTables(database)) {
    for (let place: Place | undefined = beginning; place !== undefined; ) {
      try {
        const { damaged, next } = walkRows(database, table, place, options.stepRows)
        place = next
        yield damaged.map((key) => ({ table: table.name, key, why: 'its seal is not that of its values' }))
      } catch (error) {
        place = undefined
        yield [unreadable(table.name, error)]
      }
    }
  }
  const names = database
    .prepare<[], string>(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'`)
    .pluck()
    .all()
  for (const name of names) yield checkTree(database, name, options)
}

function checkTree(
  database: Database.Database,
  name: string,
  { wholeRowsMax }: ScrubOptions,
): readonly Damage[] {
  try {
    const some = `SELECT count(*) FROM (SELECT 1 FROM main."${name}" LIMIT ${wholeRowsMax + 1})`
    const rows = database.prepare<[], number>(some).pluck().get() ?? 0
    const check = rows > wholeRowsMax ? 'quick_check' : 'integrity_check'
    const said = database.pragma(`main.${check}("${name}")`) as readonly Readonly<Record<string, string>>[]
    return said
      .flatMap((remark) => Object.values(remark))
      .filter((why) => why !== 'ok')
      .slice(0, remarksMax)
      .map((why) => ({ table: name, key: undefined, why }))
  } catch (error) {
    return [unreadable(name, error)]
  }
}

function unreadable(table: string, error: unknown): Damage {
  if (!(error instanceof Database.SqliteError)) throw error
  return { table, key: undefined, why: `it cannot be read: ${error.message}` }
}
