/**
 * Waits for more in one shard's journal in Redis, on a connection of its own, which is blocked meanwhile: nobody need ask
 * again and again whether something has come. What has come is for others to read.
 */
import type { Redis } from 'ioredis'
import { mirrorWatchMs, redisSoonMs } from '../../../limits/redis.ts'
import { entryIdOf, type FramePlace } from './place.ts'
import type { Primaries } from './redis-log.ts'

export class JournalWatch {
  readonly #primaries: Primaries
  readonly #journal: string
  #redis: Redis | undefined
  #watching: Promise<boolean> | undefined

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

  close(): void {
    this.#redis?.disconnect()
    this.#redis = undefined
  }

  async #watch(place: FramePlace): Promise<void> {
    this.#redis ??= await this.#primaries.connect(this.#journal, {
      withinMs: redisSoonMs,
      commandTimeoutMs: 0,
    })
    const what = ['COUNT', 1, 'BLOCK', mirrorWatchMs, 'STREAMS', this.#journal, entryIdOf(place)]
    await this.#redis.callBuffer('XREAD', ...what)
  }

  #settle(hasMore: boolean): boolean {
    this.#watching = undefined
    if (!hasMore) this.close()
    return hasMore
  }
}
