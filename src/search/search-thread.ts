/** The search's thread as main sees it: given its ways to engine and tables in each of its lives. */
import { type MessagePort, Worker } from 'node:worker_threads'
import { controlChannel } from '../actors/control-channel.ts'
import type { ToEngine } from '../actors/protocol.ts'
import type { KeptThreadSeams, Life } from '../kept-thread.ts'
import { searchCloseMs } from '../limits/search.ts'
import { LinkedThread } from '../linked-thread.ts'
import type { Port } from '../seams.ts'
import type { SearchData, SearchStatus, ToSearchAlone } from './search-protocol.ts'

export type SearchThreadOptions = KeptThreadSeams & {
  readonly data: Omit<SearchData, 'ends'>
  readonly supervisor: {
    attach(engine: Port<never, ToEngine>): void
    detach(engine: Port<never, ToEngine>): void
  }
  readonly tables: { connect(): MessagePort }
}

export class SearchThread extends LinkedThread<SearchStatus, never, ToSearchAlone> {
  #leads: boolean

  constructor({ data, supervisor, tables, ...seams }: SearchThreadOptions) {
    super({
      ...seams,
      name: 'search',
      begin: () => {
        const life = begin({ data, supervisor, tables })
        return {
          ...life,
          onStart: () => {
            life.onStart()
            this.lead(this.#leads)
          },
        }
      },
      onMessage: () => {},
      closeMs: searchCloseMs,
    })
    this.#leads = !data.isShared
  }

  /** Whether this node keeps the index on the search server, where there is one. */
  lead(leads: boolean): void {
    this.#leads = leads
    this.send({ type: 'lead', leads })
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
