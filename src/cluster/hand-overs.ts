/**
 * Ends of tenures: hands shards over in order, and remembers whose workers have not ended yet.
 *
 * A shard that is handed over is off the board before Redis hears of it: no two nodes ever believe in the same shard.
 */
import type { ShardId } from '../domain/ids.ts'
import type { Timers } from '../seams.ts'
import type { LeaseRecord } from './lease-record.ts'
import type { Leases } from './leases.ts'
import type { OwnershipLog } from './ownership-log.ts'
import type { NodeId } from './placement.ts'
import { retryDelayMs } from './retry-delay.ts'
import type { Tenure } from './tenure.ts'
import type { TenureKeeper } from './tenure-keeper.ts'

export type HandOversOptions = {
  readonly leases: Leases
  readonly keeper: TenureKeeper
  readonly timers: Timers
  readonly leaseMs: number
  readonly log: OwnershipLog
  readonly surrender: (shard: ShardId) => Promise<void>
  /** What stands in Redis now. */
  readonly passedOn: (shard: ShardId, record: LeaseRecord) => void
  /** A worker has ended. */
  readonly ended: () => void
}

/** Of a lease: how long only the node that a shard is handed to may take it. */
const PROMISE_SHARE = 0.5
const TRIES = 3

export class HandOvers {
  readonly #options: HandOversOptions
  readonly #ending = new Map<ShardId, number>()
  #underWay = 0

  constructor(options: HandOversOptions) {
    this.#options = options
  }

  /** Hand-overs that have begun and are not done. */
  get underWay(): number {
    return this.#underWay
  }

  /** Whether no worker of a tenure that is over is still there. */
  get isIdle(): boolean {
    return this.#ending.size === 0
  }

  /** Whether a worker of an earlier tenure has not ended yet. */
  isEnding(shard: ShardId): boolean {
    return this.#ending.has(shard)
  }

  /** Ends the worker in order, then promises its shard to `to`, or leaves it to whoever comes. */
  begin(tenure: Tenure, to: NodeId | undefined): void {
    const { keeper, surrender, log } = this.#options
    const { shard } = tenure
    log('info', 'lease.leaving', { shard, to })
    this.#underWay += 1
    keeper.leave(tenure, to)
    this.whileEnding(shard, async () => {
      try {
        await surrender(shard)
      } catch (error) {
        // Its worker is gone all the same, and what it left undone whoever comes next replays.
        log('error', 'lease.surrenderFailed', { shard, err: error })
      }
      await this.passOn(tenure)
      this.#underWay -= 1
    })
  }

  async passOn(tenure: Tenure): Promise<void> {
    const { leases, keeper, timers, leaseMs, log, passedOn } = this.#options
    const { shard, to } = tenure
    if (keeper.of(shard) !== tenure) return
    keeper.end(tenure)
    for (let tried = 1; tried <= TRIES; tried++) {
      try {
        if (!(await leases.passOn(tenure, leaseMs * PROMISE_SHARE))) return
        log('info', 'lease.passedOn', { shard, to })
        return passedOn(shard, to === undefined ? { type: 'free' } : { type: 'promised', to })
      } catch (error) {
        // Left alone it expires.
        log('warn', 'lease.passOnFailed', { shard, to, tried, err: error })
        await new Promise<void>((resolve) => void timers.after(retryDelayMs(tried, 1), resolve))
      }
    }
  }

  /** Counts the shard's worker as ending until `end` is done. */
  whileEnding(shard: ShardId, end: () => Promise<void>): void {
    this.#ending.set(shard, (this.#ending.get(shard) ?? 0) + 1)
    void end().finally(() => {
      const left = (this.#ending.get(shard) ?? 1) - 1
      if (left === 0) this.#ending.delete(shard)
      else this.#ending.set(shard, left)
      this.#options.ended()
    })
  }
}
