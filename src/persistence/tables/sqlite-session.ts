/**
 * Runs queries on one SQLite connection, at once. Each statement is prepared when it first comes. It guards the rows of
 * sealed tables: a statement that meets a damaged one fails with the `TablesError` `damaged`.
 */
import type { Database, Statement as Prepared } from 'better-sqlite3'
import { assert } from '../../domain/assert.ts'
import type { Query, SqlValue, Statement, StatementResult } from './query.ts'
import { checkedReads } from './seals/checked-reads.ts'
import { guardRows, type SealsSeen } from './seals/guard-rows.ts'

/** Texts are written in this program, one a place, so more of them means that one is put together from data. */
const statementsMax = 1_024

export class SqliteSession {
  readonly #database: Database
  readonly #prepared = new Map<string, Prepared<SqlValue[], unknown>>()
  readonly #sealsSeen: SealsSeen
  readonly #glances = new Map<string, Prepared<SqlValue[], unknown>>()

  /** The database must be migrated. */
  constructor(database: Database) {
    this.#database = database
    this.#sealsSeen = guardRows(database)
  }

  /** The query's result. An error of a statement is the query's to catch, and else the caller's. */
  run<Result>(query: Query<Result>): Result {
    this.#sealsSeen.clear()
    let step = query.next()
    while (step.done !== true) step = this.#advance(query, step.value)
    return step.value
  }

  #advance<Result>(query: Query<Result>, statement: Statement): IteratorResult<Statement, Result> {
    let result: StatementResult
    try {
      result = this.#execute(statement)
    } catch (error) {
      return query.throw(error)
    }
    return query.next(result)
  }

  #execute({ wants, sql, values }: Statement): StatementResult {
    if (wants === 'alone') return 0
    const known = wants === 'glance' ? this.#glances : this.#prepared
    let prepared = known.get(sql)
    if (prepared === undefined) {
      assert(known.size < statementsMax, 'no statement is put together from data')
      prepared = this.#database.prepare<SqlValue[]>(wants === 'glance' ? sql : checkedReads(sql))
      known.set(sql, prepared)
    }
    return wants === 'count' ? prepared.run(...values).changes : prepared.all(...values)
  }
}
