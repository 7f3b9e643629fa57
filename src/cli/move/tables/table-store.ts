/** A database as a move sees it: rows in the order of their keys, some at a time, and how far it has come. */
import type { Applied } from '../../../persistence/tables/migrations.ts'
import type { TablesMark } from '../../../persistence/tables/moved-mark.ts'
import type { TableRow, TableShape } from './table-shape.ts'

/** Rows of a table that have arrived, up to a key. */
export type Arrived = { readonly rows: number; readonly lastKey: TableRow | undefined }

export type TableStore = {
  /** Which of the two, as a message names it. */
  readonly place: string
  /** The steps that its schema has taken. */
  applied(): Promise<readonly Applied[]>
  mark(): Promise<TablesMark | undefined>
  /** Survives power loss when it resolves; undefined takes the mark away. */
  setMark(mark: TablesMark | undefined): Promise<void>
  count(shape: TableShape): Promise<number>
  /** Those behind a key, in the order of their keys. Rejects where a row is not what was written to it. */
  after(shape: TableShape, key: TableRow | undefined, limit: number): Promise<readonly TableRow[]>
  arrived(shape: TableShape): Promise<Arrived>
  /** Rows, and how far that brings the table, in one transaction. */
  insert(shape: TableShape, rows: readonly TableRow[], arrived: Arrived): Promise<void>
  /** Takes away what the schema itself puts into a table. */
  clear(shape: TableShape): Promise<void>
  /** All rows have arrived: what is not a row is brought right, and mark and notes are gone, all at once. */
  finish(): Promise<void>
  close(): Promise<void>
}

/** Where a move notes how far it has come. */
export const movingTableSql = `CREATE TABLE IF NOT EXISTS moving (
  name     TEXT PRIMARY KEY,
  rows     INTEGER NOT NULL,
  last_key TEXT NOT NULL
)`

/** A batch: few enough for the most that a statement takes, and for memory. */
export const batchRows = 512

/** `(a, b) > (?, ?)`, so that both databases go on by the index of the key. */
export function behindKey({ key }: TableShape, marks: readonly string[]): string {
  return `(${key.join(', ')}) > (${marks.join(', ')})`
}

/** Keys are texts and numbers. */
export function keyText(key: TableRow | undefined): string {
  return JSON.stringify(key ?? null)
}

/** What `keyText` wrote. */
export function keyIn(text: string): TableRow | undefined {
  return (JSON.parse(text) as TableRow | null) ?? undefined
}
