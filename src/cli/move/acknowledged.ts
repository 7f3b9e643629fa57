/** What a connection has written to Redis, made as durable as the nodes' policy asks for. */
import type { Redis } from 'ioredis'
import { redisAckWaitMs } from '../../limits/redis.ts'
import type { AckPolicy } from '../../persistence/journal/redis/redis-log.ts'
import { Unusable } from '../exit-codes.ts'

/** Replicas may have a long way to go behind so much at once. */
const WAITS_MAX = 200

/** With `aof` each answer says so itself. Throws `Unusable` where the replicas do not follow. */
export async function untilAcknowledged(redis: Redis, ack: AckPolicy): Promise<void> {
  if (ack.type === 'aof') return
  for (let waits = 0; waits < WAITS_MAX; waits++)
    if ((await redis.wait(ack.count, redisAckWaitMs)) >= ack.count) return
  throw new Unusable(
    `Fewer than the ${ack.count} replicas of REDIS_ACK follow: nothing is durable there yet.`,
  )
}
