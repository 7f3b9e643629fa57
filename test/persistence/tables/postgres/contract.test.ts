import { tablesContract } from '../../../contract/tables.ts'
import { PostgresServerProcess } from '../../../support/postgres-server.ts'
import { PostgresNode } from '../../../support/postgres-tables.ts'

let server: Promise<PostgresServerProcess> | undefined

tablesContract(
  'PostgreSQL',
  async (clock) => {
    server ??= PostgresServerProcess.start()
    return await PostgresNode.start(await (await server).newTarget(), { clock })
  },
  { needs: ['postgres'], limitMs: 60_000, close: async () => (await server)?.stop() },
)
