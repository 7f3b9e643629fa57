/**
 * A node that has no others beside it: the journals of its shards in Redis, its mirror of them, and leases that it holds for
 * ever. What `ClusterNode` puts together, without ownership and relay, for an engine in the bench's own process.
 */
import { randomBytes } from 'node:crypto'
import { LeaseBoard } from '../../src/actors/lease-board.ts'
import { respawnDelayMs } from '../../src/actors/respawn-delay.ts'
import type { SharedJournals } from '../../src/actors/shared-journals.ts'
import type { SupervisorLog } from '../../src/actors/supervisor.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import type { StreamId } from '../../src/persistence/journal/frame.ts'
import { MirrorThread } from '../../src/persistence/journal/redis/mirror-thread.ts'
import type { AckPolicy } from '../../src/persistence/journal/redis/redis-log.ts'
import type { RedisAccess } from '../../src/redis-url.ts'
import { realTimers } from '../../src/seams.ts'

export type SharedJournalOptions = {
  readonly port: number
  readonly ack: AckPolicy
  readonly shards: number
  readonly journalDirectory: string
  readonly log: SupervisorLog
  readonly onRoll: (stream: StreamId, segment: number) => void
}

/** Longer than any bench takes, by the monotonic clock. */
const FOR_EVER_MS = 1e12

export class SharedJournal {
  readonly journals: SharedJournals
  readonly #mirror: MirrorThread
  readonly #shards: readonly ShardId[]

  constructor({ port, ack, shards, journalDirectory, log, onRoll }: SharedJournalOptions) {
    const access: RedisAccess = {
      seeds: [{ host: '127.0.0.1', port }],
      tls: false,
      username: undefined,
      password: undefined,
    }
    this.#shards = Array.from({ length: shards }, (_, shard) => shard as ShardId)
    const leases = LeaseBoard.of(shards)
    for (const shard of this.#shards) {
      leases.hold(shard, FOR_EVER_MS)
      leases.allowAcknowledging(shard, true)
    }
    this.#mirror = new MirrorThread({
      timers: realTimers,
      log,
      respawnDelayMs,
      data: { access, journalDirectory, shards },
      onRoll,
    })
    this.#mirror.start()
    this.journals = {
      place: { access, ack, leases: leases.memory },
      startOf: async (shard) => {
        const end = await this.#mirror.endOf(shard)
        return { epoch: end.head.place.epoch + 1, writer: randomBytes(16).toString('hex'), end }
      },
    }
  }

  /** Once no worker writes any more: when this resolves, this node's files have all that was journaled. */
  async close(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => this.#mirror.endOf(shard)))
    await this.#mirror.close()
  }
}
