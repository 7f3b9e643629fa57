/** The history's thread as main sees it: started beside everything else. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import type { KeptThreadSeams } from '../kept-thread.ts'
import { historyTimeoutMs } from '../limits.ts'
import { LinkedThread } from '../linked-thread.ts'
import type { StreamId } from '../persistence/journal/frame.ts'
import type { HistoryData } from './history-entry.ts'
import type { HistoryStatus, Keeping, OfHistoryThread, ToHistoryThreadAlone } from './history-protocol.ts'

export type HistoryThreadOptions = KeptThreadSeams & { readonly data: HistoryData }

export class HistoryThread extends LinkedThread<HistoryStatus, OfHistoryThread, ToHistoryThreadAlone> {
  /** Absent until it is known, and on one machine. */
  #keeping: Keeping | undefined
  #toRelay: ((port: MessagePort) => void) | undefined

  constructor({ data: workerData, ...seams }: HistoryThreadOptions) {
    super({
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

  /** Which nodes keep a history, from now on. */
  keep(keeping: Keeping): void {
    this.#keeping = keeping
    this.send({ type: 'keep', ...keeping })
  }

  /** Questions to other nodes, and theirs, go by the port that `toRelay` is given; by another one with each life of it. */
  linkRelay(toRelay: (port: MessagePort) => void): void {
    this.#toRelay = toRelay
    if (!this.isUp) return
    const { port1, port2 } = new MessageChannel()
    this.send({ type: 'nodes', port: port1 }, [port1])
    toRelay(port2)
  }

  /** A worker's stream is durable up to here. */
  noteDurable(stream: StreamId, ordinal: number): void {
    this.send({ type: 'durable', stream, ordinal })
  }

  protected override onLife(): void {
    if (this.#keeping !== undefined) this.keep(this.#keeping)
    if (this.#toRelay !== undefined) this.linkRelay(this.#toRelay)
  }
}
