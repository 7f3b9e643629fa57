/** The history's thread. It ends after `closed`, or by an error, and is then replaced. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { armCrashPoint } from '../crash-points.ts'
import { assert } from '../domain/assert.ts'
import { historyNiceness } from '../limits.ts'
import { realDisk } from '../persistence/journal/disk.ts'
import { portOf, realClock, realTimers, yieldToOthers } from '../seams.ts'
import type { FromHistory, FromHistoryThread, ToHistory, ToHistoryThread } from './history-protocol.ts'
import { HistoryServer } from './history-server.ts'
import { freeBytesAt } from './projection-file.ts'

export type HistoryData = {
  readonly journalDirectory: string
  readonly snapshotDirectory: string
  /** Of the projection's file. */
  readonly path: string
  readonly shards: number
  /** Whether there may be other nodes: which of them keep a history is said then. */
  readonly isShared: boolean
  readonly crashPoint: string | undefined
}

assert(parentPort !== null, 'this file is run as a worker thread')
const { journalDirectory, snapshotDirectory, path, shards, isShared, crashPoint } = workerData as HistoryData
armCrashPoint(crashPoint)
const main = portOf<ToHistoryThread, FromHistoryThread>(parentPort)
yieldToOthers(historyNiceness)

const server = new HistoryServer({
  place: { disk: realDisk, journal: journalDirectory },
  snapshots: snapshotDirectory,
  shards,
  path,
  clock: realClock,
  timers: realTimers,
  log: (level, event, detail) => main.send({ type: 'log', level, event, detail }),
  freeBytes: () => freeBytesAt(path),
  keeps: !isShared,
})

main.receive((message) => {
  switch (message.type) {
    case 'connect':
      return connect(message.port)
    case 'durable':
      return server.noteDurable(message.stream, message.ordinal)
    case 'status':
      return void tellStatus(message.id)
    case 'keep':
      return server.keep(message)
    case 'nodes':
      return server.linkNodes(portOf(message.port))
    case 'close':
      server.close()
      main.send({ type: 'closed' })
      return main.close()
  }
})
server.start()
main.send({ type: 'ready' })

async function tellStatus(id: number): Promise<void> {
  main.send({ type: 'status', id, status: await server.status() })
}

function connect(end: MessagePort): void {
  const port = portOf<ToHistory, FromHistory>(end)
  server.connect(port)
  port.onClose(() => server.disconnect(port))
}
