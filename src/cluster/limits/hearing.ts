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
}

export class Hearing {
  readonly #options: HearingOptions
  readonly #connection: KeptConnection
  /** Counts that others told of, and messages that could not be read. */
  heard = 0
  unreadable = 0

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
    const isRead = readAnnouncement(bytes, this.#options.tag, (count) => {
      this.heard += 1
      this.#options.onCount(count)
    })
    if (!isRead) this.unreadable += 1
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
