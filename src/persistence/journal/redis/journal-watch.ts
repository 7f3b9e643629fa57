/**
 * Waits for more in one shard's journal in Redis, on a connection of its own, which is blocked meanwhile: nobody need ask
 * again and again whether something has come. What has come is for others to read.
 */
import type { Redis } from 'ioredis'
import { mirrorWatchMs, redisSoonMs } from '../../../limits/redis.ts'
import { entryIdOf, type FramePlace } from './place.ts'
import type { Primaries } from './redis-log.ts'

/** A command that blocks on purpose has no time limit of its own. */
const OPTIONS = { withinMs: redisSoonMs, commandTimeoutMs: 0 }

export class JournalWatch {
  readonly #primaries: Primaries
  readonly #journal: string
  #redis: Redis | undefined
  #watching: Promise<boolean> | undefined
  #closings = 0

  constructor(primaries: Primaries, journal: string) {
    this.#primaries = primaries
    this.#journal = journal
  }

  /**
   * Resolves with true once something stands behind this place, or nothing did for a while; with false where that cannot be
   * watched now. While it waits already, it goes on behind the place it was given then, which is no later one.
   */
  behind(place: FramePlace): Promise<boolean> {
    this.#watching ??= this.#watch(place).then(
      () => this.#settle(true),
      () => this.#settle(false),
    )
    return this.#watching
  }

  /** Ends what waits; asked again, it begins anew. */
  close(): void {
    this.#closings += 1
    this.#redis?.disconnect()
    this.#redis = undefined
  }

  async #watch(place: FramePlace): Promise<void> {
    const closings = this.#closings
    const redis = this.#redis ?? (await this.#primaries.connect(this.#journal, OPTIONS))
    if (closings !== this.#closings) {
      redis.disconnect()
      throw new Error('it was closed while it connected')
    }
    this.#redis = redis
    const what = ['COUNT', 1, 'BLOCK', mirrorWatchMs, 'STREAMS', this.#journal, entryIdOf(place)]
    await redis.callBuffer('XREAD', ...what)
  }

  #settle(hasMore: boolean): boolean {
    this.#watching = undefined
    if (!hasMore) this.close()
    return hasMore
  }
}
