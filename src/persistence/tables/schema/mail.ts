import type { Migration } from '../migrations.ts'

/** Messages to customers that are still to be sent, and those that never could be. What was sent is gone from here. */
export const mailSchema: Migration = {
  name: 'mail',
  sql: `
    CREATE TABLE mail (
      event_id   INTEGER PRIMARY KEY CHECK (event_id >= 1),
      type       TEXT NOT NULL CHECK (length(type) BETWEEN 3 AND 64),
      subject_id TEXT NOT NULL CHECK (length(subject_id) BETWEEN 1 AND 128),
      payload    TEXT NOT NULL CHECK (length(payload) BETWEEN 2 AND 65536),
      at_ms      INTEGER NOT NULL CHECK (at_ms >= 0),
      tries      INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
      due_at_ms  INTEGER CHECK (due_at_ms >= 0),
      trouble    TEXT CHECK (length(trouble) BETWEEN 1 AND 64),
      CHECK (due_at_ms IS NOT NULL OR trouble IS NOT NULL)
    ) STRICT;
    CREATE INDEX mail_by_due ON mail (due_at_ms) WHERE due_at_ms IS NOT NULL;
  `,
}
