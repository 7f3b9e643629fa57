/** The words between a supervisor and whoever forwards to other nodes. Where there are no other nodes, nobody says them. */
import type { MessagePort } from 'node:worker_threads'
import type { WorkerState } from './protocol.ts'

/** One life of a shard's worker; a node's later ones have greater numbers. In a cluster a worker serves one shard, its index. */
export type ShardLife = { readonly shard: number; readonly life: number }

export type ServedShard = ShardLife & { readonly state: WorkerState }

/** The way to what other nodes serve. */
export type RemoteShards = {
  /** What this node says that it serves now, if anything; of later changes it tells `FollowedShards`. */
  servedBy(nodeId: string, shard: number): ServedShard | undefined
  /** The other end of this port is an engine's: what it asks goes to that life of the shard. */
  link(nodeId: string, shard: ShardLife, port: MessagePort): void
  /** To be told to all other nodes. */
  noteServed(shard: ServedShard): void
  noteEnded(shard: ShardLife): void
  noteQuarantined(fingerprint: string): void
}
