/** The desk's thread as main sees it: started once the port is open, and given its ways to engine and tables in each life. */
import { type MessagePort, Worker } from 'node:worker_threads'
import { controlChannel } from '../../actors/control-channel.ts'
import type { ToEngine } from '../../actors/protocol.ts'
import { KeptThread, type KeptThreadSeams, type Life } from '../../kept-thread.ts'
import { deskCloseMs } from '../../limits.ts'
import type { Port } from '../../seams.ts'
import type { DeskData, DeskStatus } from './desk-protocol.ts'

export type DeskThreadOptions = KeptThreadSeams & {
  readonly data: Omit<DeskData, 'ends' | 'origin'>
  readonly supervisor: {
    attach(engine: Port<never, ToEngine>): void
    detach(engine: Port<never, ToEngine>): void
  }
  readonly tables: { connect(): MessagePort }
}

export class DeskThread {
  readonly #options: DeskThreadOptions
  readonly #thread: KeptThread<DeskStatus, never, never>
  #origin = ''

  constructor(options: DeskThreadOptions) {
    this.#options = options
    const { timers, log, respawnDelayMs } = options
    this.#thread = new KeptThread({
      name: 'desk',
      begin: () => this.#begin(),
      onMessage: () => {},
      closeMs: deskCloseMs,
      timers,
      log,
      respawnDelayMs,
    })
  }

  /** How often it had to be replaced. */
  get restarts(): number {
    return this.#thread.restarts
  }

  /** `origin` is where this server listens. */
  start(origin: string): void {
    this.#origin = origin
    this.#thread.start()
  }

  /** What it says of itself; undefined where it does not in time. */
  status(withinMs: number): Promise<DeskStatus | undefined> {
    return this.#thread.status(withinMs)
  }

  /** Ends it, in order if it can be had in time: what it leaves undone the next start goes on with. */
  close(): Promise<void> {
    return this.#thread.close()
  }

  #begin(): Life {
    const { data, supervisor, tables } = this.#options
    const { engineEnd, supervisorEnd } = controlChannel()
    const ends = { engine: engineEnd, tables: tables.connect() }
    const workerData: DeskData = { ...data, origin: this.#origin, ends }
    const thread = new Worker(new URL('./desk-entry.ts', import.meta.url), {
      workerData,
      transferList: [ends.engine, ends.tables],
      name: 'desk',
    })
    return {
      thread,
      onStart: () => supervisor.attach(supervisorEnd),
      onEnd: () => supervisor.detach(supervisorEnd),
    }
  }
}
