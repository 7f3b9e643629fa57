/**
 * Deliveries: what a subscriber is told, tried until it is received, and listed afterwards. A delivery that is taken is leased:
 * whoever took it and died leaves it due again, and it goes out with the same event id, by which the subscriber knows it.
 */

import { drawId } from '../draw-id.ts'
import { type Moment, read, write } from '../operation.ts'
import { change, type Query, row, rows } from '../query.ts'
import { addDelivery } from './fan-out.ts'
import { type DisabledReason, disable } from './subscriber-operations.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
/** What Standard Webhooks recommends: waits after the first try, the second, and so on. */
export const retryWaitsMs: readonly number[] = [
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
]
/** Of each wait, added by chance, so that what failed together does not come back together. */
const jitterShare = 0.1
const retryAfterMaxMs = 24 * HOUR_MS
const throttledMs = 5 * SECOND_MS
/** Longer than a try may take. */
const leaseMs = MINUTE_MS
/** Ended deliveries that are kept for each subscriber. */
export const deliveriesKeptMax = 1_000
/** Of a page; one more may be asked for, to see whether there is one. */
export const deliveryPageMax = 100
/** No ULID begins with more than a 7. */
const BEHIND_ALL = 'whd_8'

export type Delivery = {
  readonly id: string
  readonly webhookId: string
  readonly eventId: string
  readonly type: string
  readonly body: string
  readonly state: 'pending' | 'received' | 'failed'
  readonly tries: number
  readonly dueAtMs: number | null
  readonly triedAtMs: number | null
  readonly answerStatus: number | null
  readonly trouble: string | null
  readonly createdAtMs: number
}

/** What a courier needs for one try. */
export type DeliveryJob = Pick<Delivery, 'id' | 'webhookId' | 'eventId' | 'body' | 'tries'> & {
  readonly url: string
  readonly secret: string
}

export type DeliveryTry = {
  readonly id: string
  /** As the job said: of two couriers that tried at a time, one is recorded. */
  readonly tries: number
  readonly result:
    | { readonly type: 'received'; readonly status: number }
    /** The subscriber wants nothing more. */
    | { readonly type: 'gone'; readonly status: number }
    | {
        readonly type: 'failed'
        readonly status?: number
        readonly trouble: string
        readonly retryAfterMs?: number
        /** Whether everything else for this subscriber waits as well. */
        readonly isThrottled?: boolean
      }
}

export type TakeDeliveries = {
  readonly most: number
  readonly mostPerWebhook: number
  /** How many of each subscriber are under way. */
  readonly underWay: Readonly<Record<string, number>>
}

type Queued = { readonly type: 'queued'; readonly delivery: Delivery }
type Unknown = { readonly type: 'refused'; readonly reason: 'unknown-webhook' | 'unknown-delivery' }
type Recorded = { readonly disabled: DisabledReason | undefined }

const COLUMNS = `id, webhook_id AS "webhookId", event_id AS "eventId", type, body, state, tries, due_at_ms AS "dueAtMs",
  tried_at_ms AS "triedAtMs", answer_status AS "answerStatus", trouble, created_at_ms AS "createdAtMs"`

export const deliveryOperations = {
  'webhooks.take': write((args: TakeDeliveries, moment) => take(args, moment)),
  'webhooks.record': write((tried: DeliveryTry, moment) => record(tried, moment)),
  'webhooks.deliveries': read((args: DeliveryPage) => page(args)),
  'webhooks.replay': write((args: { readonly webhookId: string; readonly id: string }, moment) =>
    replay(args.webhookId, args.id, moment),
  ),
  'webhooks.test': write((args: { readonly webhookId: string }, moment) => test(args.webhookId, moment)),
}

/** Of every subscriber a few, and of the subscribers any first, so that a slow one keeps nobody waiting. */
function* take(
  { most, mostPerWebhook, underWay }: TakeDeliveries,
  { nowMs, random }: Moment,
): Query<{ readonly jobs: readonly DeliveryJob[] }> {
  const due = yield* rows<{ readonly id: string; readonly url: string; readonly secret: string }>(
    `SELECT id, url, secret FROM webhooks WHERE paused_until_ms <= ? AND EXISTS
       (SELECT 1 FROM webhook_deliveries WHERE webhook_id = webhooks.id AND due_at_ms <= ?)`,
    nowMs,
    nowMs,
  )
  const jobs: DeliveryJob[] = []
  const inAnyOrder = due
    .map((webhook) => ({ webhook, place: random.fraction() }))
    .sort((a, b) => a.place - b.place)
  for (const { webhook } of inAnyOrder) {
    const room = Math.min(most - jobs.length, mostPerWebhook - (underWay[webhook.id] ?? 0))
    if (room <= 0) continue
    const found = yield* rows<Delivery>(
      `SELECT ${COLUMNS} FROM webhook_deliveries WHERE webhook_id = ? AND due_at_ms <= ? ORDER BY due_at_ms, id LIMIT ? /* skip locked */`,
      webhook.id,
      nowMs,
      room,
    )
    for (const { id, webhookId, eventId, body, tries, dueAtMs } of found) {
      const leased = yield* change(
        'UPDATE webhook_deliveries SET due_at_ms = ? WHERE id = ? AND due_at_ms = ?',
        nowMs + leaseMs,
        id,
        dueAtMs,
      )
      const { url, secret } = webhook
      if (leased === 1) jobs.push({ id, webhookId, eventId, body, tries, url, secret })
    }
  }
  return { jobs }
}

function* record({ id, tries, result }: DeliveryTry, moment: Moment): Query<Recorded> {
  const { nowMs } = moment
  const delivery = yield* row<Delivery>(`SELECT ${COLUMNS} FROM webhook_deliveries WHERE id = ?`, id)
  if (delivery === undefined) return { disabled: undefined }
  const { webhookId } = delivery
  const isLast = tries >= retryWaitsMs.length
  const state =
    result.type === 'received'
      ? 'received'
      : result.type === 'gone' || isLast
        ? ('failed' as const)
        : ('pending' as const)
  const recorded = yield* change(
    `UPDATE webhook_deliveries SET state = ?, due_at_ms = ?, tries = tries + 1, tried_at_ms = ?, answer_status = ?, trouble = ?
      WHERE id = ? AND state = 'pending' AND tries = ?`,
    state,
    state === 'pending' ? nowMs + waitAfter(tries, result, moment) : null,
    nowMs,
    result.status ?? null,
    result.type === 'failed' ? result.trouble : null,
    id,
    tries,
  )
  if (recorded === 0) return { disabled: undefined }
  if (state !== 'pending') yield* forgetOldest(webhookId)
  if (result.type === 'received') {
    // A test or a replay that arrives shows that a disabled one works again.
    yield* change(
      `UPDATE webhooks SET last_received_at_ms = ?, state = 'enabled', disabled_because = NULL WHERE id = ?`,
      nowMs,
      webhookId,
    )
    return { disabled: undefined }
  }
  if (result.type === 'failed' && result.isThrottled === true) {
    const untilMs = nowMs + Math.max(throttledMs, Math.min(result.retryAfterMs ?? 0, retryAfterMaxMs))
    yield* change('UPDATE webhooks SET paused_until_ms = ? WHERE id = ?', untilMs, webhookId)
  }
  return { disabled: state === 'failed' ? yield* disableAfter(delivery, result.type) : undefined }
}

function waitAfter(tries: number, result: DeliveryTry['result'], { random }: Moment): number {
  const waitMs = (retryWaitsMs[tries] ?? 0) * (1 + jitterShare * random.fraction())
  const askedMs = result.type === 'failed' ? (result.retryAfterMs ?? 0) : 0
  return Math.round(Math.max(waitMs, Math.min(askedMs, retryAfterMaxMs)))
}

function* disableAfter(
  { webhookId, createdAtMs }: Delivery,
  result: 'gone' | 'failed',
): Query<DisabledReason | undefined> {
  if (result === 'gone') return (yield* disable(webhookId, 'gone')) ? 'gone' : undefined
  const webhook = yield* row<{ readonly receivedAtMs: number | null }>(
    'SELECT last_received_at_ms AS "receivedAtMs" FROM webhooks WHERE id = ?',
    webhookId,
  )
  if ((webhook?.receivedAtMs ?? 0) >= createdAtMs) return undefined
  return (yield* disable(webhookId, 'failing')) ? 'failing' : undefined
}

function* forgetOldest(webhookId: string): Query<void> {
  const first = yield* row<{ readonly id: string }>(
    `SELECT id FROM webhook_deliveries WHERE webhook_id = ? AND state <> 'pending' ORDER BY id DESC LIMIT 1 OFFSET ?`,
    webhookId,
    deliveriesKeptMax,
  )
  if (first === undefined) return
  yield* change(
    `DELETE FROM webhook_deliveries WHERE webhook_id = ? AND state <> 'pending' AND id <= ?`,
    webhookId,
    first.id,
  )
}

export type DeliveryPage = {
  readonly webhookId: string
  readonly state?: Delivery['state'] | undefined
  /** Those before this one. */
  readonly before?: string | undefined
  readonly limit: number
}

/** The newest first. Undefined where there is no such subscriber. */
function* page({ webhookId, state, before, limit }: DeliveryPage): Query<readonly Delivery[] | undefined> {
  if ((yield* row('SELECT id FROM webhooks WHERE id = ?', webhookId)) === undefined) return undefined
  return yield* rows<Delivery>(
    `SELECT ${COLUMNS} FROM webhook_deliveries
      WHERE webhook_id = ? AND id < ? AND (? = '' OR state = ?) ORDER BY id DESC LIMIT ?`,
    webhookId,
    before ?? BEHIND_ALL,
    state ?? '',
    state ?? '',
    Math.min(limit, deliveryPageMax + 1),
  )
}

function* replay(webhookId: string, id: string, { nowMs }: Moment): Query<Queued | Unknown> {
  if ((yield* row('SELECT id FROM webhooks WHERE id = ?', webhookId)) === undefined) {
    return { type: 'refused', reason: 'unknown-webhook' }
  }
  yield* change(
    `UPDATE webhook_deliveries SET state = 'pending', tries = 0, due_at_ms = ? WHERE id = ? AND webhook_id = ?`,
    nowMs,
    id,
    webhookId,
  )
  yield* change('UPDATE webhooks SET paused_until_ms = 0 WHERE id = ?', webhookId)
  const delivery = yield* row<Delivery>(
    `SELECT ${COLUMNS} FROM webhook_deliveries WHERE id = ? AND webhook_id = ?`,
    id,
    webhookId,
  )
  return delivery === undefined
    ? { type: 'refused', reason: 'unknown-delivery' }
    : { type: 'queued', delivery }
}

/** An event of no meaning, for who sets a subscriber up. */
function* test(webhookId: string, moment: Moment): Query<Queued | Unknown> {
  if ((yield* row('SELECT id FROM webhooks WHERE id = ?', webhookId)) === undefined) {
    return { type: 'refused', reason: 'unknown-webhook' }
  }
  const eventId = drawId('evt', moment)
  const timestamp = new Date(moment.nowMs).toISOString()
  const body = JSON.stringify({ type: 'webhook.test', timestamp, data: { id: webhookId } })
  yield* addDelivery({ webhookId, eventId, type: 'webhook.test', body }, moment)
  yield* change('UPDATE webhooks SET paused_until_ms = 0 WHERE id = ?', webhookId)
  const delivery = yield* row<Delivery>(
    `SELECT ${COLUMNS} FROM webhook_deliveries WHERE webhook_id = ? AND event_id = ?`,
    webhookId,
    eventId,
  )
  return delivery === undefined
    ? { type: 'refused', reason: 'unknown-webhook' }
    : { type: 'queued', delivery }
}
