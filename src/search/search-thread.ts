/** The search's thread as main sees it: given its ways to engine and tables in each of its lives. */
import { type MessagePort, Worker } from 'node:worker_threads'
import { controlChannel } from '../actors/control-channel.ts'
import type { ToEngine } from '../actors/protocol.ts'
import type { KeptThreadSeams, Life } from '../kept-thread.ts'
import { searchCloseMs } from '../limits/search.ts'
import { LinkedThread } from '../linked-thread.ts'
import type { Port } from '../seams.ts'
import type { SearchData, SearchStatus } from './search-protocol.ts'

export type SearchThreadOptions = KeptThreadSeams & {
  readonly data: Omit<SearchData, 'ends'>
  readonly supervisor: {
    attach(engine: Port<never, ToEngine>): void
    detach(engine: Port<never, ToEngine>): void
  }
  readonly tables: { connect(): MessagePort }
}

export class SearchThread extends LinkedThread<SearchStatus, never, never> {
  constructor({ data, supervisor, tables, ...seams }: SearchThreadOptions) {
    super({
      ...seams,
      name: 'search',
      begin: () => begin({ data, supervisor, tables }),
      onMessage: () => {},
      closeMs: searchCloseMs,
    })
  }
}

function begin({
  data,
  supervisor,
  tables,
}: Pick<SearchThreadOptions, 'data' | 'supervisor' | 'tables'>): Life {
  const { engineEnd, supervisorEnd } = controlChannel()
  const ends = { engine: engineEnd, tables: tables.connect() }
  const workerData: SearchData = { ...data, ends }
  const thread = new Worker(new URL('./search-entry.ts', import.meta.url), {
    workerData,
    transferList: [ends.engine, ends.tables],
    name: 'search',
  })
  return {
    thread,
    onStart: () => supervisor.attach(supervisorEnd),
    onEnd: () => supervisor.detach(supervisorEnd),
  }
}
