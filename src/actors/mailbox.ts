/** Calls waiting for their turn, by shard. Bounded over all of a worker's shards: what is full refuses at once. */
import type { ShardId } from '../domain/ids.ts'
import type { Request } from './requests.ts'

export type Letter<Sender> = {
  readonly from: Sender
  readonly callId: number
  readonly request: Request
  /** By the machine's monotonic clock; past it the call is refused undecided. */
  readonly deadlineMs: number
}

export class Mailbox<Sender> {
  readonly #max: number
  readonly #queues = new Map<ShardId, Letter<Sender>[]>()
  #size = 0

  constructor(shards: readonly ShardId[], max: number) {
    this.#max = max
    for (const shard of shards) this.#queues.set(shard, [])
  }

  get size(): number {
    return this.#size
  }

  /** False where it is full, or where no such shard is served here: the letter was not taken. */
  put(shard: ShardId, letter: Letter<Sender>): boolean {
    const queue = this.#queues.get(shard)
    if (queue === undefined || this.#size >= this.#max) return false
    queue.push(letter)
    this.#size += 1
    return true
  }

  /** Takes up to `max` letters of one shard, oldest first. */
  take(shard: ShardId, max: number): readonly Letter<Sender>[] {
    const queue = this.#queues.get(shard)
    if (queue === undefined || queue.length === 0) return []
    const taken = queue.length <= max ? queue : queue.slice(0, max)
    this.#queues.set(shard, queue.length <= max ? [] : queue.slice(max))
    this.#size -= taken.length
    return taken
  }

  /** Takes all letters of all shards. */
  empty(each: (letter: Letter<Sender>) => void): void {
    for (const shard of this.#queues.keys()) this.take(shard, Number.POSITIVE_INFINITY).forEach(each)
  }

  /** Puts letters back in front of those that came since. */
  putBack(shard: ShardId, letters: readonly Letter<Sender>[]): void {
    if (letters.length === 0) return
    this.#queues.set(shard, [...letters, ...(this.#queues.get(shard) ?? [])])
    this.#size += letters.length
  }
}
