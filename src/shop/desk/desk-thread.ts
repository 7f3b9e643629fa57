/** The desk's thread as main sees it: started once the port is open, replaced when it dies, waited for at a shutdown. */
import { type MessagePort, Worker } from 'node:worker_threads'
import type { ToEngine } from '../../actors/protocol.ts'
import { controlChannel } from '../../actors/supervisor.ts'
import { deskCloseMs } from '../../limits.ts'
import type { Logger } from '../../log.ts'
import { type Port, portOf, type Timers } from '../../seams.ts'
import type { DeskData, DeskStatus, FromDesk, ToDesk } from './desk-protocol.ts'

export type DeskThreadOptions = {
  readonly data: Omit<DeskData, 'ends' | 'origin'>
  readonly supervisor: {
    attach(engine: Port<never, ToEngine>): void
    detach(engine: Port<never, ToEngine>): void
  }
  readonly tables: { connect(): MessagePort }
  readonly timers: Timers
  readonly log: Logger
  /** Milliseconds until its replacement; `failures` counts ends in a row. */
  readonly respawnDelayMs: (failures: number) => number
}

/** How long it must have lived for its end not to count with those before. */
const stableMs = 60_000

export class DeskThread {
  readonly #options: DeskThreadOptions
  readonly #calls = new Map<number, (status: DeskStatus | undefined) => void>()
  readonly #ended = Promise.withResolvers<void>()
  #thread: Worker | undefined
  #port: Port<FromDesk, ToDesk> | undefined
  #mode: 'running' | 'closing' = 'running'
  #failures = 0
  #restarts = 0
  #lastCall = 0

  constructor(options: DeskThreadOptions) {
    this.#options = options
  }

  /** How often it had to be replaced. */
  get restarts(): number {
    return this.#restarts
  }

  /** `origin` is where this server listens. */
  start(origin: string): void {
    if (this.#mode !== 'running') return
    const { data, supervisor, tables, timers, log } = this.#options
    const { engineEnd, supervisorEnd } = controlChannel()
    const ends = { engine: engineEnd, tables: tables.connect() }
    const workerData: DeskData = { ...data, origin, ends }
    const thread = new Worker(new URL('./desk-entry.ts', import.meta.url), {
      workerData,
      transferList: [ends.engine, ends.tables],
      name: 'desk',
    })
    this.#thread = thread
    this.#port = portOf(thread)
    this.#port.receive((message) => {
      if (message.type === 'status') this.#calls.get(message.id)?.(message.status)
    })
    supervisor.attach(supervisorEnd)
    const stable = timers.after(stableMs, () => {
      this.#failures = 0
    })
    thread.on('error', (error) => log.error({ err: error }, 'desk.error'))
    thread.on('exit', (code) => {
      stable.cancel()
      supervisor.detach(supervisorEnd)
      this.#bury(code, origin)
    })
  }

  /** What it says of itself; undefined where it does not in time. */
  status(withinMs: number): Promise<DeskStatus | undefined> {
    return new Promise((resolve) => {
      if (this.#port === undefined) return resolve(undefined)
      const id = ++this.#lastCall
      const answer = (status: DeskStatus | undefined) => {
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
    this.#port?.send({ type: 'close' })
    const late = this.#options.timers.after(deskCloseMs, () => void thread.terminate())
    await this.#ended.promise
    late.cancel()
  }

  #bury(code: number, origin: string): void {
    this.#thread = undefined
    this.#port = undefined
    for (const answer of [...this.#calls.values()]) answer(undefined)
    if (this.#mode === 'closing') return this.#ended.resolve()
    this.#failures += 1
    this.#restarts += 1
    const delayMs = this.#options.respawnDelayMs(this.#failures)
    this.#options.log.warn({ code, delayMs }, 'desk.respawn')
    this.#options.timers.after(delayMs, () => this.start(origin))
  }
}
