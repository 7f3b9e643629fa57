/** Leaves the mark of a restored backup in the tables, where every node that shares them finds it. */
import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { Restoration } from '../../persistence/tables/restoration/restoration-operations.ts'
import { restorationSchema } from '../../persistence/tables/schema/restoration.ts'
import { TablesClient } from '../../persistence/tables/tables-client.ts'
import { TablesBootError, TablesError } from '../../persistence/tables/tables-error.ts'
import type { TablesPlace } from '../../persistence/tables/tables-place.ts'
import { startTablesThread } from '../../persistence/tables/tables-thread.ts'
import { portOf, realTimers } from '../../seams.ts'
import { Unusable } from '../exit-codes.ts'

export type MarkedFrom = {
  /** Of the journal's newest event; undefined where it was not restored. */
  readonly journalAtMs: number | undefined
  /** Somebody's word that nothing later is certain. */
  readonly sinceMs: number | undefined
}

/** Brings the tables to this version's schema, makes them where there are none, and marks them. Throws `Unusable`. */
export async function markTables(
  place: TablesPlace,
  { journalAtMs, sinceMs = Number.POSITIVE_INFINITY }: MarkedFrom,
): Promise<Restoration> {
  try {
    const hadIdentity = await knowsItsShop(place)
    const thread = await startTablesThread(place)
    const tables = new TablesClient({ timers: realTimers, onNotice: () => {} })
    tables.connect(portOf(thread.connect()))
    try {
      const newest = await tables.read('shop.newest', {})
      const tablesAtMs = Math.min(newest.atMs, sinceMs)
      const { restoration } = await tables.write('restorations.mark', {
        cause: 'restored',
        tablesAtMs,
        journalAtMs: Math.min(journalAtMs ?? tablesAtMs, sinceMs),
        takesAny: !hadIdentity,
      })
      return restoration
    } finally {
      tables.close()
      await thread.close()
    }
  } catch (error) {
    if (error instanceof TablesBootError || error instanceof TablesError)
      throw new Unusable(error.message, { cause: error })
    throw error
  }
}

/** Whether they have had the id that payments carry; one that is drawn now nobody has ever paid under. */
async function knowsItsShop(place: TablesPlace): Promise<boolean> {
  const sql = (value: string) => `SELECT 1 FROM migrations WHERE name = ${value}`
  if (place.type === 'sqlite') {
    if (!existsSync(place.path)) return false
    const database = new Database(place.path)
    try {
      return database.prepare(sql('?')).get(restorationSchema.name) !== undefined
    } finally {
      database.close()
    }
  }
  const { openClient } = await import('../../persistence/tables/postgres/connect.ts')
  const client = await openClient(place.target)
  try {
    const { rows } = await client.query('SELECT to_regclass(\'migrations\') IS NOT NULL AS "isThere"')
    if (rows[0]?.isThere !== true) return false
    return (await client.query(sql('$1'), [restorationSchema.name])).rows.length === 1
  } finally {
    await client.end()
  }
}
