/** The books of the payment sandbox. A real provider's are elsewhere: nothing of the shop refers to these, nor they to it. */
import type { Migration } from '../migrations.ts'

export const sandboxSchema: Migration = {
  name: 'sandbox',
  sql: `
    CREATE TABLE sandbox_charges (
      key            TEXT PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 255),
      transaction_id TEXT NOT NULL UNIQUE CHECK (transaction_id GLOB 'txn_*'),
      order_id       TEXT NOT NULL CHECK (length(order_id) BETWEEN 1 AND 128),
      amount_minor   INTEGER NOT NULL CHECK (amount_minor > 0),
      currency       TEXT NOT NULL CHECK (length(currency) = 3),
      method         TEXT NOT NULL CHECK (method IN ('card', 'upi')),
      scenario       TEXT NOT NULL CHECK (length(scenario) BETWEEN 1 AND 64),
      status         TEXT NOT NULL CHECK (status IN ('succeeded', 'failed', 'pending')),
      reason         TEXT CHECK (length(reason) BETWEEN 1 AND 64),
      settles_at_ms  INTEGER CHECK (settles_at_ms >= 0),
      refunded_minor INTEGER NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND amount_minor),
      created_at_ms  INTEGER NOT NULL CHECK (created_at_ms >= 0),
      CHECK ((status = 'failed') = (reason IS NOT NULL)),
      CHECK ((status = 'pending') = (settles_at_ms IS NOT NULL)),
      CHECK (refunded_minor = 0 OR status = 'succeeded')
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sandbox_charges_by_settlement ON sandbox_charges (settles_at_ms) WHERE settles_at_ms IS NOT NULL;

    CREATE TABLE sandbox_refunds (
      key            TEXT PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 255),
      refund_id      TEXT NOT NULL UNIQUE CHECK (refund_id GLOB 'rfd_*'),
      transaction_id TEXT NOT NULL REFERENCES sandbox_charges (transaction_id),
      amount_minor   INTEGER NOT NULL CHECK (amount_minor > 0),
      currency       TEXT NOT NULL CHECK (length(currency) = 3),
      scenario       TEXT NOT NULL CHECK (length(scenario) BETWEEN 1 AND 64),
      status         TEXT NOT NULL CHECK (status IN ('succeeded', 'failed', 'pending')),
      settles_at_ms  INTEGER CHECK (settles_at_ms >= 0),
      created_at_ms  INTEGER NOT NULL CHECK (created_at_ms >= 0),
      CHECK ((status = 'pending') = (settles_at_ms IS NOT NULL))
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sandbox_refunds_by_settlement ON sandbox_refunds (settles_at_ms) WHERE settles_at_ms IS NOT NULL;

    CREATE TABLE sandbox_webhooks (
      event_id  TEXT NOT NULL CHECK (event_id GLOB 'evt_*'),
      copy      INTEGER NOT NULL CHECK (copy BETWEEN 1 AND 20),
      body      TEXT NOT NULL CHECK (length(body) BETWEEN 2 AND 4096),
      is_known  INTEGER NOT NULL CHECK (is_known IN (0, 1)),
      due_at_ms INTEGER NOT NULL CHECK (due_at_ms >= 0),
      tries     INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
      PRIMARY KEY (event_id, copy)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sandbox_webhooks_by_due ON sandbox_webhooks (is_known, due_at_ms);

    CREATE TABLE sandbox_secret (
      number INTEGER PRIMARY KEY CHECK (number = 1),
      secret TEXT NOT NULL CHECK (length(secret) = 64)
    ) STRICT;
  `,
}
