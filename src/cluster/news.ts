/** Hears at once which leases have changed and that members have. What is missed is seen by the next look all the same. */
import type { Redis } from 'ioredis'
import type { ShardId } from '../domain/ids.ts'
import type { RedisNodes } from '../persistence/redis/redis-nodes.ts'
import type { Random, Timers } from '../seams.ts'
import type { KeptPrimaries } from './kept-primaries.ts'
import { membersNews, newsChannel } from './key-names.ts'
import { retryDelayMs } from './retry-delay.ts'

export type NewsOptions = {
  readonly nodes: RedisNodes
  readonly primaries: KeptPrimaries
  readonly timers: Timers
  readonly random: Random
  readonly shardChanged: (shard: ShardId) => void
  readonly membersChanged: () => void
}

export class News {
  readonly #options: NewsOptions
  #connection: Redis | undefined
  #failures = 0
  #isClosed = false

  constructor(options: NewsOptions) {
    this.#options = options
  }

  start(): void {
    this.#subscribe().catch(() => this.#again())
  }

  close(): void {
    this.#isClosed = true
    this.#connection?.disconnect()
  }

  /** Any primary will do: a Redis Cluster says to all of its nodes what one is told. */
  async #subscribe(): Promise<void> {
    const { nodes, primaries } = this.#options
    const primary = primaries.anyPrimary()
    if (primary === undefined) return this.#again()
    const connection = await nodes.connectTo(primary.address)
    if (this.#isClosed) return connection.disconnect()
    connection.on('message', (_channel, text: string) => this.#hear(text))
    this.#connection = connection
    try {
      await connection.subscribe(newsChannel)
    } catch (error) {
      connection.disconnect()
      throw error
    }
    this.#failures = 0
    connection.once('end', () => this.#again())
    if (connection.status === 'end') this.#again()
  }

  #hear(text: string): void {
    const { shardChanged, membersChanged } = this.#options
    if (text === membersNews) membersChanged()
    else shardChanged(Number(text) as ShardId)
  }

  #again(): void {
    if (this.#isClosed) return
    this.#failures += 1
    const { timers, random } = this.#options
    timers.after(retryDelayMs(this.#failures, random.fraction()), () => {
      if (!this.#isClosed) this.start()
    })
  }
}
