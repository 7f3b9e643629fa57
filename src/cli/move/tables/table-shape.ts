/** What the tables look like, read from the SQLite database that is one of the two ends of every move. */
import type { Database } from 'better-sqlite3'
import type { RowValue } from '../../../persistence/tables/seals/row-seal.ts'

export type TableShape = {
  readonly name: string
  /** All but the seal, which is SQLite's own affair. */
  readonly columns: readonly string[]
  /** Those of the primary key, in its order: rows are read by it. */
  readonly key: readonly string[]
  readonly isSealed: boolean
}

/** Values in the order of the columns. */
export type TableRow = readonly RowValue[]

/** Not what the shop has: how the schema came about, and the moves themselves. */
const OWN_AFFAIRS: ReadonlySet<string> = new Set(['migrations', 'moved', 'moving'])

/** All tables, each behind those that it refers to. */
export function readShapes(database: Database): readonly TableShape[] {
  const names = database
    .prepare<[], string>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
    )
    .pluck()
    .all()
    .filter((name) => !OWN_AFFAIRS.has(name))
  const references = database
    .prepare<[string], string>('SELECT DISTINCT "table" FROM pragma_foreign_key_list(?)')
    .pluck()
  const ordered: string[] = []
  const visit = (name: string) => {
    if (ordered.includes(name)) return
    for (const other of references.all(name)) if (other !== name) visit(other)
    ordered.push(name)
  }
  for (const name of names) visit(name)
  return ordered.map((name) => shapeOf(database, name))
}

function shapeOf(database: Database, name: string): TableShape {
  const all = database
    .prepare<[string], { readonly name: string; readonly pk: number }>(
      'SELECT name, pk FROM pragma_table_info(?)',
    )
    .all(name)
  const key = all.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk)
  return {
    name,
    columns: all.map((column) => column.name).filter((column) => column !== 'seal'),
    key: key.map((column) => column.name),
    isSealed: all.some((column) => column.name === 'seal'),
  }
}

/** The key of a row. */
export function keyOfRow({ columns, key }: TableShape, row: TableRow): TableRow {
  return key.map((column) => row[columns.indexOf(column)] as RowValue)
}
