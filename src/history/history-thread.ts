/** The history's thread as main sees it: started beside everything else, its listeners linked to each of its lives. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { KeptThread, type KeptThreadSeams, type Life } from '../kept-thread.ts'
import { historyTimeoutMs } from '../limits.ts'
import type { StreamId } from '../persistence/journal/frame.ts'
import { type Port, portOf } from '../seams.ts'
import type { HistoryData } from './history-entry.ts'
import type {
  HistoryStatus,
  OfHistoryThread,
  ToHistoryClient,
  ToHistoryThreadAlone,
} from './history-protocol.ts'

export type HistoryThreadOptions = KeptThreadSeams & { readonly data: HistoryData }

export class HistoryThread {
  readonly #options: HistoryThreadOptions
  readonly #thread: KeptThread<HistoryStatus, OfHistoryThread, ToHistoryThreadAlone>
  readonly #clients = new Set<Port<never, ToHistoryClient>>()

  constructor(options: HistoryThreadOptions) {
    this.#options = options
    const { timers, log, respawnDelayMs } = options
    this.#thread = new KeptThread({
      name: 'history',
      begin: () => this.#begin(),
      onMessage: (message) => this.#hear(message),
      closeMs: historyTimeoutMs,
      timers,
      log,
      respawnDelayMs,
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
  attach(client: Port<never, ToHistoryClient>): void {
    this.#clients.add(client)
    if (this.#thread.isUp) this.#link(client)
  }

  /** Forgets a listener that is gone. */
  detach(client: Port<never, ToHistoryClient>): void {
    this.#clients.delete(client)
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

  #begin(): Life {
    const workerData = this.#options.data
    return {
      thread: new Worker(new URL('./history-entry.ts', import.meta.url), { workerData, name: 'history' }),
      onStart: () => {
        for (const client of this.#clients) this.#link(client)
      },
      onEnd: () => {
        for (const client of this.#clients) client.send({ type: 'down' })
      },
    }
  }

  #link(client: Port<never, ToHistoryClient>): void {
    const { port1, port2 } = new MessageChannel()
    client.send({ type: 'link', port: port1 }, [port1])
    this.#thread.send({ type: 'connect', port: port2 }, [port2])
  }

  #hear(message: OfHistoryThread): void {
    const { log } = this.#options
    if (message.type === 'log') log(message.level, message.event, message.detail)
    else log('info', 'history.ready', {})
  }
}

/** A channel whose one end is the control port of a listener's client, wherever its thread is. */
export function historyChannel(): {
  readonly clientEnd: MessagePort
  readonly threadEnd: Port<never, ToHistoryClient>
} {
  const { port1, port2 } = new MessageChannel()
  return { clientEnd: port1, threadEnd: portOf(port2) }
}
