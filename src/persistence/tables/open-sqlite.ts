/** Opens the tables in an SQLite file, brought to this version's schema. */
import { openDatabase } from './database.ts'
import { migrate } from './migrations.ts'
import type { RevocationCount } from './revocation-count.ts'
import { schema } from './schema.ts'
import { type TablesSeams, TablesServer } from './tables-server.ts'

/** Throws `TablesBootError` where it cannot be. */
export function openSqliteTables(
  path: string,
  seams: TablesSeams,
  revocations: RevocationCount,
): TablesServer {
  const database = openDatabase(path)
  migrate(database, schema, seams.clock.wallMs())
  return new TablesServer(database, seams, revocations)
}
