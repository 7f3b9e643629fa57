/**
 * A flip in memory is noticed (FAULTS.md, 39): while a worker runs it takes checksums of a few records of a shard, now and
 * then, and the thread that replays its finished segments compares them with what the journal makes of the same records
 * after the same event. Where they differ the worker ends, and its successor replays: the journal is the truth.
 *
 * M1  A check belongs to one life of a worker and is dropped with it: its last events may never have become durable.
 * M2  It is compared at its own sequence or not at all: one that a replay begins behind is dropped, one that it does not
 *     reach yet waits for the next.
 */
import type { ShardId } from '../domain/ids.ts'
import { checkBytesMin, checksPerSegment } from '../limits.ts'
import type { RecoveredShard } from '../persistence/journal/recovery.ts'
import type { Shard } from './shard.ts'
import { partNames, type StateWalk, type StateWindow, type WindowDifference, walkOver } from './state-walk.ts'

/** Records of a shard as they were in memory after the event of this sequence. */
export type MemoryCheck = StateWindow & { readonly shard: ShardId; readonly sequence: number }

/** A record that the journal makes another of than its worker had in memory. */
export type MemoryDifference = Pick<MemoryCheck, 'shard' | 'sequence' | 'part'> & WindowDifference

/** What came of a replay: the checks it did not reach stay open. */
export type CheckedMemory = {
  readonly compared: number
  readonly differences: readonly MemoryDifference[]
  readonly open: readonly MemoryCheck[]
}

type CheckedShard = Pick<Shard, 'id' | 'state' | 'nextSequence'>
type ShardWalk = { readonly shard: CheckedShard; readonly walk: StateWalk }

/** Goes round all shards and all parts of their states. */
export class MemoryChecks {
  readonly #walks: readonly ShardWalk[]
  #at = 0
  readonly #everyBytes: number
  #bytesChecked = 0

  constructor(shards: readonly CheckedShard[], segmentBytes: number) {
    this.#everyBytes = Math.max(checkBytesMin, segmentBytes / checksPerSegment)
    this.#walks = partNames.flatMap((part) =>
      shards.map((shard) => ({ shard, walk: walkOver(part, shard.state) })),
    )
  }

  /** Call between turns, with how much has been written; checks a few records where that is enough. */
  takeIfDue(bytes: number): MemoryCheck | undefined {
    if (bytes - this.#bytesChecked < this.#everyBytes) return undefined
    this.#bytesChecked = bytes
    for (let tries = this.#walks.length; tries > 0; tries--) {
      const { shard, walk } = this.#walks[this.#at] as ShardWalk
      this.#at = (this.#at + 1) % this.#walks.length
      if (walk.size > 0) return { ...walk.next(), shard: shard.id, sequence: shard.nextSequence - 1 }
    }
    return undefined
  }
}

/** Compares checks with a replay as it goes (`RecoveryOptions`). */
export class CheckedReplay {
  readonly #checks: readonly MemoryCheck[]
  readonly #shards = new Map<ShardId, ShardReplay>()

  /** Of each shard in the order of their sequences. */
  constructor(checks: readonly MemoryCheck[]) {
    this.#checks = checks
  }

  /** A shard's replay begins with this, perhaps not for the first time. */
  readonly onBase = (base: RecoveredShard): void => {
    const open = this.#checks.filter(({ shard }) => shard === base.shard)
    this.#shards.set(base.shard, { open, walks: new Map(), compared: 0, differences: [] })
    this.onEvent(base)
  }

  readonly onEvent = ({ shard, state, nextSequence }: RecoveredShard): void => {
    const replay = this.#shards.get(shard)
    if (replay === undefined) return
    for (;;) {
      const check = replay.open[0]
      if (check === undefined || check.sequence >= nextSequence) return
      replay.open.shift()
      if (check.sequence < nextSequence - 1) continue
      const { part, sequence } = check
      const walk = replay.walks.get(part) ?? walkOver(part, state)
      replay.walks.set(part, walk)
      replay.compared += 1
      const difference = walk.differenceIn(check)
      if (difference !== undefined) replay.differences.push({ shard, sequence, part, ...difference })
    }
  }

  get result(): CheckedMemory {
    const shards = [...this.#shards.values()]
    return {
      compared: shards.reduce((sum, { compared }) => sum + compared, 0),
      differences: shards.flatMap(({ differences }) => differences),
      open: shards.flatMap(({ open }) => open),
    }
  }
}

type ShardReplay = {
  readonly open: MemoryCheck[]
  readonly walks: Map<StateWindow['part'], StateWalk>
  compared: number
  readonly differences: MemoryDifference[]
}
