/**
 * `POST /v1/reservations`. One product is one command to its shard, and most requests are that; several go through the
 * coordinator of split reservations, whether or not they share a shard.
 */
import type { CommandKey } from '../actors/command-key.ts'
import type { HeldLine } from '../actors/requests.ts'
import { crashPoint } from '../crash-points.ts'
import { quantityMax } from '../domain/bounds.ts'
import type { Line } from '../domain/commands.ts'
import type { Refusal } from '../domain/decision.ts'
import type { CustomerId, ProductId, ReservationId } from '../domain/ids.ts'
import { buyerOf } from './buyer.ts'
import { commandKey, makeOnce, withReplay } from './idempotency.ts'
import type { HttpParts } from './parts.ts'
import { invalid } from './problems.ts'
import { exampleLines, exampleReservation, positionOf } from './reservation-view.ts'
import { readReserveBody } from './reserve-body.ts'
import { jsonText, refusal } from './responses.ts'
import type { Call, Operation, Route } from './route.ts'
import { type ReserveBody, reserveBody, reservedReply } from './schemas.ts'
import { timeOf } from './time.ts'

type Parts = Pick<HttpParts, 'engine' | 'splits' | 'shards'>

const SECOND_MS = 1_000

const RESERVE: Operation = {
  method: 'post',
  path: '/v1/reservations',
  operationId: 'reserve',
  tag: 'Reservations',
  summary: 'Hold units for a buyer',
  description:
    'All lines or nothing, unless `allowPartial`; lines of the same product are summed. The reply leaves when the hold is on disk, its items in the order in which the request first named each product.',
  access: 'customer',
  hot: true,
  changes: true,
  takesUnits: true,
  sells: true,
  body: {
    schema: reserveBody,
    example: { items: exampleLines, ttlSeconds: 600, customerId: 'usr_8812', reference: 'cart-5521' },
  },
  success: {
    status: 201,
    description: 'The units are held.',
    schema: reservedReply,
    example: {
      ...exampleReservation,
      items: [
        { productId: 'iphone-17-pro', quantity: 1, available: 41 },
        { productId: 'usb-c-charger', quantity: 2, available: 310 },
      ],
    },
    headers: ['Location', 'Holdfast-Position'],
  },
  problems: [
    'reservation-exists',
    'unknown-product',
    'product-retired',
    'sale-not-open',
    'sale-closed',
    'max-per-reservation',
    'per-customer-limit',
    'out-of-stock',
    'memory-full',
  ],
}

export function reserveRoute(parts: Parts): Route {
  return { operation: RESERVE, handle: (call) => reserve(parts, call) }
}

/** What is asked for, but for the lines. */
type Ask = {
  readonly customerId: CustomerId | undefined
  readonly ttlMs: number | undefined
  readonly allowPartial: boolean
  readonly reference: string | undefined
  readonly key: CommandKey | undefined
}

async function reserve(parts: Parts, call: Call): Promise<Response> {
  const body = await readReserveBody(call)
  const customerId = buyerOf(call, body.customerId)
  const lines = linesOf(body)
  const ttlMs = body.ttlSeconds === undefined ? undefined : body.ttlSeconds * SECOND_MS
  const { allowPartial = false, reference } = body
  const ask: Ask = { customerId, ttlMs, allowPartial, reference, key: commandKey(call, body) }
  const [first, second] = lines
  if (first === undefined) throw invalid({ path: 'items', message: 'must have a line' })

  crashPoint('http.beforeEnqueue')
  return second === undefined ? reserveOne(parts, call, first, ask) : reserveSeveral(parts, call, lines, ask)
}

async function reserveOne(parts: Parts, call: Call, line: Line, ask: Ask): Promise<Response> {
  const { engine } = parts
  const { productId, quantity } = line
  const { customerId, ttlMs, allowPartial, reference, key } = ask
  const draw = () => engine.newReservationId(productId)
  const make = (reservationId: ReservationId) =>
    engine.execute({
      type: 'reserve',
      reservationId,
      productId,
      customerId,
      quantity,
      ttlMs,
      allowPartial,
      reference,
      key,
    })
  const reply = await makeOnce(parts, { key, draw }, make)
  if (reply.type === 'refused') return refusal(call, reply.refusal)
  const { reservationId, expiresAtMs, sequence } = reply
  const items = lineText({ productId, quantity: reply.quantity, available: reply.available })
  return reserved(call, { reservationId, items, expiresAtMs, sequence, replayed: reply.replayed }, ask)
}

async function reserveSeveral(parts: Parts, call: Call, lines: readonly Line[], ask: Ask): Promise<Response> {
  const { engine, splits } = parts
  const { key } = ask
  const sorted = lines.toSorted((a, b) => (a.productId < b.productId ? -1 : 1))
  const [lowest] = sorted as [Line, ...Line[]]
  const draw = () => engine.newReservationId(lowest.productId)
  const make = (reservationId: ReservationId) => splits.reserve({ reservationId, lines: sorted, ...ask })
  const reply = await makeOnce(parts, { key, draw }, make)
  if (reply.type === 'refused') return refusal(call, inOrder(reply.refusal, lines))
  const held = new Map(reply.lines.map((line) => [line.productId, line]))
  const items = lines.flatMap(({ productId }) => {
    const line = held.get(productId)
    return line === undefined ? [] : [lineText(line)]
  })
  return reserved(call, { ...reply, items: items.join() }, ask)
}

/** The lines with those of the same product summed, in the order of the first mention of each. */
function linesOf({ items }: ReserveBody): readonly Line[] {
  if (items.length === 1) return items
  const sums = new Map<ProductId, number>()
  for (const { productId, quantity } of items) sums.set(productId, (sums.get(productId) ?? 0) + quantity)
  return [...sums].map(([productId, quantity]) => {
    if (quantity <= quantityMax) return { productId, quantity }
    const message = `must not ask for more than ${quantityMax} units of ${productId} in sum`
    throw invalid({ path: 'items', message })
  })
}

/** Shortages in the order of the request's lines. */
function inOrder(refused: Refusal, lines: readonly Line[]): Refusal {
  if (refused.reason !== 'outOfStock') return refused
  const order = lines.map(({ productId }) => productId)
  const items = refused.items.toSorted((a, b) => order.indexOf(a.productId) - order.indexOf(b.productId))
  return { reason: 'outOfStock', items }
}

type Reserved = {
  readonly reservationId: ReservationId
  /** JSON texts, separated by commas. */
  readonly items: string
  readonly expiresAtMs: number
  readonly sequence: number
  readonly replayed?: true | undefined
}

/** Ids and times have no character that JSON escapes, so putting the text together takes a third of the time. */
function reserved(call: Call, reply: Reserved, { customerId, reference }: Ask): Response {
  const { reservationId, items, expiresAtMs, sequence, replayed } = reply
  const whose = customerId === undefined ? '' : `,"customerId":${JSON.stringify(customerId)}`
  const note = reference === undefined ? '' : `,"reference":${JSON.stringify(reference)}`
  const end = `"expiresAt":"${timeOf(expiresAtMs)}","sequence":${sequence}`
  const text = `{"reservationId":"${reservationId}","status":"held","items":[${items}]${whose}${note},${end}}`
  const fields = {
    location: `/v1/reservations/${reservationId}`,
    'holdfast-position': positionOf(reservationId, sequence),
  }
  return jsonText(call, 201, text, withReplay(fields, { replayed }))
}

function lineText({ productId, quantity, available }: HeldLine): string {
  return `{"productId":"${productId}","quantity":${quantity},"available":${available}}`
}
