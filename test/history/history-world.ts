/** An engine in memory with a history beside it: as in one process, but for threads and time. */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MessagePort } from 'node:worker_threads'
import { HistoryClient } from '../../src/history/history-client.ts'
import type { Answered, FromHistory, Question, ToHistory } from '../../src/history/history-protocol.ts'
import { HistoryServer } from '../../src/history/history-server.ts'
import { historyPollMs, sealIdleMs } from '../../src/limits.ts'
import type { ToLinkedClient } from '../../src/linked-thread.ts'
import type { Position } from '../../src/persistence/journal/position.ts'
import {
  InProcessEngine,
  type InProcessOptions,
  journalDirectory,
  snapshotDirectory,
} from '../support/in-process-engine.ts'
import { Wire } from '../support/wire.ts'

const noPort = {} as MessagePort

/** One life of the history's thread, and a listener's end of it. */
export class HistoryLife {
  readonly server: HistoryServer
  readonly client: HistoryClient
  readonly logs: { readonly level: string; readonly event: string; readonly detail: object }[] = []
  freeBytes = Number.POSITIVE_INFINITY
  isOver = false
  readonly #control = new Wire<never, ToLinkedClient>()
  readonly #wire = new Wire<ToHistory, FromHistory>()
  readonly #world: InProcessEngine
  readonly #endSessions: () => void

  constructor(world: InProcessEngine, path: string, keeps = true) {
    this.#world = world
    const disk = world.disk.session()
    const timers = world.timers.session()
    this.#endSessions = () => {
      disk.end()
      timers.end()
    }
    this.server = new HistoryServer({
      place: { disk, journal: journalDirectory },
      snapshots: snapshotDirectory,
      shards: world.options.shards,
      path,
      clock: world.timers.clock,
      timers,
      log: (level, event, detail) => void this.logs.push({ level, event, detail }),
      freeBytes: () => this.freeBytes,
      keeps,
    })
    this.#wire.there.copies = true
    this.#wire.back.copies = true
    this.client = new HistoryClient({
      clock: world.timers.clock,
      timers: world.timers.session(),
      control: this.#control.near,
      portOf: () => this.#wire.near,
    })
    world.onDurable = (stream, ordinal) => this.server.noteDurable(stream, ordinal)
    this.server.connect(this.#wire.far)
    this.#control.back.send({ type: 'link', port: noPort })
    this.server.start()
  }

  /** Asks, and lets everything happen that happens without time. */
  async ask<Q extends Question>(question: Q, after?: Position): Promise<Answered<Q>['answer']> {
    return (await this.whole(question, after)).answer
  }

  async whole<Q extends Question>(question: Q, after?: Position): Promise<Answered<Q>> {
    const asked = this.client.ask(question, after)
    asked.catch(() => {})
    await this.#world.settle()
    return asked
  }

  logged(event: string): number {
    return this.logs.filter((line) => line.event === event).length
  }

  /** As a thread that is busy with something else: it hears nothing and says nothing. */
  stop(): void {
    this.isOver = true
    this.#endSessions()
  }

  /** As a thread that is terminated: nothing of it runs from here on. */
  end(): void {
    this.stop()
    this.#wire.close()
    this.#control.back.send({ type: 'down' })
  }
}

export class HistoryWorld {
  readonly root: string
  engine: InProcessEngine
  readonly lives: HistoryLife[] = []

  private constructor(engine: InProcessEngine) {
    this.root = mkdtempSync(join(tmpdir(), 'holdfast-history-'))
    this.path = join(this.root, 'history.sqlite')
    this.engine = engine
  }

  static async start(options: InProcessOptions = {}): Promise<HistoryWorld> {
    const world = new HistoryWorld(await new InProcessEngine(options).start())
    world.begin()
    return world
  }

  /** Of the projection's file. */
  path: string

  get history(): HistoryLife {
    return this.lives.at(-1) as HistoryLife
  }

  /** Ends the history's thread, and leaves the next one the files as they are then. */
  kill(): void {
    this.history.end()
    // The process that runs this test still has the files open, which no dead thread would.
    const next = join(this.root, `history-${this.lives.length}.sqlite`)
    for (const part of ['', '-wal'])
      if (existsSync(this.path + part)) copyFileSync(this.path + part, next + part)
    this.path = next
  }

  /** A new life of the history. */
  begin(): HistoryLife {
    const life = new HistoryLife(this.engine, this.path)
    this.lives.push(life)
    return life
  }

  /** Another process on what the disk has now. */
  async restartEngine(options: InProcessOptions = {}): Promise<void> {
    const { shards, segmentBytes } = this.engine.options
    const { disk, timers, onDurable } = this.engine
    const engine = new InProcessEngine({ shards, segmentBytes, disk, timers, ...options })
    engine.onDurable = onDurable
    this.engine = await engine.start()
  }

  /** Lets a long time pass, without a history, which would look at the journal all the time. */
  async sleep(ms: number): Promise<void> {
    this.kill()
    await this.engine.advance(ms)
    this.begin()
  }

  /** Lets the journal be sealed and the history take all of it. */
  async catchUp(): Promise<void> {
    await this.engine.advance(sealIdleMs + 1)
    await this.engine.advance(historyPollMs + 1)
  }

  [Symbol.dispose](): void {
    for (const life of this.lives) if (!life.isOver) life.server.close()
    rmSync(this.root, { recursive: true, force: true })
  }
}
