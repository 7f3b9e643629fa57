/** The SQLite file of a data directory as one end of a move. Rows are read through their seals, and get new ones. */
import { existsSync, renameSync } from 'node:fs'
import type { Database } from 'better-sqlite3'
import { openDatabase } from '../../../persistence/tables/database.ts'
import { type Applied, migrate } from '../../../persistence/tables/migrations.ts'
import { markTableSql, readMark, type TablesMark } from '../../../persistence/tables/moved-mark.ts'
import { schema } from '../../../persistence/tables/schema.ts'
import { guardRows, type SealsSeen } from '../../../persistence/tables/seals/guard-rows.ts'
import { realClock } from '../../../seams.ts'
import { readShapes, type TableRow, type TableShape } from './table-shape.ts'
import { type Arrived, behindKey, keyIn, keyText, movingTableSql, type TableStore } from './table-store.ts'

/** What an event's place must lie above: whatever anybody was told of. */
const LAST_PLACE = `max(coalesce((SELECT max(id) FROM outbox), 0), coalesce((SELECT max(last_id) FROM outbox_cursors), 0),
  coalesce((SELECT max(after_id) FROM webhooks), 0))`

export class SqliteStore implements TableStore {
  readonly place: string
  readonly #database: Database
  readonly #seen: SealsSeen

  private constructor(database: Database, place: string) {
    this.place = place
    this.#database = database
    this.#seen = guardRows(database)
  }

  /** A source is left as it is; a target is made, and brought to this version's schema. Throws `TablesBootError`. */
  static open(path: string, as: 'source' | 'target'): SqliteStore {
    const database = openDatabase(path)
    try {
      if (as === 'target' && readMark(database) === undefined) migrate(database, schema, realClock.wallMs())
      database.exec(markTableSql)
      if (as === 'target') database.exec(movingTableSql)
      return new SqliteStore(database, path)
    } catch (error) {
      database.close()
      throw error
    }
  }

  /** Puts a file aside whose tables are elsewhere, so that they can come back. */
  static setAside(path: string): void {
    if (!existsSync(path)) return
    const database = openDatabase(path)
    const mark = readMark(database)
    // What is in its log is in the file then, and the log is gone.
    database.close()
    if (mark?.state === 'left') renameSync(path, `${path}.before-${mark.move}`)
  }

  get shapes(): readonly TableShape[] {
    return readShapes(this.#database)
  }

  async applied(): Promise<readonly Applied[]> {
    const isThere = this.#database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'migrations'").get()
    if (isThere === undefined) return []
    return this.#database
      .prepare<[], Applied>('SELECT number, name, checksum FROM migrations ORDER BY number')
      .all()
  }

  async mark(): Promise<TablesMark | undefined> {
    return readMark(this.#database)
  }

  async setMark(mark: TablesMark | undefined): Promise<void> {
    if (mark === undefined) return void this.#database.exec('DROP TABLE moved')
    this.#database
      .prepare('INSERT OR REPLACE INTO moved (number, state, move, why) VALUES (1, ?, ?, ?)')
      .run(mark.state, mark.move, mark.why)
  }

  async count({ name }: TableShape): Promise<number> {
    return this.#database.prepare<[], number>(`SELECT count(*) FROM ${name}`).pluck().get() as number
  }

  async after(shape: TableShape, key: TableRow | undefined, limit: number): Promise<readonly TableRow[]> {
    const { name, columns, isSealed } = shape
    this.#seen.clear()
    const where =
      key === undefined
        ? ''
        : `WHERE ${behindKey(
            shape,
            key.map(() => '?'),
          )}`
    const from = isSealed ? `checked_${name}` : name
    return this.#database
      .prepare<unknown[], TableRow>(
        `SELECT ${columns.join(', ')} FROM ${from} ${where} ORDER BY ${shape.key.join(', ')} LIMIT ?`,
      )
      .raw()
      .all(...(key ?? []), limit)
  }

  async arrived({ name }: TableShape): Promise<Arrived> {
    const found = this.#database
      .prepare<[string], { rows: number; lastKey: string }>(
        'SELECT rows, last_key AS lastKey FROM moving WHERE name = ?',
      )
      .get(name)
    return { rows: found?.rows ?? 0, lastKey: found === undefined ? undefined : keyIn(found.lastKey) }
  }

  async insert(
    { name, columns }: TableShape,
    rows: readonly TableRow[],
    { rows: count, lastKey }: Arrived,
  ): Promise<void> {
    this.#seen.clear()
    const insert = this.#database.prepare(
      `INSERT INTO ${name} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
    )
    const note = this.#database.prepare(
      'INSERT OR REPLACE INTO moving (name, rows, last_key) VALUES (?, ?, ?)',
    )
    this.#database
      .transaction(() => {
        for (const row of rows) insert.run(...row)
        note.run(name, count, keyText(lastKey))
      })
      .immediate()
  }

  async clear({ name }: TableShape): Promise<void> {
    this.#database.exec(`DELETE FROM ${name}`)
  }

  async finish(): Promise<void> {
    this.#database
      .transaction(() => {
        this.#database.exec(`
          DELETE FROM sqlite_sequence WHERE name = 'outbox';
          INSERT INTO sqlite_sequence (name, seq) SELECT 'outbox', ${LAST_PLACE};
          DROP TABLE moving;
          DROP TABLE moved;`)
      })
      .immediate()
  }

  async close(): Promise<void> {
    this.#database.close()
  }
}
