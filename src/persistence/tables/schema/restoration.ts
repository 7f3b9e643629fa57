import type { Migration } from '../migrations.ts'

/** As text and a time in milliseconds, where the database draws them itself. */
type Drawn = { readonly id: string; readonly nowMs: string }

/**
 * Whose payments these are, what was restored, and what a payment provider knows that these tables do not.
 *
 * The shop's id is drawn with its tables and goes where they go, into every backup: payments carry it, so that shops on one
 * account with a provider can be told apart. Of restorations one at most is open.
 */
const sqlWith = ({ id, nowMs }: Drawn) => `
    CREATE TABLE shop (
      number      INTEGER PRIMARY KEY CHECK (number = 1),
      id          TEXT NOT NULL CHECK (id GLOB 'shp_*'),
      drawn_at_ms INTEGER NOT NULL CHECK (drawn_at_ms >= 0)
    ) STRICT;
    INSERT INTO shop (number, id, drawn_at_ms) VALUES (1, ${id}, ${nowMs});

    CREATE TABLE restorations (
      id            TEXT PRIMARY KEY CHECK (id GLOB 'rst_*'),
      cause         TEXT NOT NULL CHECK (cause IN ('restored', 'noticed')),
      /* Of the newest that the tables know, and the journal. */
      tables_at_ms  INTEGER NOT NULL CHECK (tables_at_ms >= 0),
      journal_at_ms INTEGER NOT NULL CHECK (journal_at_ms >= 0),
      /* Whether the shop's id was lost too, so that any shop's payments may be its own. */
      takes_any     INTEGER NOT NULL CHECK (takes_any IN (0, 1)),
      marked_at_ms  INTEGER NOT NULL CHECK (marked_at_ms >= 0),
      compared_at_ms INTEGER CHECK (compared_at_ms >= 0),
      lifted_at_ms  INTEGER CHECK (lifted_at_ms >= 0),
      lifted_by     TEXT CHECK (length(lifted_by) BETWEEN 1 AND 128),
      reason        TEXT CHECK (length(reason) BETWEEN 1 AND 500),
      CHECK ((lifted_at_ms IS NULL) = (lifted_by IS NULL))
    ) STRICT;
    CREATE UNIQUE INDEX one_open_restoration ON restorations ((lifted_at_ms IS NULL)) WHERE lifted_at_ms IS NULL;

    CREATE TABLE unknown_payments (
      transaction_id TEXT PRIMARY KEY CHECK (length(transaction_id) BETWEEN 1 AND 255),
      restoration_id TEXT NOT NULL REFERENCES restorations (id),
      key            TEXT NOT NULL,
      order_id       TEXT NOT NULL,
      amount_minor   INTEGER NOT NULL CHECK (amount_minor >= 0),
      currency       TEXT NOT NULL CHECK (length(currency) = 3),
      paid_at_ms     INTEGER NOT NULL CHECK (paid_at_ms >= 0),
      /* pending: the provider has yet to say. open: somebody has to decide. */
      state          TEXT NOT NULL CHECK (state IN ('pending', 'open', 'refunding', 'refunded', 'accepted', 'failed')),
      failure        TEXT CHECK (length(failure) <= 64),
      decided_by     TEXT CHECK (length(decided_by) BETWEEN 1 AND 128),
      note           TEXT CHECK (length(note) <= 500),
      updated_at_ms  INTEGER NOT NULL CHECK (updated_at_ms >= 0)
    ) STRICT;
    CREATE INDEX unknown_payments_of_restoration ON unknown_payments (restoration_id, paid_at_ms);
  `

export const restorationSchema: Migration = {
  name: 'restoration',
  sql: sqlWith({ id: "'shp_' || lower(hex(randomblob(10)))", nowMs: 'unixepoch() * 1000' }),
  postgresql: sqlWith({
    id: "'shp_' || left(replace(gen_random_uuid()::text, '-', ''), 20)",
    nowMs: 'floor(extract(epoch FROM now()))::bigint * 1000',
  }),
}
