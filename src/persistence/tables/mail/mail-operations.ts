/**
 * Messages to customers: made of the outbox's events, tried until they are sent. One that is taken is leased, so that whoever
 * took it and died leaves it due again; it is then sent under the same message id.
 */
import { type Moment, write } from '../operation.ts'
import type { OutboxEvent, OutboxEventType } from '../outbox.ts'
import { markRead, unread } from '../outbox-cursors.ts'
import { change, type Query, row, rows } from '../query.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const CONSUMER = 'mail'
const eventsPerTurn = 100
/** After each try that did not go well; some two days in all, as mail servers themselves give up after a few. */
const waitsMs: readonly number[] = [
  MINUTE_MS / 2,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  24 * HOUR_MS,
]
/** Longer than a try may take. */
const leaseMs = 2 * MINUTE_MS
/** Of those that wait. Beyond it events stay in the outbox, where they are as safe. */
export const mailWaitingMax = 10_000
/** Of those that could not be sent; the oldest are forgotten beyond it. */
export const mailKeptMax = 1_000

/** Of what a customer is told. */
export const mailEventTypes = [
  'user.registered',
  'order.confirmed',
  'order.shipped',
  'order.cancelled',
  'order.refunded',
  'payment.failed',
] as const satisfies readonly OutboxEventType[]

export type MailEvent = Omit<OutboxEvent, 'type'> & { readonly type: (typeof mailEventTypes)[number] }
export type MailJob = { readonly event: MailEvent; readonly tries: number }

export type MailTry = {
  readonly eventId: number
  /** As the job said: of two couriers that tried at a time, one is recorded. */
  readonly tries: number
  readonly result:
    | { readonly type: 'sent' }
    /** There is nobody to tell, or nothing to say any more. */
    | { readonly type: 'moot' }
    | { readonly type: 'failed'; readonly trouble: string; readonly isFinal: boolean }
}

type Row = Omit<MailEvent, 'payload'> & {
  readonly payload: string
  readonly tries: number
  readonly dueAtMs: number
}

export const mailOperations = {
  'mail.plan': write((_: Record<never, never>, moment) => plan(moment)),
  'mail.take': write((args: { readonly most: number }, moment) => take(args.most, moment)),
  'mail.record': write((tried: MailTry, moment) => record(tried, moment)),
}

function* plan({ nowMs }: Moment): Query<{ readonly events: number }> {
  const events = yield* unread(CONSUMER, eventsPerTurn)
  if (events.length === 0 || (yield* waiting()) > mailWaitingMax - eventsPerTurn) return { events: 0 }
  if (!(yield* markRead(CONSUMER, events))) return { events: 0 }
  for (const { id, type, subjectId, payload, atMs } of events) {
    if (!mailEventTypes.some((each) => each === type)) continue
    yield* change(
      'INSERT INTO mail (event_id, type, subject_id, payload, at_ms, due_at_ms) VALUES (?, ?, ?, ?, ?, ?)',
      id,
      type,
      subjectId,
      JSON.stringify(payload),
      atMs,
      nowMs,
    )
  }
  return { events: events.length }
}

function* waiting(): Query<number> {
  const sql = 'SELECT count(*) AS waiting FROM mail WHERE due_at_ms IS NOT NULL'
  return (yield* row<{ readonly waiting: number }>(sql))?.waiting ?? 0
}

function* take(most: number, { nowMs }: Moment): Query<{ readonly jobs: readonly MailJob[] }> {
  const due = yield* rows<Row>(
    `SELECT event_id AS id, type, subject_id AS "subjectId", payload, at_ms AS "atMs", tries, due_at_ms AS "dueAtMs"
       FROM mail WHERE due_at_ms <= ? ORDER BY due_at_ms, event_id LIMIT ? /* skip locked */`,
    nowMs,
    most,
  )
  const jobs: MailJob[] = []
  for (const { tries, dueAtMs, payload, ...event } of due) {
    const leased = yield* change(
      'UPDATE mail SET due_at_ms = ? WHERE event_id = ? AND due_at_ms = ?',
      nowMs + leaseMs,
      event.id,
      dueAtMs,
    )
    if (leased === 1) jobs.push({ event: { ...event, payload: JSON.parse(payload) }, tries })
  }
  return { jobs }
}

/** Says whether the message is given up: there is no further try. */
function* record(
  { eventId, tries, result }: MailTry,
  { nowMs }: Moment,
): Query<{ readonly isGivenUp: boolean }> {
  if (result.type !== 'failed') {
    yield* change('DELETE FROM mail WHERE event_id = ? AND tries = ?', eventId, tries)
    return { isGivenUp: false }
  }
  const waitMs = result.isFinal ? undefined : waitsMs[tries]
  yield* change(
    'UPDATE mail SET tries = tries + 1, due_at_ms = ?, trouble = ? WHERE event_id = ? AND tries = ?',
    waitMs === undefined ? null : nowMs + waitMs,
    result.trouble,
    eventId,
    tries,
  )
  if (waitMs !== undefined) return { isGivenUp: false }
  yield* forgetOldest()
  return { isGivenUp: true }
}

function* forgetOldest(): Query<void> {
  const first = yield* row<{ readonly id: number }>(
    'SELECT event_id AS id FROM mail WHERE due_at_ms IS NULL ORDER BY event_id DESC LIMIT 1 OFFSET ?',
    mailKeptMax,
  )
  if (first !== undefined)
    yield* change('DELETE FROM mail WHERE due_at_ms IS NULL AND event_id <= ?', first.id)
}
