import type { Migration } from '../migrations.ts'

/**
 * What happened, for whoever must hear of it: written with the change itself, so that neither is ever without the other.
 * Ids only go up, without a reader seeing one before those below it: on SQLite there is one writer, and on PostgreSQL they are
 * made of what says in which order transactions end (postgres/postgres-migrations.ts).
 */
export const outboxSchema: Migration = {
  name: 'outbox',
  sql: `
    CREATE TABLE outbox (
      id         INTEGER PRIMARY KEY AUTOINCREMENT,
      type       TEXT NOT NULL CHECK (length(type) BETWEEN 3 AND 64),
      subject_id TEXT NOT NULL CHECK (length(subject_id) BETWEEN 1 AND 128),
      payload    TEXT NOT NULL CHECK (length(payload) BETWEEN 2 AND 65536),
      at_ms      INTEGER NOT NULL CHECK (at_ms >= 0)
    ) STRICT;
  `,
}
