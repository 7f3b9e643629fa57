/** The sandbox's refunds. What is promised to refunds counts against the charge at once, and comes back if one fails. */
import { assert } from '../../../domain/assert.ts'
import { drawId } from '../draw-id.ts'
import { type Moment, read, Undone, write } from '../operation.ts'
import { change, type Query, row, rows } from '../query.ts'
import { type SandboxPage, settlementsMax } from './charge-operations.ts'
import { type SandboxDelays, scenarioOf, waitMs } from './scenario.ts'
import { tellOfRefund } from './webhook-operations.ts'

export type NewSandboxRefund = {
  readonly key: string
  readonly transactionId: string
  readonly amountMinor: number
  readonly currency: string
  readonly delays: SandboxDelays
}

export type SandboxRefund = {
  readonly key: string
  readonly refundId: string
  readonly transactionId: string
  readonly amountMinor: number
  readonly currency: string
  readonly scenario: string
  readonly status: 'succeeded' | 'failed' | 'pending'
  readonly settlesAtMs: number | null
}

type Refusal = 'key-reused' | 'unknown-charge' | 'not-captured' | 'exceeds-charge'
export type SandboxRefunded =
  | { readonly type: 'refunded'; readonly refund: SandboxRefund }
  | { readonly type: 'refused'; readonly reason: Refusal }

type Charge = { readonly status: string; readonly currency: string; readonly scenario: string }
type Found = { readonly refund: SandboxRefund | undefined }

const COLUMNS = `key, refund_id AS "refundId", transaction_id AS "transactionId", amount_minor AS "amountMinor", currency,
  scenario, status, settles_at_ms AS "settlesAtMs"`

export const sandboxRefundOperations = {
  'sandbox.refund': write((request: NewSandboxRefund, moment) => makeRefund(request, moment)),
  'sandbox.findRefund': write((args: { readonly key: string }, moment) => findRefund(args.key, moment)),
  /** The newest first, behind the one with the key `after`. */
  'sandbox.listRefunds': read((page: SandboxPage) => listRefunds(page)),
  'sandbox.settleRefunds': write((_: Record<never, never>, moment) => settleDue(moment)),
}

function listRefunds({ sinceMs, after, limit }: SandboxPage): Query<readonly SandboxRefund[]> {
  return rows<SandboxRefund>(
    `SELECT ${COLUMNS} FROM sandbox_refunds r
      WHERE created_at_ms >= ? AND (CAST(? AS TEXT) IS NULL OR EXISTS (SELECT 1 FROM sandbox_refunds a
        WHERE a.key = ? AND (r.created_at_ms < a.created_at_ms OR (r.created_at_ms = a.created_at_ms AND r.key < a.key))))
      ORDER BY created_at_ms DESC, key DESC LIMIT ?`,
    sinceMs,
    after ?? null,
    after ?? null,
    limit,
  )
}

function* makeRefund(request: NewSandboxRefund, moment: Moment): Query<SandboxRefunded> {
  const { key, transactionId, amountMinor, currency, delays } = request
  const charge = yield* row<Charge>(
    'SELECT status, currency, scenario FROM sandbox_charges WHERE transaction_id = ?',
    transactionId,
  )
  if (charge === undefined) return { type: 'refused', reason: 'unknown-charge' }
  const isPending = scenarioOf(charge.scenario).refund !== 'succeeded'
  const inserted = yield* change(
    `INSERT INTO sandbox_refunds
       (key, refund_id, transaction_id, amount_minor, currency, scenario, status, settles_at_ms, created_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING`,
    key,
    drawId('rfd', moment),
    transactionId,
    amountMinor,
    currency,
    charge.scenario,
    isPending ? 'pending' : 'succeeded',
    isPending ? moment.nowMs + waitMs('short', delays) : null,
    moment.nowMs,
  )
  const { refund } = yield* findRefund(key, moment)
  assert(refund !== undefined, 'a refund that was inserted or conflicted is there')
  if (inserted === 0) {
    const isSame =
      refund.transactionId === transactionId &&
      refund.amountMinor === amountMinor &&
      refund.currency === currency
    return isSame ? { type: 'refunded', refund } : { type: 'refused', reason: 'key-reused' }
  }
  if (charge.status !== 'succeeded') throw undone('not-captured')
  // One statement decides, so that two refunds at a time cannot share what is left.
  const promised = yield* change(
    `UPDATE sandbox_charges SET refunded_minor = refunded_minor + ?
      WHERE transaction_id = ? AND currency = ? AND status = 'succeeded' AND refunded_minor + ? <= amount_minor`,
    amountMinor,
    transactionId,
    currency,
    amountMinor,
  )
  if (promised === 0) throw undone('exceeds-charge')
  if (refund.status !== 'pending') yield* tellOfRefund(refund, { isKnown: true }, moment)
  return { type: 'refunded', refund }
}

function undone(reason: Refusal): Undone<SandboxRefunded> {
  return new Undone<SandboxRefunded>({ type: 'refused', reason })
}

function* findRefund(key: string, moment: Moment): Query<Found> {
  const found = yield* row<SandboxRefund>(`SELECT ${COLUMNS} FROM sandbox_refunds WHERE key = ?`, key)
  if (found === undefined || found.settlesAtMs === null || found.settlesAtMs > moment.nowMs) {
    return { refund: found }
  }
  return { refund: yield* settle(found, moment) }
}

function* settleDue(moment: Moment): Query<{ readonly settled: number }> {
  const due = yield* rows<SandboxRefund>(
    `SELECT ${COLUMNS} FROM sandbox_refunds WHERE settles_at_ms <= ? ORDER BY settles_at_ms LIMIT ? /* skip locked */`,
    moment.nowMs,
    settlementsMax,
  )
  for (const refund of due) yield* settle(refund, moment)
  return { settled: due.length }
}

function* settle(pending: SandboxRefund, moment: Moment): Query<SandboxRefund> {
  const status =
    scenarioOf(pending.scenario).refund === 'pending-then-failed'
      ? ('failed' as const)
      : ('succeeded' as const)
  const settled = yield* change(
    `UPDATE sandbox_refunds SET status = ?, settles_at_ms = NULL WHERE key = ? AND status = 'pending'`,
    status,
    pending.key,
  )
  const final: SandboxRefund = { ...pending, status, settlesAtMs: null }
  if (settled === 0) return final
  if (status === 'failed') {
    yield* change(
      'UPDATE sandbox_charges SET refunded_minor = refunded_minor - ? WHERE transaction_id = ?',
      pending.amountMinor,
      pending.transactionId,
    )
  }
  yield* tellOfRefund(final, { isKnown: false }, moment)
  return final
}
