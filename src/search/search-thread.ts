/** The search's thread as main sees it: given its ways to engine and tables in each of its lives. */
import { type MessagePort, Worker } from 'node:worker_threads'
import type { ToEngine } from '../actors/protocol.ts'
import { controlChannel } from '../actors/supervisor.ts'
import type { KeptThreadSeams, Life } from '../kept-thread.ts'
import { searchCloseMs } from '../limits/search.ts'
import { LinkedThread, type ToLinkedClient } from '../linked-thread.ts'
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

export class SearchThread {
  readonly #thread: LinkedThread<SearchStatus, never, never>

  constructor({ data, supervisor, tables, ...seams }: SearchThreadOptions) {
    this.#thread = new LinkedThread({
      ...seams,
      name: 'search',
      begin: () => begin({ data, supervisor, tables }),
      onMessage: () => {},
      closeMs: searchCloseMs,
    })
  }

  start(): void {
    this.#thread.start()
  }

  /** How often it had to be replaced. */
  get restarts(): number {
    return this.#thread.restarts
  }

  /** Connects a listener, now and with every life of the thread to come. */
  attach(client: Port<never, ToLinkedClient>): void {
    this.#thread.attach(client)
  }

  /** Forgets a listener that is gone. */
  detach(client: Port<never, ToLinkedClient>): void {
    this.#thread.detach(client)
  }

  /** What it says of itself; undefined where it does not in time. */
  status(withinMs: number): Promise<SearchStatus | undefined> {
    return this.#thread.status(withinMs)
  }

  close(): Promise<void> {
    return this.#thread.close()
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
