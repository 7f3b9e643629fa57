/** The sandbox's outgoing webhooks: written with what they tell of, taken by the courier, gone when they were received. */
import { drawId } from '../draw-id.ts'
import { type Moment, write } from '../operation.ts'
import { change, type Query, row, rows } from '../query.ts'
import type { SandboxCharge } from './charge-operations.ts'
import type { SandboxRefund } from './refund-operations.ts'
import { type SandboxDelays, scenarioOf, waitMs } from './scenario.ts'

export type SandboxWebhook = { readonly eventId: string; readonly copy: number; readonly body: string }

export type TakeWebhooks = {
  readonly most: number
  /** Of those that repeat what a call was answered. They keep none waiting that somebody waits for. */
  readonly mostKnown: number
}

type Due = SandboxWebhook & { readonly dueAtMs: number; readonly tries: number }

/** Some two days, with the waits below: twice as long after each try. What is posted twice at a time is taken once. */
const triesMax = 200
const waitFirstMs = 2_000
const waitMostMs = 15 * 60_000
const secretBytes = 32

export const sandboxWebhookOperations = {
  'sandbox.takeWebhooks': write((args: TakeWebhooks, moment) => take(args, moment)),
  'sandbox.webhookReceived': write((args: { readonly eventId: string; readonly copy: number }) =>
    received(args.eventId, args.copy),
  ),
  'sandbox.secret': write((_: Record<never, never>, moment) => secretOf(moment)),
}

type Telling = { readonly delays: SandboxDelays; readonly isKnown: boolean }

/** As often as the scenario says, which may be never. */
export function* tellOfCharge(
  charge: SandboxCharge,
  { delays, isKnown }: Telling,
  moment: Moment,
): Query<void> {
  const { webhook } = scenarioOf(charge.scenario)
  const { key, transactionId, amountMinor, currency, status, reason } = charge
  const data = { key, transactionId, amountMinor, currency, status, ...(reason === null ? {} : { reason }) }
  const dueAtMs = moment.nowMs + waitMs(webhook.wait, delays)
  yield* tell({ type: `charge.${status}`, data }, { copies: webhook.copies, dueAtMs, isKnown }, moment)
}

export function* tellOfRefund(
  refund: SandboxRefund,
  { isKnown }: Pick<Telling, 'isKnown'>,
  moment: Moment,
): Query<void> {
  const { key, refundId, transactionId, amountMinor, currency, status } = refund
  const data = { key, refundId, transactionId, amountMinor, currency, status }
  yield* tell({ type: `refund.${status}`, data }, { copies: 1, dueAtMs: moment.nowMs, isKnown }, moment)
}

function* tell(
  event: { readonly type: string; readonly data: object },
  {
    copies,
    dueAtMs,
    isKnown,
  }: { readonly copies: number; readonly dueAtMs: number; readonly isKnown: boolean },
  moment: Moment,
): Query<void> {
  if (copies === 0) return
  const id = drawId('evt', moment)
  const body = JSON.stringify({ id, createdAtMs: moment.nowMs, ...event })
  for (let copy = 1; copy <= copies; copy++) {
    yield* change(
      'INSERT INTO sandbox_webhooks (event_id, copy, body, is_known, due_at_ms) VALUES (?, ?, ?, ?, ?)',
      id,
      copy,
      body,
      isKnown ? 1 : 0,
      dueAtMs,
    )
  }
}

/** What is taken and not received is due again by itself, later each time: a courier that dies owes nothing. */
function* take(
  { most, mostKnown }: TakeWebhooks,
  { nowMs }: Moment,
): Query<{ readonly webhooks: readonly SandboxWebhook[] }> {
  const awaited = yield* due(0, nowMs, most)
  const known = yield* due(1, nowMs, Math.min(mostKnown, most - awaited.length))
  const webhooks: SandboxWebhook[] = []
  for (const { eventId, copy, body, dueAtMs, tries } of [...awaited, ...known]) {
    if (tries >= triesMax) {
      yield* received(eventId, copy)
      continue
    }
    const againAtMs = nowMs + Math.min(waitMostMs, waitFirstMs * 2 ** Math.min(tries, 20))
    const taken = yield* change(
      'UPDATE sandbox_webhooks SET due_at_ms = ?, tries = tries + 1 WHERE event_id = ? AND copy = ? AND due_at_ms = ?',
      againAtMs,
      eventId,
      copy,
      dueAtMs,
    )
    if (taken === 1) webhooks.push({ eventId, copy, body })
  }
  return { webhooks }
}

function due(isKnown: 0 | 1, nowMs: number, most: number): Query<readonly Due[]> {
  return rows<Due>(
    `SELECT event_id AS "eventId", copy, body, due_at_ms AS "dueAtMs", tries FROM sandbox_webhooks
      WHERE is_known = ? AND due_at_ms <= ? ORDER BY due_at_ms, event_id, copy LIMIT ? /* skip locked */`,
    isKnown,
    nowMs,
    most,
  )
}

function* received(eventId: string, copy: number): Query<{ readonly wasThere: boolean }> {
  const sql = 'DELETE FROM sandbox_webhooks WHERE event_id = ? AND copy = ?'
  return { wasThere: (yield* change(sql, eventId, copy)) === 1 }
}

/** With which both sides sign; drawn when it is first asked for, the same ever after. */
function* secretOf({ random }: Moment): Query<{ readonly secret: string }> {
  const drawn = Array.from({ length: secretBytes }, () => {
    return Math.floor(random.fraction() * 256)
      .toString(16)
      .padStart(2, '0')
  }).join('')
  const sql = 'INSERT INTO sandbox_secret (number, secret) VALUES (1, ?) ON CONFLICT (number) DO NOTHING'
  yield* change(sql, drawn)
  const kept = yield* row<{ readonly secret: string }>('SELECT secret FROM sandbox_secret WHERE number = 1')
  return { secret: kept?.secret ?? drawn }
}
