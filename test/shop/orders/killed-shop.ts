/**
 * What shoppers do, with the shop's process dying at one of its calls of another part; and what must be true in the end,
 * whoever came back or did not (FAULTS.md, 64; DESIGN.md, "Order or refund").
 */
import * as assert from 'uvu/assert'
import type { CustomerId, ProductId } from '../../../src/domain/ids.ts'
import type { Order } from '../../../src/persistence/tables/orders/order-rows.ts'
import { checkOut } from '../../../src/shop/checkout/check-out.ts'
import { keepCoupon } from '../../../src/shop/checkout/keep-coupon.ts'
import { cancelOrder } from '../../../src/shop/orders/cancel-order.ts'
import { type Payment, payOrder } from '../../../src/shop/payments/pay-order.ts'
import type { ShopParts } from '../../../src/shop/shop-parts.ts'
import { ANN, askOf, BOB, CASE, type Kill, PHONE, paymentOf, ShopWorld } from '../shop-world.ts'

const COUPON = '~ONCE' as ProductId
const PHONES = 3
const CASES = 5

type Story = {
  readonly lines: Readonly<Record<string, number>>
  readonly discountCode?: string
  readonly payments: readonly Partial<Payment>[]
  readonly cancels?: boolean
  /** Somebody else takes what is left once the hold is over. */
  readonly soldOut?: boolean
}

const cod = { method: 'cod', paymentToken: undefined } as const
const upi = (paymentToken: string) => ({ method: 'upi', paymentToken }) as const

export const STORIES: Readonly<Record<string, Story>> = {
  'a card that pays': { lines: { [PHONE]: 1 }, payments: [{}] },
  'several products and a coupon': {
    lines: { [PHONE]: 1, [CASE]: 2 },
    discountCode: 'ONCE',
    payments: [{}],
  },
  'a card that is declined, then one that pays': {
    lines: { [PHONE]: 1 },
    payments: [{ paymentToken: 'tok_chargeDeclined' }, {}],
  },
  'a payment that is pending': { lines: { [PHONE]: 2 }, payments: [upi('success@upi')] },
  'a pending payment that fails': { lines: { [PHONE]: 1 }, payments: [upi('failure@upi')] },
  'an answer that is lost': {
    lines: { [PHONE]: 1 },
    payments: [{ paymentToken: 'tok_timeoutAfterCapture' }],
  },
  'cash on delivery': { lines: { [PHONE]: 1 }, payments: [cod] },
  'a payment that is called off': { lines: { [PHONE]: 1, [CASE]: 1 }, payments: [{}], cancels: true },
  'a pending payment that is called off': {
    lines: { [PHONE]: 1 },
    payments: [upi('success@upi')],
    cancels: true,
  },
  'a payment after the hold': { lines: { [PHONE]: 1 }, payments: [upi('slow@upi')] },
  'a payment after the hold, with nothing left': {
    lines: { [PHONE]: 1 },
    payments: [upi('slow@upi')],
    soldOut: true,
  },
}

export type Death = {
  readonly kill: Kill | undefined
  /** Whether the desk dies, or what serves the shopper. */
  readonly of: 'shop' | 'desk'
  /** Whether the shopper tries again. */
  readonly returns: boolean
}

/** Tells the story; answers how many calls the one that may die has made. */
export async function tell(story: Story, death: Death): Promise<number> {
  await using world = await ShopWorld.start()
  await world.sell(PHONE, 99_999, PHONES)
  await world.sell(CASE, 2_501, CASES)
  await makeCoupon(world)
  await world.fillCart(ANN, story.lines)
  const dies = death.of === 'shop' ? death.kill : undefined
  const parts = world.parts(dies)
  await act(world, parts, story)
  let calls = world.calls.length
  if (death.returns) await act(world, world.parts(), story)
  if (story.soldOut === true) await sellOut(world)
  await world.finish(death.of === 'desk' ? death.kill : undefined)
  if (death.of === 'desk') calls = world.calls.length
  await world.finish()
  await check(world, story)
  return calls
}

/** As a shopper does who is not told everything. */
async function act(world: ShopWorld, parts: ShopParts, story: Story): Promise<void> {
  const cart = await world.wait(world.tables.read('cart.read', { customerId: ANN }))
  const { discountCode } = story
  const ask = askOf(ANN, cart?.cartId ?? '', { discountCode })
  const made = await world.try(checkOut(parts, ask))
  const order = made?.type === 'order' ? made.order : undefined
  if (order === undefined) return
  for (const payment of story.payments) await world.try(payOrder(parts, paymentOf(order, payment)))
  if (story.cancels !== true) return
  const { orderId } = order
  await world.try(cancelOrder(parts, { orderId, by: ANN, reason: 'thought better of it', key: undefined }))
}

async function makeCoupon(world: ShopWorld): Promise<void> {
  const discount = {
    code: 'ONCE',
    percent: 50,
    amountMinor: null,
    currency: null,
    maxUses: 1,
    perCustomer: 1,
    validFromMs: null,
    validUntilMs: null,
    active: 1,
  } as const
  await world.wait(world.tables.write('discounts.create', discount))
  await world.wait(keepCoupon(world.parts(), discount))
}

/** A way to die while a story is told: at which of its calls, and whether the shopper comes back. */
export type WayToDie = { readonly kill: Kill; readonly returns: boolean }

/** All ways in which one of its processes can die amid so many calls; only shoppers of the shop itself notice, and return. */
export function waysToDie(who: 'shop' | 'desk', calls: number): readonly WayToDie[] {
  return Array.from({ length: calls }, (_, i) => i + 1).flatMap((call) =>
    (['before', 'after'] as const).flatMap((when) =>
      (who === 'shop' ? [true, false] : [false]).map((returns) => ({ kill: { call, when }, returns })),
    ),
  )
}

/** Tells a story once for each death, and says with which one it ended badly. */
export async function tellAll(
  story: Story,
  who: 'shop' | 'desk',
  deaths: readonly WayToDie[],
): Promise<void> {
  for (const { kill, returns } of deaths) {
    try {
      await tell(story, { kill, of: who, returns })
    } catch (error) {
      const where = `call ${kill.call}, ${kill.when}, shopper ${returns ? 'returns' : 'does not return'}`
      throw new Error(`${where}: ${error instanceof Error ? error.message : error}`, { cause: error })
    }
  }
}

/** Waits until every hold has ended, and then takes all that is left. */
async function sellOut(world: ShopWorld): Promise<void> {
  await world.engine.advance(899_000 + 2_000)
  const { available } = await world.stockOf(PHONE)
  if (available === 0) return
  const { engine } = world.engine
  const reservationId = engine.newReservationId(PHONE)
  const all = { reservationId, productId: PHONE, customerId: BOB as CustomerId, quantity: available } as const
  await world.wait(
    engine.execute({ type: 'reserve', ...all, ttlMs: 3_600_000, allowPartial: false, reference: undefined }),
  )
  await world.wait(engine.execute({ type: 'confirm', reservationId, items: undefined, reference: 'bob' }))
}

async function check(world: ShopWorld, story: Story): Promise<void> {
  const { orders } = await world.wait(
    world.tables.read('orders.list', { customerId: ANN, status: undefined, before: undefined, limit: 100 }),
  )
  for (const order of orders) await checkMoney(world, order)
  const bought = orders.filter(({ status }) => status === 'confirmed')
  assert.ok(bought.length <= 1, 'a cart is bought once')
  const sold = (productId: ProductId) =>
    bought
      .flatMap(({ lines }) => lines)
      .filter((line) => line.productId === productId)
      .reduce((sum, { quantity }) => sum + quantity, 0)
  // Holds that no order came of have ended by themselves.
  await world.engine.advance(7_300_000)
  for (const [productId, units] of [
    [PHONE, PHONES],
    [CASE, CASES],
  ] as const) {
    const stock = await world.stockOf(productId)
    const others = productId === PHONE && story.soldOut === true ? stock.sold - sold(PHONE) : 0
    assert.is(stock.held, 0, `${productId}: nothing is stranded`)
    assert.is(stock.sold - others, sold(productId), `${productId}: what is sold was ordered`)
    assert.is(stock.onHand + stock.sold, units, `${productId}: all units are there`)
  }
  const coupon = await world.stockOf(COUPON)
  assert.equal(
    [coupon.held, coupon.sold],
    [0, bought.some(({ discountCode }) => discountCode !== null) ? 1 : 0],
  )
}

async function checkMoney(world: ShopWorld, order: Order): Promise<void> {
  const { orderId, status, totalMinor, paymentMethod, duty } = order
  const { captured, refunded, captures } = world.books(orderId)
  assert.ok(['confirmed', 'refunded', 'expired', 'cancelled'].includes(status), `it ended as ${status}`)
  assert.is(duty, null, 'nothing is owed')
  assert.ok(captures <= 1, `captured ${captures} times`)
  const isPaid = status === 'confirmed' && paymentMethod !== 'cod'
  assert.is(captured - refunded, isPaid ? totalMinor : 0, `${status}: an order or a refund`)
  assert.equal(
    [order.capturedMinor, order.refundedMinor],
    [captured, refunded],
    'the shop’s books are the gateway’s',
  )
  if (refunded > 0) assert.is(status, 'refunded')
}
