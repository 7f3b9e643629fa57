/**
 * The mark of tables that are on their way to another database or here: one row in a table of its own, in either of the two.
 * Nothing starts on tables that have it. `migrate` and `migratePostgres` look before they change anything.
 */
import type { Database } from 'better-sqlite3'
import type { ClientBase } from 'pg'
import { TablesBootError } from './tables-error.ts'

/** `arriving`: not whole; `leaving`: being copied; `left`: all of it is elsewhere. */
export type TablesMove = 'arriving' | 'leaving' | 'left'

export type TablesMark = {
  readonly state: TablesMove
  /** Drawn by chance, and the same in both databases of one move. */
  readonly move: string
  /** Why nothing starts on them, in a sentence. */
  readonly why: string
}

/** The same in both databases. */
export const markTableSql = `CREATE TABLE IF NOT EXISTS moved (
  number INTEGER PRIMARY KEY CHECK (number = 1),
  state  TEXT NOT NULL,
  move   TEXT NOT NULL,
  why    TEXT NOT NULL
)`
export const readMarkSql = 'SELECT state, move, why FROM moved'

/** Undefined where they take part in no move. */
export function readMark(database: Database): TablesMark | undefined {
  const isThere = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'moved'").get() !== undefined
  return isThere ? database.prepare<[], TablesMark>(readMarkSql).get() : undefined
}

/** The same of PostgreSQL. */
export async function readPostgresMark(client: ClientBase): Promise<TablesMark | undefined> {
  const { rows } = await client.query('SELECT to_regclass(\'moved\') IS NOT NULL AS "isThere"')
  if (rows[0]?.isThere !== true) return undefined
  return (await client.query<TablesMark>(readMarkSql)).rows[0]
}

/** Throws `TablesBootError` where there is one. */
export function refuseMoved(mark: TablesMark | undefined): void {
  if (mark !== undefined) throw new TablesBootError('moved', mark.why)
}
