/** Bounds of talking to a Redis. */

/** A server that is up on the same network answers within a few; one that is gone must not hold up a take-over. */
export const redisConnectTimeoutMs = 1_000
/** Of one command. An append waits for a sync of the server's disk, which can take long while others write. */
export const redisCommandTimeoutMs = 5_000
/** Of asking one node who serves what. */
export const redisViewTimeoutMs = 1_000
/** Once one node has answered who serves what, the others have so long: the newest claim should be among the answers. */
export const redisViewGraceMs = 150
/** Between two attempts to find a slot's primary. */
export const redisRetryMs = 50
/** How long a caller waits for a primary, unless it says otherwise: longer than a failover takes by default (5 s and an election). */
export const redisPrimaryWithinMs = 10_000
/** How long a start waits for servers that are loading or electing. */
export const redisBootWithinMs = 30_000
