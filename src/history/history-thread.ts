/**
 * The history's thread as main sees it: started beside everything else, replaced when it dies, waited for by nobody but a
 * shutdown.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { historyTimeoutMs } from '../limits.ts'
import type { StreamId } from '../persistence/journal/frame.ts'
import { type Port, portOf, type Timers } from '../seams.ts'
import type { HistoryData } from './history-entry.ts'
import type {
  FromHistoryThread,
  HistoryStatus,
  ToHistoryClient,
  ToHistoryThread,
} from './history-protocol.ts'
import type { HistoryLog } from './projector.ts'

export type HistoryThreadOptions = {
  readonly data: HistoryData
  readonly timers: Timers
  readonly log: HistoryLog
  /** Milliseconds until its replacement; `failures` counts ends in a row. */
  readonly respawnDelayMs: (failures: number) => number
}

/** How long it must have lived for its end not to count with those before. */
const STABLE_MS = 60_000

export class HistoryThread {
  readonly #options: HistoryThreadOptions
  readonly #clients = new Set<Port<never, ToHistoryClient>>()
  readonly #statusCalls = new Map<number, (status: HistoryStatus | undefined) => void>()
  #thread: Worker | undefined
  #port: Port<FromHistoryThread, ToHistoryThread> | undefined
  #failures = 0
  #restarts = 0
  #lastStatusId = 0
  #mode: 'running' | 'closing' = 'running'
  readonly #ended = Promise.withResolvers<void>()
  #hasClosed = false

  constructor(options: HistoryThreadOptions) {
    this.#options = options
  }

  start(): void {
    if (this.#mode === 'running') this.#spawn()
  }

  /** How often it had to be replaced. */
  get restarts(): number {
    return this.#restarts
  }

  /** Connects a listener, now and with every life of the thread to come. */
  attach(client: Port<never, ToHistoryClient>): void {
    this.#clients.add(client)
    this.#link(client)
  }

  /** Forgets a listener that is gone. */
  detach(client: Port<never, ToHistoryClient>): void {
    this.#clients.delete(client)
  }

  /** A worker's stream is durable up to here. */
  noteDurable(stream: StreamId, ordinal: number): void {
    this.#port?.send({ type: 'durable', stream, ordinal })
  }

  /** What it says of itself; undefined where it does not in time. */
  status(withinMs: number): Promise<HistoryStatus | undefined> {
    return new Promise((resolve) => {
      if (this.#port === undefined) return resolve(undefined)
      const id = ++this.#lastStatusId
      const answer = (status: HistoryStatus | undefined) => {
        this.#statusCalls.delete(id)
        timer.cancel()
        resolve(status)
      }
      const timer = this.#options.timers.after(withinMs, () => answer(undefined))
      this.#statusCalls.set(id, answer)
      this.#port.send({ type: 'status', id })
    })
  }

  /** Ends it, in order if it can be had in time: what it leaves undone the next start makes up for. */
  async close(): Promise<void> {
    this.#mode = 'closing'
    const thread = this.#thread
    if (thread === undefined) return
    this.#port?.send({ type: 'close' })
    const late = this.#options.timers.after(historyTimeoutMs, () => void thread.terminate())
    await this.#ended.promise
    late.cancel()
    if (!this.#hasClosed) this.#options.log('warn', 'history.cutOff', {})
  }

  #spawn(): void {
    const { data: workerData, timers } = this.#options
    const thread = new Worker(new URL('./history-entry.ts', import.meta.url), { workerData, name: 'history' })
    this.#thread = thread
    this.#port = portOf(thread)
    this.#port.receive((message) => this.#hear(message))
    const stable = timers.after(STABLE_MS, () => {
      this.#failures = 0
    })
    thread.on('error', (error) => this.#options.log('error', 'history.error', { why: String(error) }))
    thread.on('exit', (code) => {
      stable.cancel()
      this.#bury(code)
    })
    for (const client of this.#clients) this.#link(client)
  }

  #link(client: Port<never, ToHistoryClient>): void {
    if (this.#port === undefined) return
    const { port1, port2 } = new MessageChannel()
    client.send({ type: 'link', port: port1 }, [port1])
    this.#port.send({ type: 'connect', port: port2 }, [port2])
  }

  #hear(message: FromHistoryThread): void {
    switch (message.type) {
      case 'log':
        return this.#options.log(message.level, message.event, message.detail)
      case 'status':
        return this.#statusCalls.get(message.id)?.(message.status)
      case 'ready':
        return this.#options.log('info', 'history.ready', {})
      case 'closed':
        this.#hasClosed = true
        return
    }
  }

  #bury(code: number): void {
    this.#thread = undefined
    this.#port = undefined
    for (const answer of [...this.#statusCalls.values()]) answer(undefined)
    for (const client of this.#clients) client.send({ type: 'down' })
    if (this.#mode === 'closing') return this.#ended.resolve()
    this.#failures += 1
    this.#restarts += 1
    const delayMs = this.#options.respawnDelayMs(this.#failures)
    this.#options.log('warn', 'history.respawn', { code, delayMs })
    this.#options.timers.after(delayMs, () => {
      if (this.#mode === 'running') this.#spawn()
    })
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
