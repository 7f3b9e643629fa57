/**
 * The tables' thread: opens them, says `ready`, then serves every port that main sends. It ends after `closed`, or by an
 * error, which main receives as the worker's `error` event.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../domain/assert.ts'
import { type Port, portOf, realClock, realRandom, realTimers } from '../../seams.ts'
import { drawId } from './draw-id.ts'
import { PoolBoard } from './postgres/pool-board.ts'
import { RevocationCount } from './revocation-count.ts'
import type { TablesLog, TablesPlace } from './tables-place.ts'
import type { FromTables, ToTables } from './tables-protocol.ts'

export type TablesThreadData = {
  readonly place: TablesPlace
  /** Of the `RevocationCount`. */
  readonly revocations: SharedArrayBuffer
  /** Of the `PoolBoard`. */
  readonly pool: SharedArrayBuffer
}
export type ToTablesThread =
  | { readonly type: 'connect'; readonly port: MessagePort }
  | { readonly type: 'close' }
export type FromTablesThread =
  | { readonly type: 'ready' }
  | { readonly type: 'closed' }
  /** For main's log. */
  | { readonly type: 'log'; readonly line: Parameters<TablesLog> }

type Served = {
  connect(port: Port<ToTables, FromTables>): void
  disconnect(port: Port<ToTables, FromTables>): void
  close(): void | Promise<void>
}

assert(parentPort !== null, 'tables-entry.ts is the entry of a worker thread')
const data: TablesThreadData = workerData
const main = portOf<ToTablesThread, FromTablesThread>(parentPort)
const seams = { clock: realClock, timers: realTimers, random: realRandom() }
const opening = open()
// Before the tables are open: somebody who listens keeps the thread alive while it waits for a server.
main.receive((message) => void opening.then((server) => hear(server, message)))
await opening
main.send({ type: 'ready' })

async function hear(server: Served, message: ToTablesThread): Promise<void> {
  if (message.type === 'connect') {
    const port = portOf<ToTables, FromTables>(message.port)
    server.connect(port)
    port.onClose(() => server.disconnect(port))
    return
  }
  await server.close()
  main.send({ type: 'closed' })
  main.close()
}

/** The driver of the other database is not even loaded. */
async function open(): Promise<Served> {
  const { place } = data
  const revocations = new RevocationCount(data.revocations)
  if (place.type === 'sqlite') {
    const { openSqliteTables } = await import('./open-sqlite.ts')
    return openSqliteTables(place.path, seams, revocations)
  }
  const { openPostgresTables } = await import('./postgres/open-postgres.ts')
  return await openPostgresTables({
    ...seams,
    ...place,
    revocations,
    board: new PoolBoard(data.pool),
    sender: drawId('node', { nowMs: realClock.wallMs(), random: seams.random }),
    log: (...line) => main.send({ type: 'log', line }),
  })
}
