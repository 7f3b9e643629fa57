/** What a shard worker is given: how it is set, and the world around it. */
import type { MessagePort } from 'node:worker_threads'
import type { ShardId } from '../domain/ids.ts'
import type { Disk } from '../persistence/journal/disk.ts'
import type { StreamId } from '../persistence/journal/frame.ts'
import type { ShardEnd } from '../persistence/journal/redis/mirror.ts'
import type { AckPolicy, Primaries } from '../persistence/journal/redis/redis-log.ts'
import type { RedisAccess } from '../redis-url.ts'
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
  /** Absent where the journal is in files. */
  readonly shared?: SharedJournal
}

/** A journal that nodes share, of the one shard that a worker then has: how this life of it goes on from its end. */
export type SharedJournal = SharedStart & {
  readonly access: RedisAccess
  readonly ack: AckPolicy
  /** Memory of the `LeaseBoard`. */
  readonly leases: SharedArrayBuffer
}

/** What only the journal's end can say, before a worker begins. */
export type SharedStart = {
  /** Above all that wrote this journal. */
  readonly epoch: number
  /** A nonce of this writer alone. */
  readonly writer: string
  readonly end: ShardEnd
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
  /** The way to a journal in Redis, where there is one. */
  readonly primaries?: Primaries
  /** Ends the thread; nothing of it runs after. */
  readonly exit: (code: number) => void
}
