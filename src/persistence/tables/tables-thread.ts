/** The tables' thread as main sees it. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { PoolBoard } from './postgres/pool-board.ts'
import { RevocationCount } from './revocation-count.ts'
import type { FromTablesThread, TablesThreadData, ToTablesThread } from './tables-entry.ts'
import { TablesBootError, type TablesBootErrorCode } from './tables-error.ts'
import type { TablesLog, TablesPlace } from './tables-place.ts'

export type TablesThread = {
  /** A new way to the tables, for one listener: transfer it there and give it, as `portOf`, to its `TablesClient`. */
  connect(): MessagePort
  /** Answers all that waits and closes them; resolves when the thread has ended. Listeners must have ended before. */
  close(): Promise<void>
  /** Resolves when the thread has ended: without a reason after `close`, else with it. Never rejects. */
  readonly ended: Promise<Error | undefined>
  /** Memory of the `RevocationCount` that its clients look at. */
  readonly revocations: SharedArrayBuffer
  /** Of its connections; all of it is 0 where there are none, as with SQLite. */
  readonly pool: PoolBoard
}

/** Starts the thread; resolves when the tables are open and migrated, rejects with the reason why they are not. */
export async function startTablesThread(
  place: TablesPlace,
  log: TablesLog = () => {},
): Promise<TablesThread> {
  const { memory: revocations } = new RevocationCount()
  const pool = new PoolBoard()
  const workerData: TablesThreadData = { place, revocations, pool: pool.memory }
  const worker = new Worker(new URL('./tables-entry.ts', import.meta.url), { workerData, name: 'tables' })
  const send = (message: ToTablesThread, transferred: readonly MessagePort[] = []) =>
    worker.postMessage(message, transferred)

  const ready = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<Error | undefined>()
  let closed = false
  worker.on('message', (message: FromTablesThread) => {
    if (message.type === 'ready') ready.resolve()
    else if (message.type === 'log') log(...message.line)
    else closed = true
  })
  worker.on('error', (error: Error) => ended.resolve(error))
  worker.on('exit', (code) => {
    ended.resolve(closed ? undefined : new Error(`The tables' thread ended by itself, with status ${code}.`))
  })

  const failed = await Promise.race([ready.promise, ended.promise])
  if (failed !== undefined) throw asItWas(failed)
  return {
    connect() {
      const { port1, port2 } = new MessageChannel()
      send({ type: 'connect', port: port1 }, [port1])
      return port2
    },
    async close() {
      send({ type: 'close' })
      const reason = await ended.promise
      if (reason !== undefined) throw reason
    },
    ended: ended.promise,
    revocations,
    pool,
  }
}

/** An error that comes from another thread has lost its class on the way. */
function asItWas(error: Error): Error {
  if (error.name !== 'TablesBootError' || !('code' in error)) return error
  // What has this name was made by its class, there.
  return new TablesBootError(error.code as TablesBootErrorCode, error.message)
}
