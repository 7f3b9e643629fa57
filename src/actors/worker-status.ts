import type { StreamId } from '../persistence/journal/frame.ts'
import type { JournalWriter } from '../persistence/journal/writer.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { WorkerStatus } from './protocol.ts'
import type { Shard } from './shard.ts'

/** What a worker tells of itself; zeros for a journal that has not opened. */
export function workerStatusOf(worker: {
  readonly stream: StreamId
  readonly shards: readonly Shard[]
  readonly journal: JournalWriter | undefined
  readonly hasNextSegment: boolean
  /** Commands that wait for their turn, and those that were refused for want of time or room. */
  readonly mailbox: number
  readonly shed: number
  readonly memory: MemoryBudget
  readonly clockSkewMs: number
}): WorkerStatus {
  const { stream, shards, journal, hasNextSegment, mailbox, shed, memory, clockSkewMs } = worker
  const { usedBytes, maxBytes, refused } = memory
  const { frames, events, bytes, syncs, seals, rolls } = journal?.counters ?? NONE
  const segment = journal?.segmentIndex ?? 0
  return {
    worker: stream.worker,
    shards: shards.map(({ id: shard, state, counters }) => {
      return { shard, products: state.products.size, reservations: state.reservations.size, counters }
    }),
    mailbox,
    shed,
    memory: { usedBytes, maxBytes, refused },
    clockSkewMs,
    journal: {
      frames,
      events,
      bytes,
      syncs,
      seals,
      rolls,
      epoch: stream.epoch,
      segment,
      hasNextSegment,
    },
  }
}

const NONE = { frames: 0, events: 0, bytes: 0, syncs: 0, seals: 0, rolls: 0 }
