/** Bounds of searching, and how closely the index follows what is sold and changed. */

const KIB = 1_024

/** Characters of what is looked for. */
export const searchTermLengthMax = 200
/** Hits of one page. */
export const searchPageMax = 100
/** Hits that can be paged through: whoever looks further asks for less. */
export const searchDepthMax = 10_000
export const suggestionsMax = 10
/** How often the index looks for what has changed, where nobody tells. */
export const searchPollMs = 100
/** Products that are put into the index at one go; between two, questions are answered. */
export const searchPutMax = 50
/** Of the journal, at one go. */
export const searchReadBytes = 256 * KIB
/** Products whose stock is looked at together. */
export const searchStocksMax = 250
/** How long a search waits for the position it was given. */
export const searchWaitMs = 2_000
/** Questions that wait for a position, of all listeners: few of those that one may have, so that the others are answered. */
export const searchWaitingMax = 256
/** Searches of one caller that have no answer, at one listener. */
export const searchesOfCallerMax = 16
/** Questions of one listener that have no answer. */
export const searchCallsMax = 1_024
export const searchTimeoutMs = 5_000
/** For comparing every index with the whole catalog. */
export const searchVerifyMs = 60_000
/** What could not be read is tried again so soon at first, and so late in the end. */
export const searchRetryMsMin = 250
export const searchRetryMsMax = 30_000
export const searchCloseMs = 1_000
/** Behind whoever sells, and before the history (Linux). */
export const searchNiceness = 5
/** How long a search server may have changes owed to it that could go with others. */
export const keeperPollMs = 250
/** Products told to a search server in one call. */
export const keeperBatchMax = 250
/** Documents that a search server has refused, of which it is known why. */
export const parkedMax = 1_000
/** For one call to a search server, and for one that brings many documents or asks for all. */
export const searchServerCallMs = 2_000
export const searchServerBulkMs = 60_000
/** Failures in a row after which a search server is left alone, for so long at first and at most. */
export const searchServerFailuresMax = 3
export const searchServerRestMsMin = 1_000
export const searchServerRestMsMax = 10_000
/** Differences that a verification lists. */
export const differencesMax = 100
