/** Discounts, kept by staff. Their uses are units of a product of the engine, set when they are made and changed. */

import type { Refused } from '../actors/requests.ts'
import { type CurrencyCode, decimalOf, isCurrencyCode, minorUnits } from '../domain/money.ts'
import { ordersPageDefault } from '../limits.ts'
import type {
  Discount,
  DiscountChange,
  DiscountReply,
} from '../persistence/tables/orders/discount-operations.ts'
import { answeredBefore } from '../shop/answered-before.ts'
import { couponOf, discountCodeOf } from '../shop/checkout/coupon.ts'
import { keepCoupon } from '../shop/checkout/keep-coupon.ts'
import { readBody } from './body.ts'
import { tableKey, withReplay } from './idempotency.ts'
import {
  discountBody,
  discountPatchBody,
  discountReply,
  discountsQuery,
  discountsReply,
} from './order-schemas.ts'
import type { HttpParts } from './parts.ts'
import { invalid, Problem } from './problems.ts'
import { queryOf } from './query.ts'
import { json, refusal } from './responses.ts'
import type { Call, Operation, Route } from './route.ts'
import { TABLES_POSITION } from './tables-position.ts'
import { timeOf } from './time.ts'

type Parts = Pick<HttpParts, 'engine' | 'tables' | 'clock'>
type Fields = Omit<Discount, 'createdAtMs'>

const EXAMPLE = { code: 'WELCOME10', percent: 10, maxUses: 100, usesLeft: 58, perCustomer: 1, active: true }
const CODE_ERROR = 'must be letters, digits, "-" and "_", 40 at most'

export function discountRoutes(parts: Parts): readonly Route[] {
  return [
    { operation: CREATE, handle: (call) => create(parts, call) },
    { operation: LIST, handle: (call) => list(parts, call) },
    { operation: READ, handle: (call) => read(parts, call) },
    { operation: CHANGE, handle: (call) => change(parts, call) },
  ]
}

const SHARED = { tag: 'Discounts', access: 'staff' } as const
const SHOWN = { status: 200, description: 'The discount.', schema: discountReply, example: EXAMPLE } as const

const CREATE: Operation = {
  ...SHARED,
  method: 'post',
  path: '/v1/discounts',
  operationId: 'createDiscount',
  summary: 'Make a discount',
  description:
    'A `percent` of an order, or an `amount` of a currency. Its uses are held with the goods of a checkout, so that the last one cannot be taken twice, and come back when the order is not paid.',
  changes: true,
  body: { schema: discountBody, example: { code: 'WELCOME10', percent: 10, maxUses: 100, perCustomer: 1 } },
  success: { ...SHOWN, status: 201, headers: ['Location', 'Holdfast-Position'] },
  problems: ['discount-exists'],
}

async function create(parts: Parts, call: Call): Promise<Response> {
  const body = await readBody(call, discountBody)
  const code = discountCodeOf(body.code)
  if (code === undefined) throw invalid({ path: 'code', message: CODE_ERROR })
  const fields: Fields = { code, ...moneyOf(body), ...termsOf(body, NO_TERMS), active: 1 }
  expectOrder(fields)
  const reply = await parts.tables.write('discounts.create', fields, tableKey(call, body))
  if (reply.type === 'refused') throw new Problem('discount-exists', `There is a discount ${code} already.`)
  // Asked for again, it may have been changed since.
  const now = reply.replayed ? await parts.tables.read('discounts.find', { code }) : reply.discount
  const refused = await keepCoupon(parts, now ?? reply.discount)
  if (refused !== undefined) return refusedUses(call, refused)
  const headers = withReplay({ ...TABLES_POSITION, location: `/v1/discounts/${code}` }, reply)
  return json(call, 201, await shown(parts, reply.discount), headers)
}

const LIST: Operation = {
  ...SHARED,
  method: 'get',
  path: '/v1/discounts',
  operationId: 'listDiscounts',
  summary: 'List the discounts',
  query: { schema: discountsQuery, example: { limit: '20' } },
  success: {
    status: 200,
    description: 'By code.',
    schema: discountsReply,
    example: { discounts: [EXAMPLE] },
  },
  problems: [],
}

async function list(parts: Parts, call: Call): Promise<Response> {
  const { cursor, limit = ordersPageDefault } = queryOf(call, discountsQuery)
  const found = await parts.tables.read('discounts.list', { after: cursor, limit: limit + 1 })
  const page = found.slice(0, limit)
  const discounts = await Promise.all(page.map((discount) => shown(parts, discount)))
  return json(call, 200, { discounts, nextCursor: found.length > limit ? page.at(-1)?.code : undefined })
}

const READ: Operation = {
  ...SHARED,
  method: 'get',
  path: '/v1/discounts/{code}',
  operationId: 'readDiscount',
  summary: 'Read a discount',
  success: SHOWN,
  problems: ['unknown-discount'],
}

async function read(parts: Parts, call: Call): Promise<Response> {
  return json(call, 200, await shown(parts, await discountIn(parts, call)))
}

const CHANGE: Operation = {
  ...SHARED,
  method: 'patch',
  path: '/v1/discounts/{code}',
  operationId: 'changeDiscount',
  summary: 'Change how often and when a discount can be used, or end it',
  description: 'What an order has already is not touched. Fewer uses than are taken or held are refused.',
  changes: true,
  body: { schema: discountPatchBody, example: { active: false } },
  success: { ...SHOWN, headers: ['Holdfast-Position'] },
  problems: ['unknown-discount', 'stock-below-held'],
}

async function change(parts: Parts, call: Call): Promise<Response> {
  const before = await discountIn(parts, call)
  const body = await readBody(call, discountPatchBody)
  const key = tableKey(call, body)
  // What was set once under this key may have been set otherwise since.
  const known = await answeredBefore<DiscountReply>(parts, key)
  if (known !== undefined)
    return json(call, 200, await shown(parts, known.discount), withReplay(TABLES_POSITION, known))
  const terms = termsOf(body, before)
  expectOrder(terms)
  const { code } = before
  const refused = await keepCoupon(parts, { code, ...terms })
  if (refused !== undefined) return refusedUses(call, refused)
  const active = body.active === undefined ? null : body.active ? 1 : 0
  const to: DiscountChange = { code, ...termsOf(body, NO_TERMS), active }
  const reply = await parts.tables.write('discounts.update', to, key)
  if (reply.type === 'refused') throw unknownDiscount()
  // Who changed it at the same time, too, has set the uses by what they knew of it.
  const { maxUses, perCustomer } = reply.discount
  const isOther = maxUses !== terms.maxUses || perCustomer !== terms.perCustomer
  const late = isOther ? await keepCoupon(parts, reply.discount) : undefined
  if (late !== undefined) return refusedUses(call, late)
  return json(call, 200, await shown(parts, reply.discount), withReplay(TABLES_POSITION, reply))
}

type Terms = Pick<Discount, 'maxUses' | 'perCustomer' | 'validFromMs' | 'validUntilMs'>
const NO_TERMS: Terms = { maxUses: null, perCustomer: null, validFromMs: null, validUntilMs: null }

/** What a body says, else what was said before. */
function termsOf(body: (typeof discountPatchBody)['_output'], before: Terms): Terms {
  const { maxUses, perCustomer, validFrom, validUntil } = body
  return {
    maxUses: maxUses ?? before.maxUses,
    perCustomer: perCustomer ?? before.perCustomer,
    validFromMs: validFrom === undefined ? before.validFromMs : Date.parse(validFrom),
    validUntilMs: validUntil === undefined ? before.validUntilMs : Date.parse(validUntil),
  }
}

/** Throws 400. */
function moneyOf({ percent, amount, currency }: (typeof discountBody)['_output']) {
  if (percent !== undefined) return { percent, amountMinor: null, currency: null }
  const code = currency ?? ''
  if (!isCurrencyCode(code))
    throw invalid({ path: 'currency', message: 'must be a code of ISO 4217, such as USD' })
  const amountMinor = minorUnits(amount ?? 0, code)
  if (amountMinor === undefined || amountMinor === 0)
    throw invalid({ path: 'amount', message: `must be an amount in ${code}` })
  return { percent: null, amountMinor, currency: code as CurrencyCode }
}

function expectOrder({ validFromMs, validUntilMs }: Terms): void {
  if (validFromMs !== null && validUntilMs !== null && validFromMs >= validUntilMs)
    throw invalid({ path: 'validUntil', message: 'must be after validFrom' })
}

async function shown({ engine }: Parts, discount: Discount) {
  const { code, percent, amountMinor, currency, maxUses, perCustomer, validFromMs, validUntilMs } = discount
  const coupon = couponOf(discount)
  const stock =
    coupon === undefined || maxUses === null
      ? undefined
      : await engine.execute({ type: 'readStock', productId: coupon })
  return {
    code,
    percent: percent ?? undefined,
    amount: amountMinor === null || currency === null ? undefined : decimalOf(amountMinor, currency),
    currency: currency ?? undefined,
    maxUses: maxUses ?? undefined,
    usesLeft: stock?.type === 'stock' ? stock.available : undefined,
    perCustomer: perCustomer ?? undefined,
    validFrom: validFromMs === null ? undefined : timeOf(validFromMs),
    validUntil: validUntilMs === null ? undefined : timeOf(validUntilMs),
    active: discount.active === 1,
  }
}

function refusedUses(call: Call, { refusal: why }: Refused): Response {
  return refusal(call, why)
}

/** Throws 404. */
async function discountIn({ tables }: Parts, call: Call): Promise<Discount> {
  const code = discountCodeOf(call.context.req.param('code') ?? '')
  const discount = code === undefined ? undefined : await tables.read('discounts.find', { code })
  if (discount === undefined) throw unknownDiscount()
  return discount
}

function unknownDiscount(): Problem {
  return new Problem('unknown-discount', 'There is no such discount.')
}
