/** From the outbox to the subscribers: each event becomes one delivery for each who asked for its type, once. */
import { drawId } from '../draw-id.ts'
import { type Moment, write } from '../operation.ts'
import { type OutboxEvent, outboxData, outboxEventId } from '../outbox.ts'
import { markRead, unread } from '../outbox-cursors.ts'
import { change, type Query, row, rows } from '../query.ts'
import { type DisabledReason, disable } from './subscriber-operations.ts'

/** What waits for one subscriber, at most. One that is so far behind is told nothing more until it works again. */
export const deliveriesPendingMax = 10_000
/** Standard Webhooks asks for less than 20 kB; this leaves room for what surrounds the data. */
const dataBytesMax = 19_000
const eventsPerTurn = 100
const CONSUMER = 'webhooks'

type Subscriber = { readonly id: string; readonly eventTypes: string; readonly afterId: number }

export type FannedOut = {
  readonly events: number
  readonly deliveries: number
  readonly disabled: readonly { readonly webhookId: string; readonly because: DisabledReason }[]
}

export const fanOutOperations = {
  'webhooks.fanOut': write((_: Record<never, never>, moment) => fanOut(moment)),
}

function* fanOut(moment: Moment): Query<FannedOut> {
  const events = yield* unread(CONSUMER, eventsPerTurn)
  if (events.length === 0 || !(yield* markRead(CONSUMER, events))) {
    return { events: 0, deliveries: 0, disabled: [] }
  }
  const subscribers = yield* rows<Subscriber>(
    `SELECT id, event_types AS "eventTypes", after_id AS "afterId" FROM webhooks WHERE state = 'enabled' ORDER BY id`,
  )
  let deliveries = 0
  const disabled: { webhookId: string; because: DisabledReason }[] = []
  for (const { id, eventTypes, afterId } of subscribers) {
    const wanted: readonly string[] = JSON.parse(eventTypes)
    const own = events.filter((event) => event.id > afterId && wanted.includes(event.type))
    if (own.length === 0) continue
    if ((yield* pendingOf(id)) + own.length > deliveriesPendingMax) {
      if (yield* disable(id, 'behind')) disabled.push({ webhookId: id, because: 'behind' })
      continue
    }
    for (const event of own) deliveries += yield* deliver(id, event, moment)
  }
  return { events: events.length, deliveries, disabled }
}

function* deliver(webhookId: string, event: OutboxEvent, moment: Moment): Query<number> {
  return yield* addDelivery(
    { webhookId, eventId: outboxEventId(event.id), type: event.type, body: bodyOf(event) },
    moment,
  )
}

/** Due at once. */
export function* addDelivery(
  delivery: {
    readonly webhookId: string
    readonly eventId: string
    readonly type: string
    readonly body: string
  },
  moment: Moment,
): Query<number> {
  const { webhookId, eventId, type, body } = delivery
  return yield* change(
    `INSERT INTO webhook_deliveries (id, webhook_id, event_id, type, body, state, due_at_ms, created_at_ms)
     VALUES (?, ?, ?, ?, ?, 'pending', ?, ?) ON CONFLICT (webhook_id, event_id) DO NOTHING`,
    drawId('whd', moment),
    webhookId,
    eventId,
    type,
    body,
    moment.nowMs,
    moment.nowMs,
  )
}

/** As Standard Webhooks has it. Where the data are too long the subscriber is told of what, and asks for the rest. */
function bodyOf(event: OutboxEvent): string {
  const { type, subjectId, atMs } = event
  const timestamp = new Date(atMs).toISOString()
  const data = JSON.stringify(outboxData(event))
  const isShort = Buffer.byteLength(data) <= dataBytesMax
  return JSON.stringify({
    type,
    timestamp,
    data: isShort ? JSON.parse(data) : { id: subjectId, isPartial: true },
  })
}

function* pendingOf(webhookId: string): Query<number> {
  const sql = `SELECT count(*) AS pending FROM webhook_deliveries WHERE webhook_id = ? AND due_at_ms IS NOT NULL`
  return (yield* row<{ readonly pending: number }>(sql, webhookId))?.pending ?? 0
}
