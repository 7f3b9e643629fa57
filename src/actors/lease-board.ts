/**
 * The board of leases: until when this node may take itself for the owner of each shard, in memory that main writes and
 * every thread may read, at once and without a message.
 *
 *   a shard      [ belief ends, µs of the monotonic clock ][ may acknowledge ]      two 64-bit words
 *
 * B1  It holds deadlines, not states: a process that was stopped for longer than its lease finds itself without, whoever of
 *     its threads runs first and whatever its timers missed.
 * B2  Only `Ownership` writes. A deadline grows with a renewal and becomes 0 with a loss or a hand-over.
 * B3  It keeps readers from answering what is no longer theirs to answer. That nobody else's appends meet with ours is the
 *     journal's own fence, which needs no clock.
 */
import type { ShardId } from '../domain/ids.ts'

const WORDS = 2
const ENDS = 0
const ACKNOWLEDGES = 1

export class LeaseBoard {
  readonly memory: SharedArrayBuffer
  readonly #words: BigInt64Array

  private constructor(memory: SharedArrayBuffer) {
    this.memory = memory
    this.#words = new BigInt64Array(memory)
  }

  /** An empty one: nothing is held. */
  static of(shards: number): LeaseBoard {
    return new LeaseBoard(new SharedArrayBuffer(shards * WORDS * BigInt64Array.BYTES_PER_ELEMENT))
  }

  /** The board of another thread. */
  static over(memory: SharedArrayBuffer): LeaseBoard {
    return new LeaseBoard(memory)
  }

  /** Whether this node may take itself for the shard's owner now, and so answer without an append. */
  isHeld(shard: ShardId, nowMonotonicMs: number): boolean {
    return nowMonotonicMs < this.endsAtMs(shard)
  }

  /** Whether the replicas that acknowledge are all there are: otherwise one without the tail could be promoted. */
  mayAcknowledge(shard: ShardId): boolean {
    return Atomics.load(this.#words, shard * WORDS + ACKNOWLEDGES) === 1n
  }

  /** By the monotonic clock; 0 where the shard is not held. */
  endsAtMs(shard: ShardId): number {
    return Number(Atomics.load(this.#words, shard * WORDS + ENDS)) / 1_000
  }

  hold(shard: ShardId, endsAtMs: number): void {
    Atomics.store(this.#words, shard * WORDS + ENDS, BigInt(Math.floor(endsAtMs * 1_000)))
  }

  drop(shard: ShardId): void {
    Atomics.store(this.#words, shard * WORDS + ENDS, 0n)
  }

  allowAcknowledging(shard: ShardId, may: boolean): void {
    Atomics.store(this.#words, shard * WORDS + ACKNOWLEDGES, may ? 1n : 0n)
  }
}
