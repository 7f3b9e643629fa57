/**
 * Brings a PostgreSQL database to the schema of this version, by the same steps as SQLite. Nodes that start at the same time
 * wait for each other.
 */
import type { Client, ClientBase } from 'pg'
import { type Applied, checkPast, checksumOf, type Migration } from '../migrations.ts'
import { readPostgresMark, refuseMoved } from '../moved-mark.ts'
import { migrationIn } from './dialect.ts'

/** Of the advisory lock of whoever migrates. */
const MIGRATING = 7_261_746_501

/**
 * Places in the outbox, in the order in which they can be read.
 *
 * An event's id is its transaction's id and the event's number within it: all events of transactions before the first that is
 * still under way are there to see, and none can come between them any more. That place is the horizon; readers stop there.
 * Where a database was restored into another server, whose transactions count from the beginning, the base lifts all that
 * follows above all that was.
 */
const OUTBOX_PLACES = `
  CREATE TABLE IF NOT EXISTS outbox_base (
    number INTEGER PRIMARY KEY CHECK (number = 1),
    base   BIGINT NOT NULL CHECK (base >= 0)
  );
  INSERT INTO outbox_base (number, base) VALUES (1, 0) ON CONFLICT (number) DO NOTHING;
  CREATE OR REPLACE FUNCTION outbox_place(transaction_id xid8) RETURNS bigint LANGUAGE sql STABLE AS
    'SELECT base + transaction_id::text::bigint * 1024 FROM outbox_base';
  CREATE OR REPLACE FUNCTION outbox_horizon() RETURNS bigint LANGUAGE sql STABLE AS
    'SELECT outbox_place(pg_snapshot_xmin(pg_current_snapshot()))';
  CREATE OR REPLACE FUNCTION outbox_next_id() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
    DECLARE
      first bigint := outbox_place(pg_current_xact_id());
      place bigint;
    BEGIN
      SELECT coalesce(max(id) + 1, first) INTO place FROM outbox WHERE id >= first AND id < first + 1024;
      IF place >= first + 1024 THEN
        RAISE EXCEPTION 'a transaction has no more than 1024 events';
      END IF;
      RETURN place;
    END $$;`

/** What was restored from elsewhere lies behind the horizon at once. */
const LIFT = `
  UPDATE outbox_base SET base = base + last + 1024 - outbox_place(pg_current_xact_id())
    FROM (SELECT greatest(coalesce((SELECT max(id) FROM outbox), 0), coalesce((SELECT max(last_id) FROM outbox_cursors), 0),
                          coalesce((SELECT max(after_id) FROM webhooks), 0)) AS last) AS places
   WHERE last >= outbox_place(pg_current_xact_id())`

/** Brings the places of later events above all that is there: for tables that came from elsewhere. */
export async function liftOutbox(client: ClientBase): Promise<void> {
  await client.query(LIFT)
}

/** Applies what is missing; answers how many steps that were. Throws `TablesBootError` where past and list disagree. */
export async function migratePostgres(
  client: Client,
  migrations: readonly Migration[],
  nowMs: number,
): Promise<number> {
  await client.query(
    'SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0',
  )
  await client.query('SELECT pg_advisory_lock($1)', [MIGRATING])
  try {
    refuseMoved(await readPostgresMark(client))
    await client.query(
      migrationIn(`
        CREATE TABLE IF NOT EXISTS migrations (
          number        INTEGER PRIMARY KEY,
          name          TEXT NOT NULL,
          checksum      TEXT NOT NULL,
          applied_at_ms INTEGER NOT NULL
        ) STRICT;`),
    )
    const { rows } = await client.query<Applied>(
      'SELECT number, name, checksum FROM migrations ORDER BY number',
    )
    checkPast(rows, migrations)
    await client.query(OUTBOX_PLACES)
    const missing = migrations.slice(rows.length)
    for (const [index, migration] of missing.entries())
      await apply(client, { migration, number: rows.length + index + 1, nowMs })
    await liftOutbox(client)
    return missing.length
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [MIGRATING])
  }
}

async function apply(
  client: Client,
  {
    migration,
    number,
    nowMs,
  }: { readonly migration: Migration; readonly number: number; readonly nowMs: number },
): Promise<void> {
  await client.query('BEGIN')
  try {
    await client.query(migrationIn(migration.postgresql ?? migration.sql))
    await client.query(
      'INSERT INTO migrations (number, name, checksum, applied_at_ms) VALUES ($1, $2, $3, $4)',
      [number, migration.name, checksumOf(migration), nowMs],
    )
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}
