/** Runs queries on one SQLite connection, at once. Each statement is prepared when it first comes. */
import type { Database, Statement as Prepared } from 'better-sqlite3'
import { assert } from '../../domain/assert.ts'
import type { Query, SqlValue, Statement, StatementResult } from './query.ts'

/** Texts are written in this program, one a place, so more of them means that one is put together from data. */
const statementsMax = 1_024

export class SqliteSession {
  readonly #database: Database
  readonly #prepared = new Map<string, Prepared<SqlValue[], unknown>>()

  constructor(database: Database) {
    this.#database = database
  }

  /** The query's result. An error of a statement is the query's to catch, and else the caller's. */
  run<Result>(query: Query<Result>): Result {
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
    let prepared = this.#prepared.get(sql)
    if (prepared === undefined) {
      assert(this.#prepared.size < statementsMax, 'no statement is put together from data')
      prepared = this.#database.prepare<SqlValue[]>(sql)
      this.#prepared.set(sql, prepared)
    }
    return wants === 'rows' ? prepared.all(...values) : prepared.run(...values).changes
  }
}
