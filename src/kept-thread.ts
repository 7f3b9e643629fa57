/** A thread as main sees it: replaced when it dies, asked how it is, and waited for by nobody but a shutdown. */
import type { MessagePort, Worker } from 'node:worker_threads'
import { type Port, portOf, type Timers } from './seams.ts'

export type ToKept = { readonly type: 'status'; readonly id: number } | { readonly type: 'close' }

export type FromKept<Status> =
  | { readonly type: 'status'; readonly id: number; readonly status: Status }
  /** What it began is finished; its end comes next. */
  | { readonly type: 'closed' }

export type ThreadLog = (level: 'info' | 'warn' | 'error', event: string, detail: object) => void

/** One life of a thread, and what is to be done once it can be talked to, and when it has ended. */
export type Life = { readonly thread: Worker; readonly onStart: () => void; readonly onEnd: () => void }

export type KeptThreadSeams = {
  readonly timers: Timers
  readonly log: ThreadLog
  /** Milliseconds until its replacement; `failures` counts ends in a row. */
  readonly respawnDelayMs: (failures: number) => number
}

export type KeptThreadOptions<From> = KeptThreadSeams & {
  /** What its log lines begin with. */
  readonly name: string
  /** Begins its next life. */
  readonly begin: () => Life
  /** Hears all but what every kept thread says. */
  readonly onMessage: (message: From) => void
  /** A shutdown waits no longer for its end. */
  readonly closeMs: number
}

/** How long it must have lived for its end not to count with those before. */
const STABLE_MS = 60_000

export class KeptThread<Status, From extends { readonly type: string }, To> {
  readonly #options: KeptThreadOptions<From>
  readonly #calls = new Map<number, (status: Status | undefined) => void>()
  readonly #ended = Promise.withResolvers<void>()
  #thread: Worker | undefined
  #port: Port<From | FromKept<Status>, To | ToKept> | undefined
  #mode: 'running' | 'closing' = 'running'
  #hasClosed = false
  #failures = 0
  #restarts = 0
  #lastCall = 0

  constructor(options: KeptThreadOptions<From>) {
    this.#options = options
  }

  /** How often it had to be replaced. */
  get restarts(): number {
    return this.#restarts
  }

  get isUp(): boolean {
    return this.#port !== undefined
  }

  start(): void {
    if (this.#mode !== 'running') return
    const { begin, timers, name, log } = this.#options
    const { thread, onStart, onEnd } = begin()
    this.#thread = thread
    this.#port = portOf(thread)
    this.#port.receive((message) => this.#hear(message))
    onStart()
    const stable = timers.after(STABLE_MS, () => {
      this.#failures = 0
    })
    thread.on('error', (error) => log('error', `${name}.error`, { err: error }))
    thread.on('exit', (code) => {
      stable.cancel()
      this.#thread = undefined
      this.#port = undefined
      onEnd()
      this.#bury(code)
    })
  }

  /** Said to this life of it; to nobody where there is none. */
  send(message: To, transfer?: readonly MessagePort[]): void {
    this.#port?.send(message, transfer)
  }

  /** What it says of itself; undefined where it does not in time. */
  status(withinMs: number): Promise<Status | undefined> {
    return new Promise((resolve) => {
      if (this.#port === undefined) return resolve(undefined)
      const id = ++this.#lastCall
      const answer = (status: Status | undefined) => {
        this.#calls.delete(id)
        timer.cancel()
        resolve(status)
      }
      const timer = this.#options.timers.after(withinMs, () => answer(undefined))
      this.#calls.set(id, answer)
      this.#port.send({ type: 'status', id })
    })
  }

  /** Ends it, in order if it can be had in time: what it leaves undone the next start goes on with. */
  async close(): Promise<void> {
    this.#mode = 'closing'
    const thread = this.#thread
    if (thread === undefined) return
    const { timers, closeMs, log, name } = this.#options
    this.#port?.send({ type: 'close' })
    const late = timers.after(closeMs, () => void thread.terminate())
    await this.#ended.promise
    late.cancel()
    if (!this.#hasClosed) log('warn', `${name}.cutOff`, {})
  }

  #hear(message: From | FromKept<Status>): void {
    if (isOfKept<Status>(message)) {
      if (message.type === 'status') this.#calls.get(message.id)?.(message.status)
      else this.#hasClosed = true
    } else {
      this.#options.onMessage(message)
    }
  }

  #bury(code: number): void {
    for (const answer of [...this.#calls.values()]) answer(undefined)
    if (this.#mode === 'closing') return this.#ended.resolve()
    this.#failures += 1
    this.#restarts += 1
    const { respawnDelayMs, log, name, timers } = this.#options
    const delayMs = respawnDelayMs(this.#failures)
    log('warn', `${name}.respawn`, { code, delayMs })
    timers.after(delayMs, () => this.start())
  }
}

function isOfKept<Status>(message: { readonly type: string }): message is FromKept<Status> {
  return message.type === 'status' || message.type === 'closed'
}
