/** Discounts. How often they were used is not here: uses are units of a product of the engine. */
import type { CurrencyCode } from '../../../domain/money.ts'
import { type Moment, read, write } from '../operation.ts'
import { change, type Query, row, rows } from '../query.ts'

export type Discount = {
  readonly code: string
  readonly percent: number | null
  readonly amountMinor: number | null
  readonly currency: CurrencyCode | null
  readonly maxUses: number | null
  readonly perCustomer: number | null
  readonly validFromMs: number | null
  readonly validUntilMs: number | null
  readonly active: 0 | 1
  readonly createdAtMs: number
}
export type DiscountReply = { readonly type: 'discount'; readonly discount: Discount }
export type DiscountRefused = {
  readonly type: 'refused'
  readonly reason: 'discount-exists' | 'unknown-discount'
}

type Fields = Omit<Discount, 'createdAtMs'>
/** What of a discount can change; what is null stays as it is. */
export type DiscountChange = Pick<
  Discount,
  'code' | 'maxUses' | 'perCustomer' | 'validFromMs' | 'validUntilMs'
> & {
  readonly active: Discount['active'] | null
}

export const discountOperations = {
  'discounts.find': read(({ code }: { readonly code: string }) => findDiscount(code)),
  'discounts.list': read(({ after, limit }: { readonly after: string | undefined; readonly limit: number }) =>
    rows<Discount>(
      `SELECT ${COLUMNS} FROM discounts WHERE code > ? ORDER BY code LIMIT ?`,
      after ?? '',
      limit,
    ),
  ),
  'discounts.create': write((discount: Fields, moment) => createDiscount(discount, moment)),
  'discounts.update': write((change: DiscountChange, moment) => updateDiscount(change, moment)),
}

const COLUMNS = `
  code, percent, amount_minor AS "amountMinor", currency, max_uses AS "maxUses", per_customer AS "perCustomer",
  valid_from_ms AS "validFromMs", valid_until_ms AS "validUntilMs", active, created_at_ms AS "createdAtMs"`

export function findDiscount(code: string): Query<Discount | undefined> {
  return row<Discount>(`SELECT ${COLUMNS} FROM discounts WHERE code = ?`, code)
}

function* createDiscount(discount: Fields, { nowMs }: Moment): Query<DiscountReply | DiscountRefused> {
  const created = yield* change(
    `INSERT INTO discounts (percent, amount_minor, currency, max_uses, per_customer, valid_from_ms, valid_until_ms,
       active, code, created_at_ms, updated_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ...valuesOf(discount),
    nowMs,
    nowMs,
  )
  if (created === 0) return { type: 'refused', reason: 'discount-exists' }
  return yield* replyOf(discount.code)
}

/** Field by field, so that who changes another one at the same time is not undone. */
function* updateDiscount(to: DiscountChange, { nowMs }: Moment): Query<DiscountReply | DiscountRefused> {
  const updated = yield* change(
    `UPDATE discounts SET max_uses = coalesce(?, max_uses), per_customer = coalesce(?, per_customer),
       valid_from_ms = coalesce(?, valid_from_ms), valid_until_ms = coalesce(?, valid_until_ms),
       active = coalesce(?, active), updated_at_ms = ? WHERE code = ?`,
    to.maxUses,
    to.perCustomer,
    to.validFromMs,
    to.validUntilMs,
    to.active,
    nowMs,
    to.code,
  )
  if (updated === 0) return { type: 'refused', reason: 'unknown-discount' }
  return yield* replyOf(to.code)
}

function valuesOf(discount: Fields) {
  return [
    discount.percent,
    discount.amountMinor,
    discount.currency,
    discount.maxUses,
    discount.perCustomer,
    discount.validFromMs,
    discount.validUntilMs,
    discount.active,
    discount.code,
  ]
}

function* replyOf(code: string): Query<DiscountReply> {
  return { type: 'discount', discount: (yield* findDiscount(code)) as Discount }
}
