/** The sandbox's charges. A pending one becomes final when its time has come and somebody looks, be it the courier. */
import { assert } from '../../../domain/assert.ts'
import { drawId } from '../draw-id.ts'
import { type Moment, read, write } from '../operation.ts'
import { change, type Query, row, rows } from '../query.ts'
import { type SandboxDelays, type ScenarioName, scenarioOf, waitMs } from './scenario.ts'
import { tellOfCharge } from './webhook-operations.ts'

export type NewSandboxCharge = {
  readonly key: string
  readonly orderId: string
  readonly amountMinor: number
  readonly currency: string
  readonly method: 'card' | 'upi'
  readonly scenario: ScenarioName
  readonly delays: SandboxDelays
}

export type SandboxCharge = {
  readonly key: string
  readonly transactionId: string
  readonly orderId: string
  readonly amountMinor: number
  readonly currency: string
  readonly method: string
  readonly scenario: string
  readonly status: 'succeeded' | 'failed' | 'pending'
  readonly reason: string | null
  readonly settlesAtMs: number | null
}

export type SandboxCharged =
  | { readonly type: 'charged'; readonly charge: SandboxCharge; readonly isFirst: boolean }
  | { readonly type: 'refused'; readonly reason: 'key-reused' }

/** Of charges or refunds made since, behind the one with this key. */
export type SandboxPage = {
  readonly sinceMs: number
  readonly after: string | undefined
  readonly limit: number
}
export type ListedCharge = Omit<SandboxCharge, 'method'> & {
  readonly method: 'card' | 'upi'
  readonly refundedMinor: number
  readonly createdAtMs: number
}

type Found = { readonly charge: SandboxCharge | undefined }

/** Charges that one turn makes final, so that no transaction waits for all of them. */
export const settlementsMax = 200

const COLUMNS = `key, transaction_id AS "transactionId", order_id AS "orderId", amount_minor AS "amountMinor", currency,
  method, scenario, status, reason, settles_at_ms AS "settlesAtMs"`

export const sandboxChargeOperations = {
  'sandbox.charge': write((request: NewSandboxCharge, moment) => makeCharge(request, moment)),
  'sandbox.findCharge': write((args: { readonly key: string; readonly delays: SandboxDelays }, moment) =>
    findCharge(args.key, args.delays, moment),
  ),
  /** The newest first, behind the one with the key `after`. */
  'sandbox.listCharges': read((page: SandboxPage) => listCharges(page)),
  'sandbox.settleCharges': write((args: { readonly delays: SandboxDelays }, moment) =>
    settleDue(args.delays, moment),
  ),
}

function* makeCharge(request: NewSandboxCharge, moment: Moment): Query<SandboxCharged> {
  const { key, orderId, amountMinor, currency, method, scenario, delays } = request
  const { charge } = scenarioOf(scenario)
  const inserted = yield* change(
    `INSERT INTO sandbox_charges
       (key, transaction_id, order_id, amount_minor, currency, method, scenario, status, reason, settles_at_ms, created_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING`,
    key,
    drawId('txn', moment),
    orderId,
    amountMinor,
    currency,
    method,
    scenario,
    charge.status,
    charge.status === 'failed' ? charge.reason : null,
    charge.status === 'pending' ? moment.nowMs + waitMs(charge.wait, delays) : null,
    moment.nowMs,
  )
  const made = (yield* findCharge(key, delays, moment)).charge
  assert(made !== undefined, 'a charge that was inserted or conflicted is there')
  if (inserted === 1) {
    if (made.status !== 'pending') yield* tellOfCharge(made, { delays, isKnown: true }, moment)
    return { type: 'charged', charge: made, isFirst: true }
  }
  const isSame =
    made.orderId === orderId &&
    made.amountMinor === amountMinor &&
    made.currency === currency &&
    made.method === method &&
    made.scenario === scenario
  if (!isSame) return { type: 'refused', reason: 'key-reused' }
  return { type: 'charged', charge: made, isFirst: false }
}

function* findCharge(key: string, delays: SandboxDelays, moment: Moment): Query<Found> {
  const found = yield* row<SandboxCharge>(`SELECT ${COLUMNS} FROM sandbox_charges WHERE key = ?`, key)
  if (found === undefined || found.settlesAtMs === null || found.settlesAtMs > moment.nowMs) {
    return { charge: found }
  }
  return { charge: yield* settle(found, delays, moment) }
}

function listCharges({ sinceMs, after, limit }: SandboxPage): Query<readonly ListedCharge[]> {
  return rows<ListedCharge>(
    `SELECT ${COLUMNS}, refunded_minor AS "refundedMinor", created_at_ms AS "createdAtMs" FROM sandbox_charges c
      WHERE created_at_ms >= ? AND (CAST(? AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM sandbox_charges a
        WHERE a.key = ? AND (c.created_at_ms < a.created_at_ms OR (c.created_at_ms = a.created_at_ms AND c.key < a.key))))
      ORDER BY created_at_ms DESC, key DESC LIMIT ?`,
    sinceMs,
    after ?? null,
    after ?? null,
    limit,
  )
}

function* settleDue(delays: SandboxDelays, moment: Moment): Query<{ readonly settled: number }> {
  const due = yield* rows<SandboxCharge>(
    `SELECT ${COLUMNS} FROM sandbox_charges WHERE settles_at_ms <= ? ORDER BY settles_at_ms LIMIT ? /* skip locked */`,
    moment.nowMs,
    settlementsMax,
  )
  for (const charge of due) yield* settle(charge, delays, moment)
  return { settled: due.length }
}

function* settle(pending: SandboxCharge, delays: SandboxDelays, moment: Moment): Query<SandboxCharge> {
  const { charge } = scenarioOf(pending.scenario)
  const reason = charge.status === 'pending' ? (charge.failsWith ?? null) : null
  const status = reason === null ? 'succeeded' : 'failed'
  const settled = yield* change(
    `UPDATE sandbox_charges SET status = ?, reason = ?, settles_at_ms = NULL WHERE key = ? AND status = 'pending'`,
    status,
    reason,
    pending.key,
  )
  const final: SandboxCharge = { ...pending, status, reason, settlesAtMs: null }
  // Whoever made it final tells of it, so that it is told as often as the scenario says.
  if (settled === 1) yield* tellOfCharge(final, { delays, isKnown: false }, moment)
  return final
}
