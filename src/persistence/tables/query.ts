/**
 * What an operation asks of the database: a generator of statements, each answered before the next is asked. It knows no
 * driver, so that the same operation runs at once on SQLite, where nothing may come between two of its statements, and with
 * a round trip for each statement on a server. Its text is what both understand (docs/decisions/tables.md).
 */

export type SqlValue = string | number | null | Uint8Array

export type Statement = {
  /** Whether its rows are wanted, or how many it changed. A glance wants rows as they are, whether they are whole or not. */
  readonly wants: 'rows' | 'count' | 'glance' | 'alone'
  /** With a `?` for each value; of `alone` an expression of its name's second part, behind the first value. */
  readonly sql: string
  readonly values: readonly SqlValue[]
}

export type StatementResult = readonly unknown[] | number
export type Query<Result> = Generator<Statement, Result, StatementResult>

/** All rows. What a row is, the statement says and its author declares; a test runs every statement. */
export function* rows<Row>(sql: string, ...values: readonly SqlValue[]): Query<readonly Row[]> {
  return (yield { wants: 'rows', sql, values }) as readonly Row[]
}

/** The first row, if there is one. */
export function* row<Row>(sql: string, ...values: readonly SqlValue[]): Query<Row | undefined> {
  const [first] = yield* rows<Row>(sql, ...values)
  return first
}

/**
 * All rows, damaged ones too: for what only says where to look, or only shows, so that one damaged row does not keep
 * everybody from all others. What is acted upon is read again.
 */
export function* glance<Row>(sql: string, ...values: readonly SqlValue[]): Query<readonly Row[]> {
  return (yield { wants: 'glance', sql, values }) as readonly Row[]
}

/** How many rows were inserted, updated or deleted. */
export function* change(sql: string, ...values: readonly SqlValue[]): Query<number> {
  return (yield { wants: 'count', sql, values }) as number
}

/**
 * Waits until no other operation is at what has this name, and keeps all others from it until the end of its transaction: for
 * what reads and then writes. To be asked before anything of it is read. On SQLite an operation is always alone.
 */
export function* alone(kind: string, id: SqlValue = ''): Query<void> {
  yield { wants: 'alone', sql: '?', values: [kind, id] }
}

/** The same, where the rest of the name has to be looked up: by a statement that answers with one column. */
export function* aloneBy(kind: string, sql: string, ...values: readonly SqlValue[]): Query<void> {
  yield { wants: 'alone', sql: `(${sql})`, values: [kind, ...values] }
}
