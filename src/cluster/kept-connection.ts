/**
 * One connection to the primary of one key's slot, made again whenever it breaks, wherever the slot is by then. Whoever
 * asks is never made to wait: while there is no connection there is none.
 */
import type { Redis } from 'ioredis'
import type { RedisNodes } from '../persistence/redis/redis-nodes.ts'
import type { Random, Timers } from '../seams.ts'
import { retryDelayMs } from './retry-delay.ts'

export type KeptConnectionOptions = {
  readonly nodes: RedisNodes
  readonly key: string
  readonly timers: Timers
  readonly random: Random
  /** Of each command; one that takes longer is a failure. */
  readonly commandTimeoutMs: number
  /** It is there; what rejects makes it a failure. */
  readonly onOpen?: (connection: Redis) => Promise<void>
  /** It was there and is gone, or could not be made at the first attempt. Once until it is there again. */
  readonly onAway?: (reason: string) => void
}

export class KeptConnection {
  readonly #options: KeptConnectionOptions
  #connection: Redis | undefined
  /** In a row: an open connection that fails at once is no better than none. */
  #failures = 0
  #isAway = false
  #isClosed = false

  constructor(options: KeptConnectionOptions) {
    this.#options = options
  }

  start(): void {
    void this.#open()
  }

  get current(): Redis | undefined {
    return this.#connection
  }

  /** A command on it has gone well. */
  worked(): void {
    this.#failures = 0
  }

  /** A command on it has failed: it is given up, as its answers may be late forever. */
  failed(connection: Redis, error: unknown): void {
    if (connection !== this.#connection) return
    this.#options.nodes.noteFailure(error)
    this.#connection = undefined
    connection.disconnect()
    this.#again(error)
  }

  close(): void {
    this.#isClosed = true
    this.#connection?.disconnect()
    this.#connection = undefined
  }

  async #open(): Promise<void> {
    const { nodes, key, commandTimeoutMs, onOpen } = this.#options
    let connection: Redis | undefined
    try {
      connection = await nodes.connect(key, { withinMs: 0, commandTimeoutMs })
      await onOpen?.(connection)
    } catch (error) {
      connection?.disconnect()
      this.#again(error)
      return
    }
    if (this.#isClosed || connection.status !== 'ready') {
      connection.disconnect()
      this.#again(new Error('the connection ended'))
      return
    }
    const opened = connection
    this.#connection = opened
    this.#isAway = false
    opened.once('end', () => this.failed(opened, new Error('Connection is closed.')))
  }

  #again(error: unknown): void {
    if (this.#isClosed) return
    if (!this.#isAway) {
      this.#isAway = true
      this.#options.onAway?.(error instanceof Error ? error.message : String(error))
    }
    this.#failures += 1
    const { timers, random } = this.#options
    timers.after(retryDelayMs(this.#failures, random.fraction()), () => {
      if (!this.#isClosed) void this.#open()
    })
  }
}
