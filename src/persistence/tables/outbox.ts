/** The transactional outbox: what happened, in the order in which it did. */
import { assert } from '../../domain/assert.ts'
import { type Moment, read } from './operation.ts'
import { type Query, row, rows } from './query.ts'

export const outboxEventTypes = [
  'user.registered',
  'product.changed',
  'review.changed',
  'order.created',
  'order.confirmed',
  'order.shipped',
  'order.delivered',
  'order.cancelled',
  'order.expired',
  'order.refunded',
  'payment.failed',
] as const

export type OutboxEventType = (typeof outboxEventTypes)[number]

export type OutboxEvent = {
  /** Position of the change; newer events have higher ones. */
  readonly id: number
  readonly type: OutboxEventType
  readonly subjectId: string
  /** What the type has to say, small and without secrets. */
  readonly payload: Readonly<Record<string, unknown>>
  readonly atMs: number
}

/** What it says: of what, and the rest beside it. */
export function outboxData({ subjectId, payload }: OutboxEvent): Readonly<Record<string, unknown>> {
  return { id: subjectId, ...payload }
}

/** The same event has it wherever it is told. */
export function outboxEventId(id: number): string {
  return `evt_${id}`
}

/** The most of them that one reading brings. */
export const outboxPageMax = 256

export const outboxOperations = {
  'outbox.after': read(({ id, limit }: { readonly id: number; readonly limit: number }) =>
    eventsAfter(id, limit),
  ),
  'outbox.last': read((_: Record<never, never>) => lastSettledId()),
}

/** Records what happened, in the transaction in which it did. Answers its id, which is the position of the change. */
export function* enqueue(
  event: Pick<OutboxEvent, 'type' | 'subjectId' | 'payload'>,
  { nowMs, notify }: Pick<Moment, 'nowMs' | 'notify'>,
): Query<number> {
  const inserted = yield* row<{ readonly id: number }>(
    'INSERT INTO outbox (type, subject_id, payload, at_ms) VALUES (?, ?, ?, ?) RETURNING id',
    event.type,
    event.subjectId,
    JSON.stringify(event.payload),
    nowMs,
  )
  assert(inserted !== undefined, 'an insertion returns its row')
  notify({ type: 'outbox', id: inserted.id })
  return inserted.id
}

/** Those with a higher id, in their order, up to the first that may yet get one before it. */
export function* eventsAfter(id: number, limit: number): Query<readonly OutboxEvent[]> {
  const found = yield* rows<Omit<OutboxEvent, 'payload'> & { readonly payload: string }>(
    `SELECT id, type, subject_id AS "subjectId", payload, at_ms AS "atMs"
       FROM outbox WHERE id > ? /* and settled */ ORDER BY id LIMIT ?`,
    id,
    Math.min(limit, outboxPageMax),
  )
  return found.map((event) => ({ ...event, payload: JSON.parse(event.payload) }))
}

/** Of the newest event; 0 before the first. What changed nothing rests on no later one. */
export function* lastOutboxId(): Query<number> {
  const last = yield* row<{ readonly id: number | null }>('SELECT max(id) AS id FROM outbox')
  return last?.id ?? 0
}

/** Whoever begins here and reads `eventsAfter` misses nothing that is not there by now. */
function* lastSettledId(): Query<number> {
  const last = yield* row<{ readonly id: number | null }>(
    'SELECT max(id) AS id FROM outbox WHERE id > 0 /* and settled */',
  )
  return last?.id ?? 0
}
