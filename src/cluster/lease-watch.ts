/** Looks at leases that are not this node's own: every so often, and at once at those that are said to have changed. */
import type { Redis } from 'ioredis'
import type { ShardId } from '../domain/ids.ts'
import type { Clock, Timer, Timers } from '../seams.ts'
import type { Leases } from './leases.ts'
import type { OwnershipLog } from './ownership-log.ts'
import { Sightings } from './sightings.ts'

export type LeaseWatchOptions = {
  readonly leases: Leases
  readonly shards: readonly ShardId[]
  readonly clock: Clock
  readonly timers: Timers
  readonly log: OwnershipLog
  readonly isOurs: (shard: ShardId) => boolean
  /** Something is not as it was, or some time has passed. */
  readonly looked: () => void
}

/** How often leases of others are looked at, besides when something is heard. */
const LOOK_MS = 200

export class LeaseWatch {
  readonly sightings = new Sightings()
  readonly #options: LeaseWatchOptions
  readonly #looking = new Set<Redis>()
  readonly #heard = new Set<ShardId>()
  readonly #ends = new Map<ShardId, Timer>()
  #timer: Timer | undefined

  constructor(options: LeaseWatchOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = this.#options.timers.after(LOOK_MS, () => {
      this.start()
      this.#options.looked()
    })
    this.#look(this.#options.shards, { skipsBusy: true })
  }

  close(): void {
    this.#timer?.cancel()
    for (const timer of this.#ends.values()) timer.cancel()
  }

  /** Its lease has changed: what is heard in one go is looked at in one go. */
  hear(shard: ShardId): void {
    this.#heard.add(shard)
    if (this.#heard.size > 1) return
    this.#options.timers.soon(() => {
      const shards = this.#options.shards.filter((each) => this.#heard.has(each))
      this.#heard.clear()
      this.#look(shards, { skipsBusy: false })
    })
  }

  #look(shards: readonly ShardId[], { skipsBusy }: { readonly skipsBusy: boolean }): void {
    const { leases, isOurs } = this.#options
    const others = shards.filter((shard) => !isOurs(shard))
    for (const [primary, group] of leases.byPrimary(
      others.map((shard) => ({ shard })),
      'primaries',
    )) {
      if (skipsBusy && this.#looking.has(primary)) continue
      this.#looking.add(primary)
      const known = group.map(({ shard }) => shard)
      void this.#lookAt(primary, known).finally(() => this.#looking.delete(primary))
    }
  }

  /** A lease that will run out before the next look is looked at the moment it does: it is free then, or was renewed. */
  #lookAtEnd(shard: ShardId, leftMs: number): void {
    this.#ends.get(shard)?.cancel()
    this.#ends.delete(shard)
    if (leftMs < 0 || leftMs > LOOK_MS) return
    const timer = this.#options.timers.after(leftMs + 1, () => {
      this.#ends.delete(shard)
      this.hear(shard)
    })
    this.#ends.set(shard, timer)
  }

  async #lookAt(primary: Redis, shards: readonly ShardId[]): Promise<void> {
    const { leases, clock, log, isOurs, looked } = this.#options
    try {
      const seen = await leases.look(primary, shards)
      const nowMs = clock.monotonicMs()
      let isNews = false
      for (const [shard, { record, leftMs }] of seen) {
        // What has become ours meanwhile is known better.
        if (isOurs(shard)) continue
        isNews = this.sightings.note(shard, record, nowMs) || isNews
        this.#lookAtEnd(shard, leftMs)
      }
      if (isNews) looked()
    } catch (error) {
      log('warn', 'leases.unseen', { shards, err: error })
    }
  }
}
