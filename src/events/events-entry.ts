/** The events' thread. It ends after `closed`, or by an error, and is then replaced; it keeps nothing on a disk. */
import { parentPort, workerData } from 'node:worker_threads'
import { armCrashPoint } from '../crash-points.ts'
import { assert } from '../domain/assert.ts'
import type { ThreadLog } from '../kept-thread.ts'
import { eventsNiceness } from '../limits/events.ts'
import { openLog } from '../log.ts'
import { realDisk } from '../persistence/journal/disk.ts'
import { TablesClient } from '../persistence/tables/tables-client.ts'
import { TablesReader } from '../persistence/tables/tables-reader.ts'
import { portOf, realClock, realTimers, yieldToOthers } from '../seams.ts'
import { EventsBoard } from './events-board.ts'
import type { EventsData, FromEvents, ToEvents } from './events-protocol.ts'
import { openSink } from './open-sink.ts'
import { Relay } from './relay.ts'
import { ToldNote } from './told-note.ts'

assert(parentPort !== null, 'this file is run as a worker thread')
const data = workerData as EventsData
armCrashPoint(data.crashPoint)
yieldToOthers(eventsNiceness)
const log = openLog({ level: data.logLevel })
process.on('exit', () => log.flush())
const main = portOf<ToEvents, FromEvents>(parentPort)
const seams = { clock: realClock, timers: realTimers }
const reader = data.tablesPath === undefined ? undefined : new TablesReader(data.tablesPath)
const client = new TablesClient({
  timers: realTimers,
  onNotice: (notice) => {
    if (notice.type === 'outbox' || notice.type === 'missed') relay.wake()
  },
})
const board = new EventsBoard(data.board)
// Another node's outbox is in another file: what only this one has heard of, nobody can tell in the name of all.
const isOwnOutbox = data.isShared && reader !== undefined
const place = { disk: realDisk, journal: data.journalDirectory }
const logAs: ThreadLog = (level, event, detail) => log.logger[level]({ event, ...detail }, event)
const told = new ToldNote(place, { clock: realClock, log: logAs })
const relay = new Relay({
  ...seams,
  place,
  shards: data.shards,
  outbox: isOwnOutbox ? undefined : (reader ?? client),
  source: data.broker.source,
  sink: await openSink(data.broker, seams),
  log: logAs,
  leads: !data.isShared,
  onTrouble: (trouble) => board.note(trouble),
  onTold: (position) => told.note(position),
})
client.connect(portOf(data.ends.tables))

main.receive((message) => {
  switch (message.type) {
    case 'lead':
      return relay.lead(message.leads)
    case 'status':
      return main.send({ type: 'status', id: message.id, status: relay.status })
    case 'close':
      return void close()
  }
})
relay.start()

async function close(): Promise<void> {
  await relay.close()
  client.close()
  reader?.close()
  main.send({ type: 'closed' })
  main.close()
}
