/**
 * Brings a database to the schema of this version: forward only, each step in a transaction of its own together with
 * the row that says it was taken, so that a crash leaves it either taken or not. A step may change rows and columns as it
 * likes: in its transaction all rows are sealed anew, so none is taken where a row is damaged, which that would hide.
 */
import { createHash } from 'node:crypto'
import type { Database } from 'better-sqlite3'
import { readMark, refuseMoved } from './moved-mark.ts'
import { sealAllRows } from './seals/guard-rows.ts'
import { firstDamagedRow } from './seals/walk-rows.ts'
import { TablesBootError } from './tables-error.ts'

/** The place in the list is its number, from 1. */
export type Migration = {
  readonly name: string
  readonly sql: string
  /** Instead, on PostgreSQL, where the step is another one there. */
  readonly postgresql?: string
}

/** A step that a database has taken. */
export type Applied = { readonly number: number; readonly name: string; readonly checksum: string }

/** Applies what is missing; answers how many that were. Throws `TablesBootError` where past and list disagree, or they have moved. */
export function migrate(database: Database, migrations: readonly Migration[], nowMs: number): number {
  refuseMoved(readMark(database))
  database.exec(`
    CREATE TABLE IF NOT EXISTS migrations (
      number        INTEGER PRIMARY KEY,
      name          TEXT NOT NULL,
      checksum      TEXT NOT NULL,
      applied_at_ms INTEGER NOT NULL
    ) STRICT`)
  const applied = database
    .prepare<[], Applied>('SELECT number, name, checksum FROM migrations ORDER BY number')
    .all()
  checkPast(applied, migrations)

  const record = database.prepare<[number, string, string, number]>(
    'INSERT INTO migrations (number, name, checksum, applied_at_ms) VALUES (?, ?, ?, ?)',
  )
  const apply = database.transaction((number: number, migration: Migration) => {
    database.exec(migration.sql)
    sealAllRows(database)
    record.run(number, migration.name, checksumOf(migration), nowMs)
  })
  const missing = migrations.slice(applied.length)
  if (missing.length > 0) refuseDamaged(database)
  for (const [index, migration] of missing.entries()) apply.immediate(applied.length + index + 1, migration)
  return missing.length
}

function refuseDamaged(database: Database): void {
  const damaged = firstDamagedRow(database)
  if (damaged === undefined) return
  throw new TablesBootError(
    'damaged',
    `A row of the tables is not what was written to it (${damaged}), and this version has to change the tables. "npm run tables -- verify" lists all such rows; put them right first.`,
  )
}

/** Throws `TablesBootError` where what was applied is not the beginning of the list. */
export function checkPast(applied: readonly Applied[], migrations: readonly Migration[]): void {
  for (const [index, { number, name, checksum }] of applied.entries()) {
    const migration = migrations[index]
    if (migration === undefined) {
      throw new TablesBootError(
        'schema-newer',
        `The tables have migration ${number} (${name}), and this version knows ${migrations.length}. Start the version that applied it, or a later one.`,
      )
    }
    if (number !== index + 1 || name !== migration.name || checksum !== checksumOf(migration)) {
      throw new TablesBootError(
        'migration-changed',
        `Migration ${index + 1} (${migration.name}) is not what was applied to these tables (${number}, ${name}). Restore its text; changes belong in a new migration.`,
      )
    }
  }
}

/** Of a step as it is written for SQLite, on either database. */
export function checksumOf({ sql }: Migration): string {
  return createHash('sha256').update(sql).digest('hex')
}
