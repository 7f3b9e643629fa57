/**
 * What travels between threads. One message a tick and peer; the calls in it stand in one flat array, since cloning
 * numbers and strings side by side costs a quarter of cloning an object each (docs/decisions/thread-messages.md).
 *
 * Each call or reply begins with its call id and a kind; the kind says which cells follow.
 */
import type { MessagePort } from 'node:worker_threads'
import type { CustomerId, ProductId, ReservationId, ShardId } from '../domain/ids.ts'
import type { Room } from '../persistence/journal/frame-log.ts'
import type { CommandKey } from './command-key.ts'
import { EngineError, type EngineErrorCode } from './engine-error.ts'
import type { MemoryCheck } from './memory-checks.ts'
import type { Reply, WorkerRequest } from './requests.ts'
import type { Undecided } from './shard.ts'
import type { ShardCounters } from './shard-counters.ts'
import type { ShardBoardMemory } from './stock-board.ts'

export type Cell = string | number | boolean | undefined | WorkerRequest | Reply

/** From a listener to a worker. */
export type CallsMessage = {
  /** By the machine's monotonic clock; a command's deadline counts from here. */
  readonly sentAtMs: number
  readonly cells: readonly Cell[]
  /** No call in it has a higher id, and none before it had. */
  readonly lastCallId: number
}
/**
 * From a worker to a listener. One is sent, if with nothing in it, before any call is looked at: where nothing came from a
 * worker that has ended, nothing of what it was sent has happened.
 */
export type RepliesMessage = {
  readonly cells: readonly Cell[]
  /** Where the worker's board is: said first of all, and whenever it has grown. */
  readonly board?: readonly ShardBoardMemory[]
  /**
   * Nothing more will be said: all calls up to this id were answered, or may have happened where the way to the worker was
   * lost; those above it nobody has looked at, and nobody will.
   */
  readonly lastWord?: number
}
/** From a worker to whoever shows its board to other nodes. */
export type FeedMessage = {
  /** As for a listener. */
  readonly board?: readonly ShardBoardMemory[]
  /** Of a shard, the numbers of products that the board shows anew, before any reply that rests on it. */
  readonly shown?: { readonly shard: ShardId; readonly numbers: readonly number[] }
}

const GENERIC = 0
const RESERVE = 1
const READ_STOCK = 2

const HELD = 1
const OUT_OF_STOCK = 2
const UNDECIDED = 3

export function writeCall(cells: Cell[], callId: number, request: WorkerRequest): void {
  if (request.type === 'reserve') {
    const { reservationId, productId, customerId, quantity, ttlMs, allowPartial, reference, key } = request
    cells.push(
      callId,
      RESERVE,
      reservationId,
      productId,
      customerId,
      quantity,
      ttlMs,
      allowPartial,
      reference,
      key,
    )
  } else if (request.type === 'readStock') cells.push(callId, READ_STOCK, request.productId)
  else cells.push(callId, GENERIC, request)
}

/** Reads every call of a message, in order. Cells are what `writeCall` wrote: both ends are this program. */
export function readCalls(
  cells: readonly Cell[],
  each: (callId: number, request: WorkerRequest) => void,
): void {
  for (let at = 0; at < cells.length; ) {
    const callId = cells[at++] as number
    const kind = cells[at++] as number
    if (kind === RESERVE) {
      each(callId, {
        type: 'reserve',
        reservationId: cells[at++] as ReservationId,
        productId: cells[at++] as ProductId,
        customerId: cells[at++] as CustomerId | undefined,
        quantity: cells[at++] as number,
        ttlMs: cells[at++] as number | undefined,
        allowPartial: cells[at++] as boolean,
        reference: cells[at++] as string | undefined,
        key: cells[at++] as CommandKey | undefined,
      })
    } else if (kind === READ_STOCK) each(callId, { type: 'readStock', productId: cells[at++] as ProductId })
    else each(callId, cells[at++] as WorkerRequest)
  }
}

/** `request` is what it answers, where that was decided: whoever asked remembers the rest of it. */
export function writeReply(
  cells: Cell[],
  callId: number,
  reply: Reply | Undecided,
  request?: WorkerRequest,
): void {
  switch (reply.type) {
    case 'held':
      if (reply.replayed === true) break
      cells.push(callId, HELD, reply.quantity, reply.available, reply.expiresAtMs, reply.sequence)
      return
    case 'undecided':
      cells.push(callId, UNDECIDED, reply.code, reply.why)
      return
    case 'refused':
      if (request?.type === 'reserve' && reply.refusal.reason === 'outOfStock') {
        cells.push(callId, OUT_OF_STOCK, reply.refusal.items[0]?.available)
        return
      }
  }
  cells.push(callId, GENERIC, reply)
}

/** Reads every reply of a message; `requestOf` gives the request a reply belongs to, which says the rest of it. */
export function readReplies(
  cells: readonly Cell[],
  requestOf: (callId: number) => WorkerRequest | undefined,
  each: (callId: number, reply: Reply | EngineError) => void,
): void {
  for (let at = 0; at < cells.length; ) {
    const callId = cells[at++] as number
    const kind = cells[at++] as number
    if (kind === HELD) {
      each(callId, {
        type: 'held',
        quantity: cells[at++] as number,
        available: cells[at++] as number,
        expiresAtMs: cells[at++] as number,
        sequence: cells[at++] as number,
      })
    } else if (kind === OUT_OF_STOCK) {
      const available = cells[at++] as number
      const request = requestOf(callId)
      if (request?.type !== 'reserve') continue
      const { productId, quantity: requested } = request
      each(callId, {
        type: 'refused',
        refusal: { reason: 'outOfStock', items: [{ productId, requested, available }] },
      })
    } else if (kind === UNDECIDED) {
      const code = cells[at++] as EngineErrorCode
      each(callId, new EngineError(code, cells[at++] as string))
    } else each(callId, cells[at++] as Reply)
  }
}

/** The first half of a message's replies, for the crash point that dies between the halves. */
export function firstHalfOf(cells: readonly Cell[]): readonly Cell[] {
  const starts: number[] = []
  for (let at = 0; at < cells.length; ) {
    starts.push(at)
    const kind = cells[at + 1]
    at += kind === HELD ? 6 : kind === UNDECIDED ? 4 : 3
  }
  return cells.slice(0, starts[starts.length >> 1])
}

/** What a worker is able to do, and why not more. */
export type WorkerState =
  | { readonly type: 'starting' }
  /** Everything is answered for which the journal has room. */
  | { readonly type: 'ready'; readonly room: Room }
  /** Reads are answered; changes wait for room on the disk. */
  | { readonly type: 'readOnly'; readonly why: string }
  /** Nothing is answered until somebody acts. */
  | { readonly type: 'stopped'; readonly why: string }

export type ShardStatus = {
  readonly shard: ShardId
  readonly products: number
  readonly reservations: number
  readonly counters: ShardCounters
}

/** What a worker tells of itself, for metrics and for people. */
export type WorkerStatus = {
  readonly worker: number
  readonly shards: readonly ShardStatus[]
  readonly mailbox: number
  readonly shed: number
  /** What records are reckoned at, the most they may take of the heap, and what was refused for want of it. */
  readonly memory: { readonly usedBytes: number; readonly maxBytes: number; readonly refused: number }
  readonly clockSkewMs: number
  readonly journal: {
    readonly frames: number
    readonly events: number
    readonly bytes: number
    readonly syncs: number
    readonly seals: number
    readonly rolls: number
    readonly epoch: number
    readonly segment: number
    readonly hasNextSegment: boolean
  }
}

/** From the supervisor to a worker. */
export type ToWorker =
  | { readonly type: 'connect'; readonly port: MessagePort }
  /** From now on, what its board shows is told there, and nowhere else any more. */
  | { readonly type: 'feed'; readonly port: MessagePort }
  | { readonly type: 'status'; readonly id: number }
  | { readonly type: 'shutdown' }
  /** Its memory is not to be trusted any more: it ends as by a broken rule (S3). */
  | { readonly type: 'end'; readonly why: string }

/** From a worker to the supervisor. */
export type FromWorker =
  | { readonly type: 'state'; readonly state: WorkerState }
  | {
      readonly type: 'log'
      readonly level: 'info' | 'warn' | 'error'
      readonly event: string
      readonly detail: object
    }
  | { readonly type: 'status'; readonly id: number; readonly status: WorkerStatus }
  | { readonly type: 'rolled'; readonly segment: number }
  /** To be compared with a replay. */
  | { readonly type: 'checksums'; readonly check: MemoryCheck }
  /** Of each of these a reservation has expired, durably; who is named twice had two. */
  | { readonly type: 'expired'; readonly customerIds: readonly CustomerId[] }
  /** Frames up to here survive power loss; said now and then, for whoever reads the journal meanwhile. */
  | { readonly type: 'durable'; readonly ordinal: number }
  /** It ends now (S3); `poison` is the request it was deciding, where that is why. */
  | { readonly type: 'failed'; readonly why: string; readonly poison: string | undefined }
  | { readonly type: 'closed' }

/** From the supervisor to the engine of a listener. */
export type ToEngine =
  | { readonly type: 'link'; readonly worker: number; readonly port: MessagePort }
  | { readonly type: 'state'; readonly worker: number; readonly state: WorkerState }
  /** The worker has ended; what it was sent and did not answer may have happened. */
  | { readonly type: 'down'; readonly worker: number }
  | { readonly type: 'quarantine'; readonly fingerprint: string }
  /** Shards may change hands: calls wait so long for one that nobody serves. */
  | { readonly type: 'park'; readonly forMs: number }

/** What two requests share that ask the same: everything but the id drawn for a new reservation. */
export function fingerprintOf(request: WorkerRequest): string {
  return JSON.stringify(request.type === 'reserve' ? { ...request, reservationId: undefined } : request)
}
