/**
 * The tables' thread: opens the file, says `ready`, then serves every port that main sends. It ends after `closed`, or
 * by an error, which main receives as the worker's `error` event.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../domain/assert.ts'
import { portOf, realClock, realRandom, realTimers } from '../../seams.ts'
import { openDatabase } from './database.ts'
import { migrate } from './migrations.ts'
import { RevocationCount } from './revocation-count.ts'
import { schema } from './schema.ts'
import type { FromTables, ToTables } from './tables-protocol.ts'
import { TablesServer } from './tables-server.ts'

export type TablesThreadData = {
  readonly path: string
  /** Of the `RevocationCount`. */
  readonly revocations: SharedArrayBuffer
}
export type ToTablesThread =
  | { readonly type: 'connect'; readonly port: MessagePort }
  | { readonly type: 'close' }
export type FromTablesThread = { readonly type: 'ready' } | { readonly type: 'closed' }

assert(parentPort !== null, 'tables-entry.ts is the entry of a worker thread')
const { path, revocations }: TablesThreadData = workerData
const main = portOf<ToTablesThread, FromTablesThread>(parentPort)

const database = openDatabase(path)
migrate(database, schema, realClock.wallMs())
const seams = { clock: realClock, timers: realTimers, random: realRandom() }
const server = new TablesServer(database, seams, new RevocationCount(revocations))

main.receive((message) => {
  if (message.type === 'connect') {
    const port = portOf<ToTables, FromTables>(message.port)
    server.connect(port)
    port.onClose(() => server.disconnect(port))
    return
  }
  server.close()
  main.send({ type: 'closed' })
  main.close()
})
main.send({ type: 'ready' })
