/** The history's thread as main sees it: started beside everything else. */
import { Worker } from 'node:worker_threads'
import type { KeptThreadSeams } from '../kept-thread.ts'
import { historyTimeoutMs } from '../limits.ts'
import { LinkedThread, type ToLinkedClient } from '../linked-thread.ts'
import type { StreamId } from '../persistence/journal/frame.ts'
import type { Port } from '../seams.ts'
import type { HistoryData } from './history-entry.ts'
import type { HistoryStatus, OfHistoryThread, ToHistoryThreadAlone } from './history-protocol.ts'

export type HistoryThreadOptions = KeptThreadSeams & { readonly data: HistoryData }

export class HistoryThread {
  readonly #thread: LinkedThread<HistoryStatus, OfHistoryThread, ToHistoryThreadAlone>

  constructor({ data: workerData, ...seams }: HistoryThreadOptions) {
    this.#thread = new LinkedThread({
      ...seams,
      name: 'history',
      begin: () => ({
        thread: new Worker(new URL('./history-entry.ts', import.meta.url), { workerData, name: 'history' }),
        onStart: () => {},
        onEnd: () => {},
      }),
      onMessage: (message) => {
        if (message.type === 'log') seams.log(message.level, message.event, message.detail)
        else seams.log('info', 'history.ready', {})
      },
      closeMs: historyTimeoutMs,
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

  /** A worker's stream is durable up to here. */
  noteDurable(stream: StreamId, ordinal: number): void {
    this.#thread.send({ type: 'durable', stream, ordinal })
  }

  /** What it says of itself; undefined where it does not in time. */
  status(withinMs: number): Promise<HistoryStatus | undefined> {
    return this.#thread.status(withinMs)
  }

  /** Ends it, in order if it can be had in time: what it leaves undone the next start makes up for. */
  close(): Promise<void> {
    return this.#thread.close()
  }
}
