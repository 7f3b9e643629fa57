import type { Migration } from '../migrations.ts'

/** Who is told of what happens, what they were told, and how far the outbox was read for them and for others. */
export const webhooksSchema: Migration = {
  name: 'webhooks',
  sql: `
    CREATE TABLE outbox_cursors (
      consumer TEXT PRIMARY KEY CHECK (length(consumer) BETWEEN 1 AND 64),
      last_id  INTEGER NOT NULL CHECK (last_id >= 0)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE webhooks (
      id                  TEXT PRIMARY KEY CHECK (id GLOB 'whk_*'),
      url                 TEXT NOT NULL CHECK (length(url) BETWEEN 10 AND 2048),
      event_types         TEXT NOT NULL CHECK (length(event_types) BETWEEN 2 AND 2048),
      description         TEXT NOT NULL CHECK (length(description) <= 256),
      secret              TEXT NOT NULL CHECK (secret GLOB 'whsec_*'),
      state               TEXT NOT NULL CHECK (state IN ('enabled', 'disabled')),
      disabled_because    TEXT CHECK (disabled_because IN ('gone', 'failing', 'behind')),
      after_id            INTEGER NOT NULL CHECK (after_id >= 0),
      paused_until_ms     INTEGER NOT NULL DEFAULT 0 CHECK (paused_until_ms >= 0),
      last_received_at_ms INTEGER CHECK (last_received_at_ms >= 0),
      created_at_ms       INTEGER NOT NULL CHECK (created_at_ms >= 0),
      created_by          TEXT NOT NULL CHECK (length(created_by) BETWEEN 1 AND 128),
      CHECK ((state = 'disabled') = (disabled_because IS NOT NULL))
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE webhook_deliveries (
      id            TEXT PRIMARY KEY CHECK (id GLOB 'whd_*'),
      webhook_id    TEXT NOT NULL REFERENCES webhooks (id),
      event_id      TEXT NOT NULL CHECK (event_id GLOB 'evt_*'),
      type          TEXT NOT NULL CHECK (length(type) BETWEEN 3 AND 64),
      body          TEXT NOT NULL CHECK (length(body) BETWEEN 2 AND 20000),
      state         TEXT NOT NULL CHECK (state IN ('pending', 'received', 'failed')),
      tries         INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
      due_at_ms     INTEGER CHECK (due_at_ms >= 0),
      tried_at_ms   INTEGER CHECK (tried_at_ms >= 0),
      answer_status INTEGER CHECK (answer_status BETWEEN 100 AND 999),
      trouble       TEXT CHECK (length(trouble) BETWEEN 1 AND 64),
      created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
      UNIQUE (webhook_id, event_id),
      CHECK ((state = 'pending') = (due_at_ms IS NOT NULL))
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX webhook_deliveries_by_due ON webhook_deliveries (webhook_id, due_at_ms) WHERE due_at_ms IS NOT NULL;
    CREATE INDEX webhook_deliveries_by_id ON webhook_deliveries (webhook_id, id);
  `,
}
