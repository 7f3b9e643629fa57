/**
 * Reads the tables on a connection of the thread it lives in, which can change nothing. It sees what has committed, and
 * nothing commits before it is on disk; so what it answers is durable, and it waits for nobody's sync.
 */
import Database from 'better-sqlite3'
import { type AnswerOf, type ArgsOf, operations, type ReadName } from './operations.ts'
import type { Query } from './query.ts'
import { SqliteSession } from './sqlite-session.ts'
import { TablesError } from './tables-error.ts'

export class TablesReader {
  readonly #path: string
  #open:
    | { readonly database: Database.Database; readonly inOneView: <Answer>(query: Query<Answer>) => Answer }
    | undefined

  /** Opens the file with the first read: its writer must have opened and migrated it by then. */
  constructor(path: string) {
    this.#path = path
  }

  read<N extends ReadName>(name: N, args: ArgsOf<N>): AnswerOf<N> {
    // Which arguments and which answer belong to a name, the signature says; the union of all operations does not.
    const run = operations[name].run as (args: ArgsOf<N>) => Query<AnswerOf<N>>
    try {
      return this.#inOneView(run(args))
    } catch (error) {
      if (!(error instanceof Database.SqliteError) || !/^SQLITE_(CORRUPT|NOTADB)/.test(error.code))
        throw error
      throw new TablesError('damaged', `The tables' file cannot be read there: ${error.message}.`)
    }
  }

  close(): void {
    this.#open?.database.close()
    this.#open = undefined
  }

  /**
   * All statements of a read see the same moment. It is also cheaper: SQLite drops what a connection knows of the file
   * whenever somebody has written since its last transaction.
   */
  get #inOneView(): <Answer>(query: Query<Answer>) => Answer {
    if (this.#open === undefined) {
      const database = new Database(this.#path, { readonly: true, fileMustExist: true })
      const session = new SqliteSession(database)
      database.pragma('query_only = ON')
      const inOneView = database.transaction((query: Query<unknown>) => session.run(query))
      // What the query answers, the transaction answers.
      this.#open = { database, inOneView: inOneView as <Answer>(query: Query<Answer>) => Answer }
    }
    return this.#open.inOneView
  }
}
