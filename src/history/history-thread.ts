/** The history's thread as main sees it: started beside everything else. */
import { Worker } from 'node:worker_threads'
import type { KeptThreadSeams } from '../kept-thread.ts'
import { historyTimeoutMs } from '../limits.ts'
import { LinkedThread } from '../linked-thread.ts'
import type { StreamId } from '../persistence/journal/frame.ts'
import type { HistoryData } from './history-entry.ts'
import type { HistoryStatus, OfHistoryThread, ToHistoryThreadAlone } from './history-protocol.ts'

export type HistoryThreadOptions = KeptThreadSeams & { readonly data: HistoryData }

export class HistoryThread extends LinkedThread<HistoryStatus, OfHistoryThread, ToHistoryThreadAlone> {
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

  /** A worker's stream is durable up to here. */
  noteDurable(stream: StreamId, ordinal: number): void {
    this.send({ type: 'durable', stream, ordinal })
  }
}
