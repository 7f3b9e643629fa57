/**
 * The tables' schema, as the steps that lead to it. A step that was released is never changed, not by a blank: its
 * checksum is in every database that took it. What must change becomes a further step.
 */
import type { Migration } from './migrations.ts'
import { accountsSchema } from './schema/accounts.ts'
import { catalogSchema } from './schema/catalog.ts'
import { mailSchema } from './schema/mail.ts'
import { ordersSchema } from './schema/orders.ts'
import { outboxSchema } from './schema/outbox.ts'
import { restorationSchema } from './schema/restoration.ts'
import { sandboxSchema } from './schema/sandbox.ts'
import { sealsSchema } from './schema/seals.ts'
import { webhooksSchema } from './schema/webhooks.ts'

export const schema: readonly Migration[] = [
  {
    name: 'api-keys',
    sql: `
      CREATE TABLE api_keys (
        id            TEXT PRIMARY KEY CHECK (id GLOB 'key_*'),
        name          TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
        role          TEXT NOT NULL CHECK (role IN ('service', 'staff', 'admin')),
        hash          TEXT NOT NULL UNIQUE CHECK (length(hash) = 64),
        created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
        created_by    TEXT NOT NULL CHECK (length(created_by) BETWEEN 1 AND 128),
        revoked_at_ms INTEGER CHECK (revoked_at_ms >= 0)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX api_keys_by_revocation ON api_keys (revoked_at_ms);
    `,
  },
  {
    name: 'idempotency-records',
    sql: `
      CREATE TABLE idempotency_records (
        hash        TEXT PRIMARY KEY CHECK (length(hash) = 64),
        fingerprint TEXT NOT NULL CHECK (length(fingerprint) = 64),
        at_ms       INTEGER NOT NULL CHECK (at_ms >= 0),
        sealed      BLOB NOT NULL CHECK (length(sealed) > 28)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX idempotency_records_by_age ON idempotency_records (at_ms);
    `,
  },
  outboxSchema,
  sandboxSchema,
  catalogSchema,
  webhooksSchema,
  accountsSchema,
  mailSchema,
  ordersSchema,
  sealsSchema,
  restorationSchema,
]
