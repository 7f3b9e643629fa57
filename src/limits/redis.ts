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
/** One attempt of whoever tries again anyhow, and has something else to look at meanwhile. */
export const redisSoonMs = 1_000

/** How long one `WAIT` for replicas takes at most; it is asked again for as long as they are missing. */
export const redisAckWaitMs = 350
/** Pauses before something that Redis did not take is sent again: from the first to the longest. */
export const redisRetryMinMs = 10
export const redisRetryMaxMs = 350
/** How long a mirror lets frames gather once some have come, so that a busy shard's are read many at a time. */
export const mirrorGatherMs = 100
/** How often it looks at a shard without being told that there is more: its head may have gone back. */
export const mirrorLookMs = 450
/** Of one blocked wait for more. */
export const mirrorWatchMs = 10_000
/** Frames that a mirror reads at a time, each of `frameBytesMax` at most. */
export const mirrorFramesMax = 32
/** A shutdown waits no longer for a mirror. */
export const mirrorCloseMs = 2_000
/** How often what a mirror wrote is made to survive power loss. */
export const mirrorSyncMs = 1_000
