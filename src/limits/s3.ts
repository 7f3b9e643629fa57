/** Bounds of what is asked of an S3-compatible store. */

/** Tries of one request in all, and how long until the second begins; each further one waits for up to twice as long. */
export const s3TriesMax = 4
export const s3RetryMs = 100
/** What a store asks for with `Retry-After` is heeded up to here. */
export const s3RetryMsMax = 2_000
/** No try begins later than this after the first, and none lasts longer. */
export const s3PatienceMs = 15_000
/** Without a byte either way, a connection counts as lost. */
export const s3IdleMs = 5_000
/** Of one listener. Whoever comes later waits for a connection. */
export const s3ConnectionsMax = 16
/** Of what a store says of an error, or of one page of a list. */
export const s3ReplyBytesMax = 4 * 1_024 * 1_024
/** Objects of one page of a list. */
export const s3PageMax = 1_000
/** How long a URL is good for that an image is read by, and how long one is given out before the next is made. */
export const s3SignedSeconds = 3_600
export const s3SignedEverySeconds = 900
/** For so long whoever was sent on to a public URL need not ask again. */
export const s3PublicSeconds = 86_400
/** Of archived journals, which are moved in whole segments, and by a command that may wait. */
export const s3ArchivePatienceMs = 600_000
export const s3ArchiveIdleMs = 60_000
