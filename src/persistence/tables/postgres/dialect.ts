/**
 * What PostgreSQL calls otherwise than SQLite: the one place that knows. Statements and migrations are written once, for
 * SQLite, in words that both know but for these.
 *
 * Two comments ask for what SQLite has no need of: rows that another transaction is at are left to it (`skip locked`), and of
 * the outbox only those are read that no other can come before any more (`and settled`).
 */

const PARTS = /'(?:[^']|'')*'|"[^"]*"|\?/g

/** A statement as PostgreSQL takes it. */
export function statementIn(sql: string): string {
  let count = 0
  return sql
    .replaceAll('/* skip locked */', 'FOR UPDATE SKIP LOCKED')
    .replaceAll('/* and settled */', 'AND id < outbox_horizon()')
    .replace(PARTS, (part) => (part === '?' ? `$${++count}` : part))
}

/** A statement that waits for what `alone` asks for; `name` is an expression of the name's second part. */
export function lockIn(name: string): string {
  return statementIn(
    `SELECT pg_advisory_xact_lock(hashtextextended(? || ' ' || coalesce(${name}, ''), ${LOCKS_SEED}))`,
  )
}

/** So that nobody else's advisory locks in this database are taken for ours. */
const LOCKS_SEED = 72_617_465

/**
 * A migration as PostgreSQL takes it. Texts are compared by their bytes, as SQLite does, whatever the database's own order is:
 * ids are read in their order, and a listing goes on behind the last one seen.
 */
export function migrationIn(sql: string): string {
  return sql
    .replace(/\bINTEGER PRIMARY KEY AUTOINCREMENT\b/g, 'BIGINT PRIMARY KEY DEFAULT outbox_next_id()')
    .replace(/\bINTEGER\b/g, 'BIGINT')
    .replace(/\bREAL\b/g, 'DOUBLE PRECISION')
    .replace(/\bBLOB\b/g, 'BYTEA')
    .replace(/\bTEXT\b/g, 'TEXT COLLATE "C"')
    .replace(/\b(\w+) GLOB '([^'*]*)\*'/g, "starts_with($1, '$2')")
    .replace(/\) STRICT(?:, WITHOUT ROWID)?;/g, ');')
}
