import type { DatabaseTarget } from '../../../../src/config/database-target.ts'
import { tablesContract } from '../../../contract/tables.ts'
import { PostgresNode } from '../../../support/postgres-tables.ts'
import { sharedServer } from '../../../support/two-nodes.ts'

const server = sharedServer()
let target: DatabaseTarget | undefined
/** All rows but those that no shop is without; a new database for each test takes ten times as long. */
const EMPTY = `
  SET session_replication_role = replica;
  DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables
      WHERE schemaname = 'public' AND tablename NOT IN ('migrations', 'outbox_base', 'counters', 'shop')
    LOOP EXECUTE 'DELETE FROM ' || name; END LOOP;
  END $$;
  UPDATE counters SET value = 0`

tablesContract(
  'PostgreSQL',
  async (clock) => {
    const postgres = await server.start()
    if (target === undefined) target = await postgres.newTarget()
    else await postgres.ask(target.database, EMPTY)
    return await PostgresNode.start(target, { clock })
  },
  { needs: ['postgres'], limitMs: 60_000, close: () => server.stop() },
)
