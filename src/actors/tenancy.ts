/** Whether a worker's shards are its own: on one machine always, among several nodes while its lease lasts. */
import type { ShardId } from '../domain/ids.ts'
import type { Clock } from '../seams.ts'
import { LeaseBoard } from './lease-board.ts'
import type { WorkerSettings } from './worker-parts.ts'

const NOT_OURS = 'this node has lost the shard, or cannot be sure of it'

export class Tenancy {
  readonly #leases: LeaseBoard | undefined
  readonly #shard: ShardId | undefined
  readonly #clock: Pick<Clock, 'monotonicMs'>

  constructor(
    { shards, shared }: Pick<WorkerSettings, 'shards' | 'shared'>,
    clock: Pick<Clock, 'monotonicMs'>,
  ) {
    this.#leases = shared === undefined ? undefined : LeaseBoard.over(shared.leases)
    this.#shard = shards[0]
    this.#clock = clock
  }

  /**
   * Why somebody else may have the shard by now, if so. What is appended proves the opposite; an answer that appends nothing
   * would not, so none is decided then.
   */
  doubt(): string | undefined {
    if (this.#leases === undefined || this.#shard === undefined) return undefined
    return this.#leases.isHeld(this.#shard, this.#clock.monotonicMs()) ? undefined : NOT_OURS
  }

  /** Whether all replicas that there are take part in acknowledging. */
  mayAcknowledge(): boolean {
    return this.#leases === undefined || this.#shard === undefined || this.#leases.mayAcknowledge(this.#shard)
  }
}
