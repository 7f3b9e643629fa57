/** Opens the tables on PostgreSQL: reached, found to be safe, brought to this version's schema, and listening. */
import { type Client, DatabaseError } from 'pg'
import { schema } from '../schema.ts'
import { TablesBootError } from '../tables-error.ts'
import type { TablesLog } from '../tables-place.ts'
import { openClient } from './connect.ts'
import { failureOf } from './failures.ts'
import { migratePostgres } from './postgres-migrations.ts'
import { PostgresTables, type PostgresTablesParts } from './postgres-tables.ts'

/** How long a start waits for a server that starts at the same time, or is restarted. */
const reachWithinMs = 20_000
const tryEveryMs = 250
/** Nobody is let in, or there is no such database: waiting changes nothing. */
const FINAL = /^(?:28...|3D000)$/

/** Throws `TablesBootError` where it cannot be, with the reason. */
export async function openPostgresTables(
  parts: PostgresTablesParts,
  patienceMs: number = reachWithinMs,
): Promise<PostgresTables> {
  const client = await reach(parts, patienceMs)
  try {
    await migratePostgres(client, schema, parts.clock.wallMs())
    await noteChecksums(client, parts.log)
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    const { message } = error
    throw new TablesBootError(
      'refused',
      `PostgreSQL at DATABASE_URL lets nobody prepare its tables: ${message}.`,
    )
  } finally {
    await client.end()
  }
  const tables = new PostgresTables(parts)
  await tables.start()
  return tables
}

async function reach({ target, clock, timers }: PostgresTablesParts, patienceMs: number): Promise<Client> {
  const untilMs = clock.monotonicMs() + patienceMs
  for (;;) {
    try {
      return await openClient(target)
    } catch (error) {
      const failure = failureOf(error)
      if (failure.type !== 'lost') throw error
      const isFinal = error instanceof Error && 'code' in error && FINAL.test(String(error.code))
      if (isFinal || clock.monotonicMs() >= untilMs) {
        throw new TablesBootError(
          'unreachable',
          `PostgreSQL at DATABASE_URL (${target.host}:${target.port}) cannot be used: ${failure.message}. Check that it runs, and user, password, database and sslmode.`,
        )
      }
    }
    await new Promise<void>((resolve) => void timers.after(tryEveryMs, resolve))
  }
}

/** Without them a bit that a disk changes is read as if it had been written. */
async function noteChecksums(client: Client, log: TablesLog): Promise<void> {
  const { rows } = await client.query<{ readonly data_checksums: string }>('SHOW data_checksums')
  if (rows[0]?.data_checksums === 'on') return
  const advice = 'PostgreSQL does not check its pages: stop it and run pg_checksums --enable'
  log('warn', 'tables.noChecksums', { advice })
}
