/** Every bound on a resource: its unit, and why it is what it is. Bounds of the rules are in `domain/bounds.ts`. */
import { assert } from './domain/assert.ts'
import { reservationBytesMax } from './domain/footprint.ts'

const KIB = 1_024
const MIB = 1_024 * KIB

// ---- Engine: from a listener to the shards -------------------------------------------------------------------------

/**
 * Calls one listener waits for at once; beyond it a call is refused at once. Twice what keeps a worker and its disk busy
 * (at 4,096 more callers make it no faster), so that whoever is taken is answered soon however many are not.
 */
export const callsInFlightMax = 8_192
/** From so many on a listener turns away whoever wants units, unread; the rest is for what settles reservations. */
export const callsCrowdedFrom = 6_144
/**
 * Commands one worker's mailbox holds, where its heap has room for as many. At 100,000 a second the last one waits two
 * thirds of a second.
 */
export const mailboxMax = 65_536
/** How long a command may wait for its turn; past it, it is refused undecided. */
export const commandDeadlineMs = 5_000
/** How long a caller waits for the outcome before it is told that it is unknown. Longer than the deadline by a sync. */
export const replyTimeoutMs = 10_000
/**
 * Commands decided in one turn. Fewer, and each frame pays a sync for too little; more, and listeners wait for the first
 * reply until the last command is decided: at 4,096 callers a bound of 4,096 made 150 thousand a second, 512 made 190.
 */
export const batchCommandsMax = 512
/** Products of which one listener remembers where on the board they stand, at some 100 bytes, and ids that it knows as absent. */
export const stockPlacesKnownMax = 500_000
export const absentStocksKnownMax = 10_000
/** Products that it looks for at once: some cold pages of hits. */
export const stocksSoughtMax = 1_024
/** How long a call waits for its shard to come up at another node, and how exactly the end of it is kept. */
export const parkedMsMax = 3_000
export const parkedCheckMs = 50
/** How long the last words of a shard's last owner are waited for, where it is known that it has another one. */
export const lastWordsMs = 1_000
/** Holds that expire in one batch, so that a million at once do not keep buyers waiting (FAULTS.md, 45). */
export const expiriesPerBatchMax = 512

// ---- Memory of a worker --------------------------------------------------------------------------------------------

/** MiB of a worker's heap (V8's old generation). Below it there would be little room for anything but the code. */
export const workerHeapMbMin = 64
export const workerHeapMbMax = 65_536
/** Unless it is set: enough for some ten million ended reservations, and little enough to be collected in time. */
export const workerHeapMbDefaultMax = 4_096
/**
 * Of the machine's memory, the heaps of all workers by default. As much again goes to the threads that make snapshots,
 * and nearly as much to the tables and buffers that both have outside their heaps; the rest is for the listeners.
 */
export const workerHeapsShare = 1 / 4
/**
 * Heap of a worker without records: code, journal, messages under way. Measured: 11 MB idle; 9 to 37 MB with 16,384 calls
 * under way, garbage and the young generation, which has room of its own, included.
 */
export const workerBaseBytes = 24 * MIB
/**
 * Of the heap beside that, records (domain/footprint.ts). The rest is for garbage between collections, for arrays that
 * are copied to grow, and for the mailbox.
 */
export const recordsHeapShare = 0.6
/** From this part of what records may take, those that may be forgotten early are. */
export const recordsShortShare = 15 / 16
/** Of the heap, commands that wait; what one of them takes, but for bodies with very many lines. */
export const mailboxHeapShare = 1 / 8
export const letterBytes = KIB

// ---- Journal -------------------------------------------------------------------------------------------------------

/** Bytes of a segment. Big enough to be rare, small enough to zero-fill well before it is needed. */
export const segmentBytesDefault = 32 * MIB
/** Of one shard's journal in Redis, with a snapshot behind each: some 200,000 events, a third of a second's replay. */
export const sharedSegmentBytesDefault = 8 * MIB
export const segmentBytesMin = 64 * KIB
export const segmentBytesMax = 1_024 * MIB
/** Bytes of events gathered for one frame. One sync pays for all of them, but replies wait for the last. */
export const frameBytesMax = 1 * MIB
/** The largest event: a reservation with its longest ids, reference and reason, all in 4-byte characters. */
export const eventBytesMax = 2 * KIB
/** What a line of a reservation of several products adds to its command's events, with its longest ids. */
export const lineBytesMax = 512
/** The share of each segment kept for confirm, release, return and expiry while no further segment can be had. */
export const settlementRoomShare = 1 / 8
/** A disk that made nothing durable for so long is given up until it does: callers have heard nothing by then either. */
export const syncStuckMs = 10_000
/** Quiet time after which a worker seals its journal. */
export const sealIdleMs = 100
/** How often a worker with nothing to do seals anew, to record that time went on: well within `clockAheadMsMax`. */
export const sealAgainMs = 3_600_000
/** How often a worker without a next segment tries again to make one. */
export const storageRetryMs = 1_000

/** Where it cannot be told how a worker is to begin, that is asked again after so long. */
export const workerStartRetryMs = 100
/** Threads that a node among others keeps waiting for shards that fall to it. */
export const spareWorkersMax = 4
/** When those that were taken are replaced. */
export const spareRefillMs = 2_000
/** How often a worker without a lease looks whether it has one again. */
export const fencedLookMs = 50

/** Events since the last snapshot that make another one worth its writing, after a start and at shutdown. */
export const snapshotEventsMin = 10_000
/** Segments between two snapshots of a running worker. */
export const snapshotSegments = 4
/**
 * A worker takes checksums of so many records in its memory, some 50 µs, each time it has written this share of a segment:
 * with the default size every 128 KiB, a four-hundredth of what it does under full load. With the smallest, less often.
 */
export const checkedRecords = 64
export const checksPerSegment = 256
export const checkBytesMin = 2 * KIB
/** Checks kept for the next replay, some 500 bytes each. */
export const checksKeptMax = 8 * checksPerSegment
/** Differences of one replay that are logged; the first of them ends the worker. */
export const differencesLoggedMax = 8
/** Where a core is short, the thread that makes a snapshot has a tenth of what a thread that sells has of it (Linux). */
export const snapshotNiceness = 10

// ---- History: the projection and live stock -------------------------------------------------------------------------

/** Where a core is short, the history has a thirtieth of what a thread that sells has of it (Linux). */
export const historyNiceness = 15
/** Bytes of frames read in one go: some hundred events, so that whoever asks meanwhile waits for some milliseconds. */
export const historyReadBytes = 32 * KIB
/** Events that go into the projection in one turn, for the same reason where a frame is large. */
export const historyTurnEvents = 250
/** A transaction is ended after this, or after so many events: many events change the same pages, which are written once. */
export const historyCommitMs = 2_000
export const historyCommitEvents = 50_000
/** Products and reservations kept as they were last seen: some 200 bytes each. */
export const historyCacheMax = 50_000
/** How often the journal is looked at although no worker said that there is more. */
export const historyPollMs = 250
/** How often those who watch products are told that nothing was missed, and after how long without it they look themselves. */
export const historyAliveMs = 500
export const historySilentMs = 2_000
/** How often its directory is looked at for streams of workers that nobody told of. */
export const historyLookMs = 5_000
/** A worker tells of what became durable at once, and after that no more often than this. */
export const durableNoticeMs = 20
/** With less room beside it the projection stops growing: the journal needs the rest more. */
export const historyFreeBytesMin = 64 * MIB
/** After trouble with its file or the journal the projection tries again so soon, and each time later. */
export const historyRetryMsMin = 1_000
export const historyRetryMsMax = 60_000
/** Rows that one page of a list looks at, at most. */
export const historyScannedMax = 4_096
export const historyPageMax = 100

/** How long a question waits for the projection to reach a position before the caller is told to come back. */
export const historyWaitMs = 2_000
/** Questions that wait for a position, of all listeners. */
export const historyWaitingMax = 1_024
/** Questions one listener waits for at once, and for how long. */
export const historyCallsMax = 256
export const historyTimeoutMs = 5_000
/** How long another node may be silent before the next one is asked as well, and how long the last one may be. */
export const historyAskNextMs = 1_000
export const historyAskedMs = 3_000
/** Questions of all listeners that other nodes are to answer. */
export const historyForwardedMax = 1_024
/** How long a scrape waits for another node to say that it would answer. */
export const historyReadyMs = 1_000
/** How long a closing history goes on reading what the shards wrote last; the next start reads the rest. */
export const historyCloseMs = 1_000

// ---- Recovery and time ---------------------------------------------------------------------------------------------

/** No hold made before a recovery expires earlier than this after it. */
export const recoveryGraceMs = 30_000
/** A wall clock this far behind the last recorded time, or a day ahead of it, needs `CLOCK_ACCEPT`. */
export const clockBehindMsMax = 60_000
export const clockAheadMsMax = 86_400_000

// ---- Reservations of several products, and idempotency keys --------------------------------------------------------

/** How long the home of a reservation waits for whoever settled it to tell the other shards, before it does so itself. */
export const redeliverAfterMs = 1_000
/** How long a hold waits to hear of its reservation before it asks (DESIGN.md, P4). */
export const doubtAfterMs = 5_000
/** How long a reply waits for other shards to have applied what it says. */
export const settleWaitMs = 1_000
/** Duties to other shards that one turn takes up. */
export const dutiesPerTurnMax = 256
/** How long an aborted reservation's id stays known: beyond any message that could still bring it. */
export const abortedKnownMs = 600_000
/** How long a key is known, and, where there are too many, how long it is known at least. */
export const keyKnownMs = 86_400_000
export const keyKnownMsMin = 3_600_000
/** How long a command can be under way after it claimed its key: longer than any caller waits for it. */
export const claimUsedMs = 60_000
/** Keys of one shard: some 80 bytes each. */
export const keysPerShardMax = 1_000_000
/** Of those who wait in line, how many are served in one go; the rest follow in the next turn. */
export const servedPerTurnMax = 32

// ---- Supervision ---------------------------------------------------------------------------------------------------

/** How often a command may end its worker before it is refused. */
export const poisonTriesMax = 3
/** Commands remembered as poison; the oldest goes first. */
export const poisonRememberedMax = 1_000
export const respawnDelayMsMin = 50
export const respawnDelayMsMax = 30_000
/** How long an orderly shutdown may take, below the 30 s that orchestrators give. */
export const shutdownDeadlineMs = 25_000

// ---- HTTP ----------------------------------------------------------------------------------------------------------

export const bodyBytesMax = 64 * KIB
export const headerBytesMax = 16 * KIB
/** Open sockets of one listener thread. */
export const connectionsMax = 20_000
/** From a connection's first byte to the end of its headers. */
export const headersTimeoutMs = 10_000
/** From a request's first byte to its last. */
export const requestTimeoutMs = 30_000
/** The same of a file that is taken as it comes. */
export const uploadTimeoutMs = 600_000
export const keepAliveTimeoutMs = 65_000
export const stockManyMax = 100
/** Callers whose key was looked up lately. */
export const principalsCachedMax = 10_000
/** How long a looked-up key is trusted; a revocation made here is heard at once, this bounds all other ways. */
export const principalCacheMs = 5_000
export const requestIdLengthMax = 128
/** A socket on which nothing moves for this long is closed, so that clients that never read cannot pile up. */
export const socketIdleTimeoutMs = 60_000
/** How often sockets are checked against their time-outs: how late one can fire. */
export const socketCheckMs = 1_000
/** Connections the kernel holds while the listener is busy; Linux caps it at `somaxconn`. */
export const acceptBacklog = 4_096
/** Look-ups of unknown keys under way at once; beyond it callers are told to come back. */
export const principalLookupsMax = 1_024
/** Of the successes and refusals on hot routes, one in this many is logged. */
export const requestLogOneIn = 1_000
/** Log lines a second about failures on hot routes; an overload must not be made worse by writing about it. */
export const requestLogFailuresPerSecondMax = 100
/** Clients of one listener that listen for live stock, each on a connection of its own. */
export const streamsMax = 10_000
/** Of one address, unless they have a service key: people behind one router, and their tabs. */
export const streamsPerAddressMax = 100
/** How often a product that is listened to is asked for at most: what changes in between, the next event stands for. */
export const streamReadMs = 50
/** Products that are asked for at once, so that however many change the shards have others to answer too. */
export const streamReadsMax = 32
/** Added where the shard did not answer. */
export const streamReadAgainMs = 250
/** How often it is asked for while nobody tells whether it changed. */
export const streamUntoldReadMs = 1_000
/** How often a stream says that it lives, well within the half minute after which proxies give up on a silent one. */
export const streamHeartbeatMs = 15_000
/** Clients that were cut off come back after this, and up to twice as much. */
export const streamRetryMs = 2_000
/** Mistakes named in one answer. */
export const validationErrorsMax = 20
/** How long a scrape waits for each thread's numbers. */
export const metricsTimeoutMs = 2_000
/** How long a closing listener goes on taking in what clients keep sending; without new ones it is done in milliseconds. */
export const takeInMsMax = 1_000
/** How long requests in flight have to finish once the listeners close. */
export const listenersCloseMs = 12_000

// ---- Orders and payments --------------------------------------------------------------------------------------------

/** Orders or discounts on a page, unless the caller says how many. */
export const ordersPageDefault = 20
/** Clients of one listener that follow an order, and of one customer. */
export const orderStreamsMax = 10_000
export const orderStreamsPerCustomerMax = 20
/** A charge that is so much older than a gateway's time to answer has been answered, or whoever began it has died. */
export const chargeGraceMs = 5_000
/** Attempts to pay one order: a buyer has a few cards; who tries stolen ones has thousands. */
export const paymentAttemptsMax = 20
/** How soon after it was begun a pending payment is asked about, in case its webhook does not come. */
export const chargeWaitMs = 10_000
/** How often a gateway is asked about the same payment or refund: a quarter of its age, within these. */
export const gatewayPollMsMin = 5_000
export const gatewayPollMsMax = 3_600_000
/** How long after a hold should have ended the order is looked at: its shard ends it first. */
export const holdLookMs = 1_000
/** How long an order waits before it is looked at anew where something did not answer. */
export const orderRetryMs = 2_000
/** For so long an order is left to the node that drives it. Longer than a gateway takes to answer. */
export const orderLeaseMs = 45_000
/** How often orders are looked for that are due, how many of them at a time, and how many at once. */
export const sweepMs = 500
export const sweepOrdersMax = 256
export const sweepAtOnceMax = 16
/** Where a core is short, the desk has a tenth of what a thread that answers has of it (Linux). */
export const deskNiceness = 10
/**
 * The walk through all rows of the tables: some of them at a time, so often; 400 million are looked at within a day, and all
 * of fewer every four hours. Of a table with more rows than the last of these, indexes are left to `npm run tables`.
 */
export const scrubStepMs = 100
export const scrubStepRows = 500
export const scrubEveryMs = 4 * 3_600_000
export const scrubWholeRowsMax = 100_000
/** How often a node looks whether something was restored from a backup; it hears of most changes sooner. */
export const restorationLookMs = 5_000
/** How often the provider's list is gone through while something in it is undecided, or the provider did not answer. */
export const reconcileAgainMs = 15_000
/** How much before the newest that restored tables know the list begins: clocks differ, and a backup takes its time. */
export const reconcileMarginMs = 3_600_000
/** Orders of which a restored journal is asked at a time. */
export const reconcileOrdersMax = 100
/** How long after it was made an order may have been paid and confirmed: no provider takes longer to say so. */
export const reconcileLateMs = 14 * 86_400_000
/** The same of the look that each start takes, and the most pages of it. */
export const noticeMarginMs = 120_000
export const noticePagesMax = 100
export const noticeAgainMs = 60_000
/** How long what the desk has begun may take when the server closes. */
export const deskCloseMs = 4_000
/** How long a checkout that came to nothing is kept: longer than any hold of it can live. */
export const checkoutKnownMs = 86_400_000

// ---- Limits of callers ---------------------------------------------------------------------------------------------

/** The most requests of one window: each in the least time that is told apart. */
export const rateQuotaMax = 1_000_000
/**
 * Identities that each rate limit tells apart, at 12 bytes each. Only who has used something of the last window's worth
 * needs a place: of a second's, no process answers as many different ones; those of logins are minutes long, and whoever fills
 * them up meets the bound on hashes of passwords first.
 */
export const ratePlaces = 65_536
/** Reservations of one customer that may expire within `cooldownWindowMs`; the last of them begins a cool-down. */
export const cooldownExpiries = 3
export const cooldownWindowMs = 3_600_000
/** Customers of whom something has expired within the window, at 16 bytes each. */
export const cooldownPlaces = 131_072

assert(syncStuckMs >= replyTimeoutMs, 'a disk that answers callers in time is not given up')
assert(
  replyTimeoutMs + commandDeadlineMs < abortedKnownMs,
  'what a home gave up it knows until nothing can come of it any more',
)
assert(parkedMsMax < commandDeadlineMs, 'a call that waited for its shard has time left to be decided')
assert(callsCrowdedFrom < callsInFlightMax, 'a crowd leaves room for what settles reservations')
assert(replyTimeoutMs > commandDeadlineMs, 'a command is refused before its caller gives up')
assert(
  workerBaseBytes + (workerHeapMbMin * MIB - workerBaseBytes) * recordsHeapShare <
    workerHeapMbMin * MIB * (1 - mailboxHeapShare),
  'records and mailbox leave some of the smallest heap',
)
assert(
  (workerHeapMbMin * MIB - workerBaseBytes) * recordsHeapShare * (1 - recordsShortShare) >
    2 * batchCommandsMax * reservationBytesMax,
  'a turn cannot spend what is left between short and spent, so that one may forget before the next one refuses',
)
assert(checksKeptMax > snapshotSegments * checksPerSegment, 'checks are kept until a replay reaches them')
assert(segmentBytesMin * settlementRoomShare > 2 * eventBytesMax, 'the smallest segment keeps room to settle')
assert(
  historyWaitMs < historyAskedMs && historyAskNextMs + historyAskedMs < historyTimeoutMs,
  'another node’s answer comes before the caller gives up',
)
assert(historyReadyMs < metricsTimeoutMs, 'a scrape hears of the history although no other node answers')
assert(streamsMax < connectionsMax, 'streams leave connections for everything else')
assert(2 * streamHeartbeatMs < socketIdleTimeoutMs, 'a stream that is read is never idle')
assert(listenersCloseMs > replyTimeoutMs, 'whoever waits for a reply hears it before its socket is cut')
assert(
  2 * takeInMsMax + listenersCloseMs < shutdownDeadlineMs,
  'the shards have time to close after the listeners',
)
assert(shutdownDeadlineMs < 30_000, 'orchestrators kill after 30 s')
