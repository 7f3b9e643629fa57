/** Bounds of telling other systems what happens. */

const KIB = 1_024

/** Of the journal, at one go: some 400 events, unless one frame has more. */
export const eventsReadBytes = 16 * KIB
/** Events told at one go: a Redis serves nobody else meanwhile, for some milliseconds. What was read and is more takes several. */
export const eventsSendMax = 1_000
/** The same in bytes, unless one alone is longer. Half of what a topic takes in one batch. */
export const eventsSendBytesMax = 512 * KIB
/** How often it looks for what has happened. Nobody waits for it, and events that come together cost less. */
export const eventsPollMs = 250
/** How often the broker is asked whether it still has what it was told, where nothing happens. */
export const eventsConfirmMs = 1_000
/** Of one call to the broker, and of reaching it. */
export const eventsCallMs = 10_000
export const eventsConnectMs = 2_000
/** How often it is noted for whoever archives how far others were told, and how often a node that does not tell asks. */
export const eventsNoteMs = 1_000
export const eventsStandbyMs = 10_000
/** What could not be read or told is tried again so soon at first, and so late in the end. */
export const eventsRetryMsMin = 100
export const eventsRetryMsMax = 5_000
/** A shutdown waits no longer for what is being told. */
export const eventsCloseMs = 2_000
/** Behind everybody else: nobody waits for it (Linux). */
export const eventsNiceness = 19
