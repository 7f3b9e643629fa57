/** Opens an SQLite file that may hold acknowledged data, and refuses one that could lose it. */
import Database from 'better-sqlite3'
import { makePrivateFile } from '../directory.ts'
import { TablesBootError } from './tables-error.ts'

export type ReadPragma = (database: Database.Database, name: string) => unknown

/** How long the one writer waits for another process, such as a backup, to let go. */
const busyTimeoutMs = 5_000

const checkpointPages = 8_192
const cacheKib = 65_536

/** What is set, and what reading it back must then answer. */
const PRAGMAS: readonly { readonly name: string; readonly value: string; readonly readBack: unknown }[] = [
  { name: 'journal_mode', value: 'WAL', readBack: 'wal' },
  // NORMAL would sync at checkpoints only: a power cut then takes transactions that were acknowledged.
  { name: 'synchronous', value: 'FULL', readBack: 2 },
  { name: 'foreign_keys', value: 'ON', readBack: 1 },
  { name: 'busy_timeout', value: String(busyTimeoutMs), readBack: busyTimeoutMs },
  { name: 'trusted_schema', value: 'OFF', readBack: 0 },
  // Pages of the log that make a checkpoint: with SQLite's own 1,000 a busy shop syncs both files several times a second.
  { name: 'wal_autocheckpoint', value: String(checkpointPages), readBack: checkpointPages },
  // KiB, as a negative number: the writer reads what it changes.
  { name: 'cache_size', value: String(-cacheKib), readBack: -cacheKib },
]

/** Opens or makes the file (0600). Throws `TablesBootError` unless every setting reads back as it was set. */
export function openDatabase(path: string, readPragma: ReadPragma = readSimply): Database.Database {
  if (path !== ':memory:') makePrivateFile(path)
  const database = new Database(path, { timeout: busyTimeoutMs })
  try {
    for (const { name, value, readBack } of PRAGMAS) {
      database.pragma(`${name} = ${value}`)
      const found = readPragma(database, name)
      if (found === readBack) continue
      throw new TablesBootError(
        'unsafe-settings',
        `SQLite answers ${name} = ${String(found)} for ${path} after it was set to ${value}. Acknowledged data could be lost there: use a local file system that supports it.`,
      )
    }
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function readSimply(database: Database.Database, name: string): unknown {
  return database.pragma(name, { simple: true })
}
