/** Which shard a request belongs to, and which worker serves a shard. */
import { homeOf, type ShardId, shardOf } from '../domain/ids.ts'
import type { WorkerRequest } from './requests.ts'

/** The shard whose state answers this request. */
export function shardOfRequest(request: WorkerRequest, shards: number): ShardId {
  if ('shard' in request) return request.shard
  return 'reservationId' in request ? homeOf(request.reservationId) : shardOf(request.productId, shards)
}

/** Shards are dealt to workers in turn; with another number of workers they are dealt anew. */
export function workerOf(shard: ShardId, workers: number): number {
  return shard % workers
}

export function shardsOfWorker(
  worker: number,
  options: { readonly shards: number; readonly workers: number },
): ShardId[] {
  const own: ShardId[] = []
  for (let shard = worker; shard < options.shards; shard += options.workers) own.push(shard as ShardId)
  return own
}
