/** Hears what other nodes have counted. */
import type { Redis } from 'ioredis'
import { hearingPingMs } from '../../limits/common-limits.ts'
import type { RedisNodes } from '../../persistence/redis/redis-nodes.ts'
import type { Random, Timers } from '../../seams.ts'
import { KeptConnection } from '../kept-connection.ts'
import { limitsChannel } from '../key-names.ts'
import { type Count, type NodeTag, readAnnouncement } from './announcement.ts'

export type HearingOptions = {
  readonly nodes: RedisNodes
  readonly tag: NodeTag
  readonly timers: Timers
  readonly random: Random
  readonly onCount: (count: Count) => void
  readonly onOpen: () => void
  readonly onAway: (reason: string) => void
  /** Once: another version's message, whose counts are not counted here. */
  readonly onUnreadable: () => void
}

export class Hearing {
  readonly #options: HearingOptions
  readonly #connection: KeptConnection
  #hasMisread = false

  constructor(options: HearingOptions) {
    this.#options = options
    this.#connection = new KeptConnection({
      ...options,
      key: limitsChannel,
      commandTimeoutMs: hearingPingMs,
      onOpen: (connection) => this.#subscribe(connection),
    })
  }

  start(): void {
    this.#connection.start()
  }

  get isOpen(): boolean {
    return this.#connection.current !== undefined
  }

  close(): void {
    this.#connection.close()
  }

  async #subscribe(connection: Redis): Promise<void> {
    connection.on('smessageBuffer', (_channel: Buffer, bytes: Buffer) => this.#read(bytes))
    await connection.ssubscribe(limitsChannel)
    this.#options.onOpen()
    this.#pingLater(connection)
  }

  #read(bytes: Buffer): void {
    const { tag, onCount, onUnreadable } = this.#options
    if (readAnnouncement(bytes, tag, onCount) || this.#hasMisread) return
    this.#hasMisread = true
    onUnreadable()
  }

  /** A listener that hears nothing cannot tell silence from a broken wire. */
  #pingLater(connection: Redis): void {
    this.#options.timers.after(hearingPingMs, () => {
      if (connection.status !== 'ready') return
      connection.ping().then(
        () => {
          this.#connection.worked()
          this.#pingLater(connection)
        },
        (error: unknown) => this.#connection.failed(connection, error),
      )
    })
  }
}
