/** The search's thread. It ends after `closed`, or by an error, and is then replaced; it keeps nothing on a disk. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { Engine } from '../actors/engine.ts'
import type { SearchConfig } from '../config/search-settings.ts'
import { armCrashPoint } from '../crash-points.ts'
import { assert } from '../domain/assert.ts'
import {
  searchNiceness,
  searchServerBulkMs,
  searchServerCallMs,
  searchServerFailuresMax,
  searchServerRestMsMax,
  searchServerRestMsMin,
} from '../limits/search.ts'
import { openLog } from '../log.ts'
import { realDisk } from '../persistence/journal/disk.ts'
import { TablesClient } from '../persistence/tables/tables-client.ts'
import { TablesReader } from '../persistence/tables/tables-reader.ts'
import { portOf, realClock, realRandom, realTimers, yieldToOthers } from '../seams.ts'
import { Breaker } from './breaker.ts'
import { EmbeddedIndex } from './embedded/embedded-index.ts'
import { IndexKeeper } from './index-keeper.ts'
import { Projector } from './projector.ts'
import type { FromSearch, FromSearchThread, SearchData, ToSearch, ToSearchThread } from './search-protocol.ts'
import { SearchServer, type Served } from './search-server.ts'
import { stockOnBoards } from './stock-source.ts'
import { TypesenseServer } from './typesense/server.ts'
import { TypesenseIndex } from './typesense/typesense-index.ts'

assert(parentPort !== null, 'this file is run as a worker thread')
const data = workerData as SearchData
const { shards, workers } = data
armCrashPoint(data.crashPoint)
yieldToOthers(searchNiceness)
const log = openLog({ level: data.logLevel })
process.on('exit', () => log.flush())
const main = portOf<ToSearchThread, FromSearchThread>(parentPort)
const seams = { clock: realClock, timers: realTimers, random: realRandom() }

const engine = new Engine({ ...seams, control: portOf(data.ends.engine), portOf, shards, workers })
const reader = data.tablesPath === undefined ? undefined : new TablesReader(data.tablesPath)
const notices = new TablesClient({
  timers: realTimers,
  onNotice: (notice) => {
    if (notice.type === 'outbox' || notice.type === 'missed') server.wake()
  },
})
const tables = reader ?? notices
const logAs = (level: 'info' | 'warn' | 'error', event: string, detail: object) =>
  log.logger[level]({ event, ...detail }, event)
const index = new EmbeddedIndex()
const stock = stockOnBoards(engine)
const served = data.search.index === 'typesense' ? servedBy(data.search) : undefined
const projector = new Projector({
  ...seams,
  tables,
  place: { disk: realDisk, journal: data.journalDirectory },
  stock,
  shards,
  index,
  log: logAs,
  onTold: (told, position) => {
    served?.keeper.start(position)
    served?.keeper.note(told, position)
  },
})
const server = new SearchServer({ ...seams, index, served, projector, tables, stock, log: logAs })
notices.connect(portOf(data.ends.tables))

main.receive((message) => {
  switch (message.type) {
    case 'connect':
      return connect(message.port)
    case 'lead':
      return served?.keeper.lead(message.leads)
    case 'status':
      return main.send({ type: 'status', id: message.id, status: server.status() })
    case 'close':
      return void close()
  }
})
server.start()

function servedBy({ urls, apiKey }: Extract<SearchConfig, { readonly index: 'typesense' }>): Served {
  const options = { urls, apiKey, callMs: searchServerCallMs, bulkMs: searchServerBulkMs }
  const typesense = new TypesenseIndex({ ...seams, server: new TypesenseServer(options, realTimers) })
  const breaker = new Breaker(
    {
      failuresMax: searchServerFailuresMax,
      firstMs: searchServerRestMsMin,
      longestMs: searchServerRestMsMax,
    },
    realClock,
    seams.random,
  )
  const keeper = new IndexKeeper({
    served: typesense,
    embedded: index,
    tables,
    breaker,
    timers: realTimers,
    log: logAs,
    leads: !data.isShared,
  })
  return { index: typesense, keeper, breaker }
}

function connect(end: MessagePort): void {
  const port = portOf<ToSearch, FromSearch>(end)
  server.connect(port)
  port.onClose(() => server.disconnect(port))
}

async function close(): Promise<void> {
  await server.close()
  engine.close()
  notices.close()
  reader?.close()
  main.send({ type: 'closed' })
  main.close()
}
