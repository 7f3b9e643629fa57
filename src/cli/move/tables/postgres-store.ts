/** The PostgreSQL of `DATABASE_URL` as one end of a move, over one connection that it keeps. */
import { type Client, DatabaseError } from 'pg'
import type { DatabaseTarget } from '../../../config/database-target.ts'
import type { Applied } from '../../../persistence/tables/migrations.ts'
import { markTableSql, readPostgresMark, type TablesMark } from '../../../persistence/tables/moved-mark.ts'
import { openClient } from '../../../persistence/tables/postgres/connect.ts'
import { migrationIn } from '../../../persistence/tables/postgres/dialect.ts'
import { liftOutbox, migratePostgres } from '../../../persistence/tables/postgres/postgres-migrations.ts'
import { schema } from '../../../persistence/tables/schema.ts'
import type { RowValue } from '../../../persistence/tables/seals/row-seal.ts'
import { realClock } from '../../../seams.ts'
import { Unusable } from '../../exit-codes.ts'
import { countOf } from '../../terminal.ts'
import type { TableRow, TableShape } from './table-shape.ts'
import { type Arrived, behindKey, keyIn, keyText, movingTableSql, type TableStore } from './table-store.ts'

/** A whole table is counted at a time. */
const PATIENT = {
  statement_timeout: 0,
  query_timeout: 0,
  lock_timeout: 10_000,
  idle_in_transaction_session_timeout: 0,
}

export class PostgresStore implements TableStore {
  readonly place: string
  readonly #client: Client

  private constructor(client: Client, { host, port, database }: DatabaseTarget) {
    this.place = `PostgreSQL at ${host}:${port}, database ${database}`
    this.#client = client
  }

  /**
   * A source is left as it is; a target is brought to this version's schema. Rejects with `Unusable` where it cannot be
   * reached, or somebody else is connected, and with `TablesBootError`.
   */
  static async open(target: DatabaseTarget, as: 'source' | 'target'): Promise<PostgresStore> {
    let client: Client
    try {
      client = await openClient(target, PATIENT)
    } catch (error) {
      if (error instanceof Error && 'code' in error)
        throw new Unusable(`PostgreSQL at DATABASE_URL cannot be used: ${error.message}.`, { cause: error })
      throw error
    }
    try {
      await expectAlone(client)
      if (as === 'target' && (await readPostgresMark(client)) === undefined)
        await migratePostgres(client, schema, realClock.wallMs())
      await client.query(migrationIn(markTableSql))
      if (as === 'target') await client.query(migrationIn(movingTableSql))
      return new PostgresStore(client, target)
    } catch (error) {
      await client.end()
      if (error instanceof DatabaseError)
        throw new Unusable(`PostgreSQL at DATABASE_URL refuses: ${error.message}.`, { cause: error })
      throw error
    }
  }

  async applied(): Promise<readonly Applied[]> {
    const { rows: found } = await this.#client.query(
      'SELECT to_regclass(\'migrations\') IS NOT NULL AS "isThere"',
    )
    if (found[0]?.isThere !== true) return []
    const { rows } = await this.#client.query<Applied>(
      'SELECT number, name, checksum FROM migrations ORDER BY number',
    )
    return rows
  }

  mark(): Promise<TablesMark | undefined> {
    return readPostgresMark(this.#client)
  }

  async setMark(mark: TablesMark | undefined): Promise<void> {
    if (mark === undefined) return void (await this.#client.query('DROP TABLE moved'))
    await this.#client.query(
      `INSERT INTO moved (number, state, move, why) VALUES (1, $1, $2, $3)
       ON CONFLICT (number) DO UPDATE SET state = excluded.state, move = excluded.move, why = excluded.why`,
      [mark.state, mark.move, mark.why],
    )
  }

  async count({ name }: TableShape): Promise<number> {
    const { rows } = await this.#client.query(`SELECT count(*) AS count FROM ${name}`)
    return Number(rows[0].count)
  }

  async after(shape: TableShape, key: TableRow | undefined, limit: number): Promise<readonly TableRow[]> {
    const { name, columns } = shape
    const where =
      key === undefined
        ? ''
        : `WHERE ${behindKey(
            shape,
            key.map((_, i) => `$${i + 2}`),
          )}`
    const { rows } = await this.#client.query<RowValue[]>({
      text: `SELECT ${columns.join(', ')} FROM ${name} ${where} ORDER BY ${shape.key.join(', ')} LIMIT $1`,
      values: [limit, ...(key ?? [])],
      rowMode: 'array',
    })
    return rows
  }

  async arrived({ name }: TableShape): Promise<Arrived> {
    const { rows } = await this.#client.query('SELECT rows, last_key FROM moving WHERE name = $1', [name])
    const [found] = rows
    if (found === undefined) return { rows: 0, lastKey: undefined }
    return { rows: Number(found.rows), lastKey: keyIn(String(found.last_key)) }
  }

  async insert(
    { name, columns }: TableShape,
    rows: readonly TableRow[],
    { rows: count, lastKey }: Arrived,
  ): Promise<void> {
    const marks = rows.map((row, r) => `(${row.map((_, c) => `$${r * columns.length + c + 1}`).join(', ')})`)
    await this.#client.query('BEGIN')
    try {
      await this.#client.query(
        `INSERT INTO ${name} (${columns.join(', ')}) VALUES ${marks.join(', ')}`,
        rows.flat(),
      )
      await this.#client.query(
        `INSERT INTO moving (name, rows, last_key) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET rows = excluded.rows, last_key = excluded.last_key`,
        [name, count, keyText(lastKey)],
      )
      await this.#client.query('COMMIT')
    } catch (error) {
      await this.#client.query('ROLLBACK')
      throw error
    }
  }

  async clear({ name }: TableShape): Promise<void> {
    await this.#client.query(`DELETE FROM ${name}`)
  }

  async finish(): Promise<void> {
    await this.#client.query('BEGIN')
    await liftOutbox(this.#client)
    await this.#client.query('DROP TABLE moving')
    await this.#client.query('DROP TABLE moved')
    await this.#client.query('COMMIT')
    // Or the first plans would be those of empty tables.
    await this.#client.query('ANALYZE')
  }

  async close(): Promise<void> {
    await this.#client.end()
  }
}

/** Throws `Unusable` where a node is connected too. */
async function expectAlone(client: Client): Promise<void> {
  const { rows } = await client.query(
    `SELECT count(*) AS count FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'holdfast' AND pid <> pg_backend_pid()`,
  )
  const count = Number(rows[0].count)
  if (count > 0)
    throw new Unusable(
      `Nodes have ${countOf(count, 'connection')} to the PostgreSQL of DATABASE_URL: stop them all.`,
    )
}
