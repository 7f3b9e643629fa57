/**
 * An operation on the tables: one transaction's worth, named in `operations.ts`. A read is answered by whatever connection is
 * at hand; a write by the one writer, who may make it share a transaction with others.
 */
import type { Random } from '../../seams.ts'
import type { Query } from './query.ts'

/** What everybody who remembers something of the tables must hear, before who asked for the change hears of it. */
export type Notice =
  | { readonly type: 'keyRevoked'; readonly id: string }
  /** A session of this user has ended, or all have another role. */
  | { readonly type: 'sessionsChanged'; readonly userId: string }
  | { readonly type: 'signingKeysChanged' }
  | { readonly type: 'orderChanged'; readonly orderId: string }
  /** Whether the shop sells, or what keeps it from it. */
  | { readonly type: 'restorationChanged' }
  /** Something happened that others wait for; `id` is its place in the outbox. */
  | { readonly type: 'outbox'; readonly id: number }
  /** Any of these may have happened, to anybody, without having been told. */
  | { readonly type: 'missed' }

/** In which a write happens. */
export type Moment = {
  /** The same for all writes of a transaction. */
  readonly nowMs: number
  readonly random: Random
  /** Told to every thread once the transaction is on disk, and to nobody if this write comes to nothing. */
  notify(notice: Notice): void
}

export type ReadOperation<Args, Reply> = {
  readonly kind: 'read'
  readonly run: (args: Args) => Query<Reply>
}

export type WriteOperation<Args, Reply> = {
  readonly kind: 'write'
  readonly run: (args: Args, moment: Moment) => Query<Reply>
  /** Whether the reply is given again when the same idempotency key comes again. */
  readonly isKept: (reply: Reply) => boolean
}

/** An operation that changes nothing. */
export function read<Args, Reply>(run: (args: Args) => Query<Reply>): ReadOperation<Args, Reply> {
  return { kind: 'read', run }
}

/** An operation that changes something. Unless it says otherwise, all of its replies are kept but refusals. */
export function write<Args, Reply extends object>(
  run: (args: Args, moment: Moment) => Query<Reply>,
  { isKept = isNoRefusal }: { readonly isKept?: (reply: Reply) => boolean } = {},
): WriteOperation<Args, Reply> {
  return { kind: 'write', run, isKept }
}

function isNoRefusal(reply: object): boolean {
  return !('type' in reply && reply.type === 'refused')
}

/** Thrown by a write to undo what it did so far, and answer with this reply all the same. */
export class Undone<Reply extends object> extends Error {
  override readonly name = 'Undone'
  readonly reply: Reply

  constructor(reply: Reply) {
    super('the write was undone')
    this.reply = reply
  }
}
