/**
 * Where worker threads come from. A thread needs a moment and much of a core until it has read its code; where a shard may
 * have to be taken over at any time, some have done so already and wait to be told what they are.
 */
import { type MessagePort, Worker } from 'node:worker_threads'
import { spareRefillMs } from '../limits.ts'
import type { Timer, Timers } from '../seams.ts'
import type { WorkerData } from './worker-entry.ts'

export type WorkerThreadsOptions = {
  readonly timers: Timers
  /** MiB of each. */
  readonly heapMb: number
  /** Whether their journals are shared with other nodes. */
  readonly isShared: boolean
  /** How many are kept waiting. */
  readonly spares: number
}

export class WorkerThreads {
  readonly #options: WorkerThreadsOptions
  readonly #spares: Worker[] = []
  #refill: Timer | undefined
  #hasEnded = false

  constructor(options: WorkerThreadsOptions) {
    this.#options = options
    this.#fill()
  }

  /** Begins a worker. */
  begin(data: WorkerData, transfer: readonly MessagePort[]): Worker {
    const thread = this.#spares.shift() ?? this.#make()
    thread.removeAllListeners()
    thread.postMessage(data, transfer)
    this.#refillSoon()
    return thread
  }

  /** Ends those that wait. */
  close(): void {
    this.#hasEnded = true
    this.#refill?.cancel()
    for (const thread of this.#spares.splice(0)) void thread.terminate()
  }

  #make(): Worker {
    const { isShared, heapMb } = this.#options
    return new Worker(new URL('./worker-entry.ts', import.meta.url), {
      workerData: { isShared },
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
    })
  }

  /** Not at once: whoever was just begun needs the cores more. */
  #refillSoon(): void {
    if (this.#options.spares === 0 || this.#hasEnded) return
    this.#refill?.cancel()
    this.#refill = this.#options.timers.after(spareRefillMs, () => this.#fill())
  }

  #fill(): void {
    while (this.#spares.length < this.#options.spares && !this.#hasEnded) {
      const thread = this.#make()
      const forget = () => {
        const at = this.#spares.indexOf(thread)
        if (at !== -1) this.#spares.splice(at, 1)
      }
      thread.on('error', forget)
      thread.on('exit', forget)
      this.#spares.push(thread)
    }
  }
}
