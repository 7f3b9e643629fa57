/** Subscribers of what happens: made, listed and removed by staff; disabled by what became of their deliveries. */

import { drawId } from '../draw-id.ts'
import { type Moment, read, write } from '../operation.ts'
import type { OutboxEventType } from '../outbox.ts'
import { alone, change, type Query, row, rows } from '../query.ts'

/** Subscribers at a time: each event is written once for each. */
export const webhooksMax = 100
const secretBytes = 32

export type DisabledReason =
  /** It answered that it does not exist any more. */
  | 'gone'
  /** A delivery was tried as often as any, and none was received since its first try. */
  | 'failing'
  /** More waited for it than may. */
  | 'behind'

export type Webhook = {
  readonly id: string
  readonly url: string
  readonly eventTypes: readonly OutboxEventType[]
  readonly description: string
  readonly state: 'enabled' | 'disabled'
  readonly disabledBecause: DisabledReason | null
  readonly lastReceivedAtMs: number | null
  readonly createdAtMs: number
  readonly createdBy: string
}

export type NewWebhook = Pick<Webhook, 'url' | 'eventTypes' | 'description' | 'createdBy'>

export type WebhookCreated =
  /** The only time that the secret is told. */
  | { readonly type: 'created'; readonly webhook: Webhook; readonly secret: string }
  | { readonly type: 'refused'; readonly reason: 'webhooks-full' }

type Row = Omit<Webhook, 'eventTypes'> & { readonly eventTypes: string }

const COLUMNS = `id, url, event_types AS "eventTypes", description, state, disabled_because AS "disabledBecause",
  last_received_at_ms AS "lastReceivedAtMs", created_at_ms AS "createdAtMs", created_by AS "createdBy"`

export const webhookOperations = {
  'webhooks.create': write((webhook: NewWebhook, moment) => create(webhook, moment)),
  'webhooks.list': read((_: Record<never, never>) => list()),
  'webhooks.find': read(({ id }: { readonly id: string }) => find(id)),
  'webhooks.remove': write(({ id }: { readonly id: string }) => remove(id), {
    isKept: ({ removed }) => removed,
  }),
}

function* create(webhook: NewWebhook, moment: Moment): Query<WebhookCreated> {
  yield* alone('webhooks')
  const count = yield* row<{ readonly webhooks: number }>('SELECT count(*) AS webhooks FROM webhooks')
  if ((count?.webhooks ?? 0) >= webhooksMax) return { type: 'refused', reason: 'webhooks-full' }
  const id = drawId('whk', moment)
  const secret = drawSecret(moment)
  const last = yield* row<{ readonly id: number | null }>('SELECT max(id) AS id FROM outbox')
  yield* change(
    `INSERT INTO webhooks (id, url, event_types, description, secret, state, after_id, created_at_ms, created_by)
     VALUES (?, ?, ?, ?, ?, 'enabled', ?, ?, ?)`,
    id,
    webhook.url,
    JSON.stringify(webhook.eventTypes),
    webhook.description,
    secret,
    last?.id ?? 0,
    moment.nowMs,
    webhook.createdBy,
  )
  const state = { state: 'enabled', disabledBecause: null, lastReceivedAtMs: null } as const
  return { type: 'created', webhook: { id, ...webhook, ...state, createdAtMs: moment.nowMs }, secret }
}

/** As Standard Webhooks shows secrets: `whsec_` and base64. */
function drawSecret({ random }: Pick<Moment, 'random'>): string {
  const bytes = Uint8Array.from({ length: secretBytes }, () => Math.floor(random.fraction() * 256))
  return `whsec_${Buffer.from(bytes).toString('base64')}`
}

/** The newest first. */
function* list(): Query<readonly Webhook[]> {
  return (yield* rows<Row>(`SELECT ${COLUMNS} FROM webhooks ORDER BY id DESC`)).map(webhookOf)
}

function* find(id: string): Query<Webhook | undefined> {
  const found = yield* row<Row>(`SELECT ${COLUMNS} FROM webhooks WHERE id = ?`, id)
  return found === undefined ? undefined : webhookOf(found)
}

function* remove(id: string): Query<{ readonly removed: boolean }> {
  yield* change('DELETE FROM webhook_deliveries WHERE webhook_id = ?', id)
  return { removed: (yield* change('DELETE FROM webhooks WHERE id = ?', id)) === 1 }
}

/** Nothing more is sent to it but what staff ask for. */
export function* disable(id: string, because: DisabledReason): Query<boolean> {
  const disabled = yield* change(
    `UPDATE webhooks SET state = 'disabled', disabled_because = ? WHERE id = ? AND state = 'enabled'`,
    because,
    id,
  )
  if (disabled === 0) return false
  yield* change(
    `UPDATE webhook_deliveries SET state = 'failed', due_at_ms = NULL, trouble = 'webhook-disabled'
      WHERE webhook_id = ? AND state = 'pending'`,
    id,
  )
  return true
}

function webhookOf({ eventTypes, ...rest }: Row): Webhook {
  return { ...rest, eventTypes: JSON.parse(eventTypes) }
}
