/** Bounds of counting callers' requests together with other nodes (docs/decisions/shared-limits.md). */

/** How long what was taken may go untold, unless somebody takes much at once. */
export const announceEveryMs = 10
/** Of a quota: who has used more of it is told of at once. */
export const announceAtOnceShare = 1 / 4
/** Of one message, 9 bytes each. */
export const announcedMax = 4_096
/** How soon what is kept while Redis is away is tried again. */
export const announceAgainMs = 250
/** Messages whose arrival at Redis is not yet known. Beyond it what is taken goes untold. */
export const announcementsUnderWayMax = 8
/**
 * Of a command, until this node counts alone. Redis answers within a few, and with its own disk's sync when it is busy;
 * whoever signs in waits some 60 for the hash of their password anyway.
 */
export const countWithinMs = 200
/** How often a connection that only listens is asked whether it is still there, and how long it may take to say so. */
export const hearingPingMs = 1_000
/** Windows for which an identity can be in debt by what it took at several nodes at once. */
export const debtWindowsMax = 4
/**
 * How long a refusal is taken for granted without asking Redis again: what another node gave back meanwhile is noticed so
 * much later.
 */
export const refusedKnownMs = 100
/** Of one listener. */
export const refusedKnownMax = 4_096
