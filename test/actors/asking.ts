/** Requests as tests write them, and answers as tests read them. */
import * as assert from 'uvu/assert'
import type { EngineErrorCode } from '../../src/actors/engine-error.ts'
import type { Held, ReservationReply, StockReply } from '../../src/actors/requests.ts'
import type {
  Adjust,
  Confirm,
  Extend,
  Release,
  Reserve,
  Return,
  StartPayment,
} from '../../src/domain/commands.ts'
import { type CustomerId, type ProductId, type ReservationId, shardOf } from '../../src/domain/ids.ts'
import { callsInFlightMax } from '../../src/limits.ts'
import type { Asked, InProcessEngine } from '../support/in-process-engine.ts'

/** A product whose home is this shard. */
export function productOf(shard: number, shards = 4): ProductId {
  for (let n = 0; ; n++) {
    const product = `p${n}` as ProductId
    if (shardOf(product, shards) === shard) return product
  }
}

export const phone = productOf(0)

export function setStock(productId: ProductId, units: number): Adjust {
  return {
    type: 'adjust',
    productId,
    change: { set: units, expectedVersion: undefined },
    reason: 'count',
    reference: undefined,
  }
}

export function addStock(productId: ProductId, delta: number): Adjust {
  return { type: 'adjust', productId, change: { delta }, reason: 'count', reference: undefined }
}

export function reserve(
  { engine }: Pick<InProcessEngine, 'engine'>,
  fields: Partial<Omit<Reserve, 'type'>> = {},
): Reserve {
  const productId = fields.productId ?? phone
  return {
    type: 'reserve',
    reservationId: engine.newReservationId(productId),
    productId,
    customerId: 'ann' as CustomerId,
    quantity: 1,
    ttlMs: undefined,
    allowPartial: false,
    reference: undefined,
    ...fields,
  }
}

/** However many: as many calls at once as a listener may wait for. */
export async function reserveMany(
  world: InProcessEngine,
  count: number,
  fields: Partial<Omit<Reserve, 'type'>> = {},
): Promise<void> {
  for (let n = 1; n <= count; n++) {
    world.call(reserve(world, fields))
    if (n % callsInFlightMax === 0) await world.settle()
  }
  await world.settle()
}

export function confirm(reservationId: ReservationId): Confirm {
  return { type: 'confirm', reservationId, items: undefined, reference: undefined }
}

export function release(reservationId: ReservationId): Release {
  return { type: 'release', reservationId, items: undefined }
}

export function extend(reservationId: ReservationId, ttlMs: number): Extend {
  return { type: 'extend', reservationId, ttlMs }
}

export function startPayment(reservationId: ReservationId, payingMs: number): StartPayment {
  return { type: 'startPayment', reservationId, payingMs }
}

export function giveBack(reservationId: ReservationId): Return {
  return { type: 'return', reservationId, items: undefined, reason: 'too small' }
}

export function readStock(productId: ProductId = phone) {
  return { type: 'readStock', productId } as const
}

export function readReservation(reservationId: ReservationId) {
  return { type: 'readReservation', reservationId } as const
}

/** Reserves and says what was made. */
export async function makeHold(
  world: InProcessEngine,
  fields: Partial<Omit<Reserve, 'type'>> = {},
): Promise<{ readonly id: ReservationId } & Held> {
  const request = reserve(world, fields)
  const reply = await world.ask(request)
  assert.is(reply.type, 'held', JSON.stringify(reply))
  return { id: request.reservationId, ...(reply as Held) }
}

export async function stockOf(world: InProcessEngine, productId: ProductId = phone): Promise<StockReply> {
  const reply = await world.ask(readStock(productId))
  assert.is(reply.type, 'stock', JSON.stringify(reply))
  return reply as StockReply
}

export async function reservationOf(world: InProcessEngine, id: ReservationId): Promise<ReservationReply> {
  const reply = await world.ask(readReservation(id))
  assert.is(reply.type, 'reservation', JSON.stringify(reply))
  return reply as ReservationReply
}

/** The call was answered with this error. */
export function isError({ request, outcome }: Asked, code: EngineErrorCode): void {
  assert.is(outcome?.type, 'error', `${request.type} was answered with ${JSON.stringify(outcome)}`)
  if (outcome?.type === 'error') assert.is(outcome.error.code, code)
}

/** The call was answered, with a reply of this type. */
export function isReply({ request, outcome }: Asked, type: string): void {
  assert.is(outcome?.type, 'reply', `${request.type} was answered with ${JSON.stringify(outcome)}`)
  if (outcome?.type === 'reply') assert.is(outcome.reply.type, type)
}

export function isUnanswered({ request, outcome }: Asked): void {
  assert.is(outcome, undefined, `${request.type} was answered with ${JSON.stringify(outcome)}`)
}

/** A reference so long that a few events fill a segment. */
export const longReference = '汉'.repeat(128)
