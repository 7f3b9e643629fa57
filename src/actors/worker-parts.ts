/** What a shard worker is given: how it is set, and the world around it. */
import type { MessagePort } from 'node:worker_threads'
import type { ShardId } from '../domain/ids.ts'
import type { Disk } from '../persistence/journal/disk.ts'
import type { StreamId } from '../persistence/journal/frame.ts'
import type { Clock, Port, Timers } from '../seams.ts'
import type { Engine } from './engine.ts'
import type { CallsMessage, FeedMessage, FromWorker, RepliesMessage, ToWorker } from './protocol.ts'

export type WorkerSettings = {
  readonly stream: StreamId
  readonly shards: readonly ShardId[]
  /** How many the data has. */
  readonly shardsOfData: number
  readonly journalDirectory: string
  readonly snapshotDirectory: string
  readonly segmentBytes: number
  readonly returnDays: number
  /** MiB of the thread's heap. */
  readonly heapMb: number
  /** Believe the wall clock, whatever was recorded. */
  readonly acceptClock: boolean
}

export type WorkerParts = {
  readonly disk: Disk
  readonly clock: Clock
  readonly timers: Timers
  readonly supervisor: Port<ToWorker, FromWorker>
  readonly portOf: (end: MessagePort) => Port<CallsMessage, RepliesMessage>
  readonly feedOf: (end: MessagePort) => Pick<Port<never, FeedMessage>, 'send'>
  /** The way to all shards, those of other workers included. */
  readonly engine: Pick<Engine, 'execute'>
  /** Ends the thread; nothing of it runs after. */
  readonly exit: (code: number) => void
}
