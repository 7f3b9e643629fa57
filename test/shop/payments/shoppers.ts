/** Customers and staff, each doing one thing at a time, and all at once. What becomes of it, the oracle asks. */
import type { CustomerId, ProductId } from '../../../src/domain/ids.ts'
import type { Order } from '../../../src/persistence/tables/orders/order-rows.ts'
import { checkOut } from '../../../src/shop/checkout/check-out.ts'
import { cancelOrder } from '../../../src/shop/orders/cancel-order.ts'
import { refundOrder } from '../../../src/shop/orders/refund-order.ts'
import { returnItems } from '../../../src/shop/orders/return-items.ts'
import { type Payment, payOrder } from '../../../src/shop/payments/pay-order.ts'
import { TEST_CARDS, TEST_TOKENS, TEST_UPI } from '../../../src/shop/payments/test-instruments.ts'
import type { ShopParts } from '../../../src/shop/shop-parts.ts'
import type { Dice } from '../../support/dice.ts'
import { askOf, paymentOf, type ShopWorld } from '../shop-world.ts'

/** Of the newest orders somebody may still want something. */
const RECENT_MAX = 60
const WANTED_MAX = 24

export class Shoppers {
  readonly stock = new Map<ProductId, number>()
  readonly #world: ShopWorld
  readonly #dice: Dice
  readonly #recent: Order[] = []
  #customers = 0
  #wanted: ProductId[] = []

  constructor(world: ShopWorld, dice: Dice) {
    this.#world = world
    this.#dice = dice
  }

  /**
   * New products take the place of the oldest: one that many can have, and some for which there are too many. Those stay for
   * long, so that units which come back are bought by somebody else before a late payment is heard of.
   */
  async restock(): Promise<void> {
    const dice = this.#dice
    this.#wanted = this.#wanted.slice(-WANTED_MAX)
    for (let kind = 0; kind < 6; kind++) {
      const productId = `product-${this.stock.size}` as ProductId
      const units = kind === 0 ? 15 : dice.between(1, 4)
      this.stock.set(productId, units)
      this.#wanted.push(productId)
      await this.#world.sell(productId, dice.between(101, 99_999), units)
    }
  }

  /** Somebody new buys something, if they can. */
  async shop(parts: ShopParts): Promise<void> {
    const dice = this.#dice
    this.#customers += 1
    const customerId = `usr_${this.#customers}` as CustomerId
    let cartId = ''
    for (const productId of dice.shuffled(this.#wanted).slice(0, dice.hits(0.3) ? 2 : 1)) {
      const line = { customerId, productId, quantity: dice.between(1, 2), quantityMax: 10 }
      const cart = await parts.tables.write('cart.add', line)
      if (cart.type === 'cart') cartId = cart.cartId
    }
    const made = await checkOut(parts, askOf(customerId, cartId))
    if (made.type === 'refused') return
    this.#recent.push(made.order)
    if (this.#recent.length > RECENT_MAX) this.#recent.shift()
    if (dice.hits(0.9)) await this.#pay(parts, made.order)
  }

  /** Something that somebody does about an order, whatever state it is in. */
  async meddle(parts: ShopParts): Promise<void> {
    const dice = this.#dice
    if (this.#recent.length === 0) return
    const order = dice.pick(this.#recent)
    const { orderId, customerId, totalMinor } = order
    const by = 'usr_staff'
    const what = dice.fraction()
    if (what < 0.3) await this.#pay(parts, order)
    else if (what < 0.5) await cancelOrder(parts, { orderId, by: customerId, reason: 'no', key: undefined })
    else if (what < 0.7) {
      const amountMinor = dice.hits(0.5) ? totalMinor : dice.between(1, totalMinor)
      await refundOrder(parts, { orderId, amountMinor, reason: 'a gesture', by, key: undefined })
    } else if (what < 0.85) {
      const tracking = { trackingNumber: undefined, carrier: undefined, estimatedDelivery: undefined }
      await parts.tables.write('orders.ship', { orderId, ...tracking })
    } else if (what < 0.95) await parts.tables.write('orders.deliver', { orderId })
    else
      await returnItems(parts, {
        orderId,
        items: undefined,
        reason: 'broken',
        gives: true,
        by,
        key: undefined,
      })
  }

  /** Again and again while it is declined; now and then twice at once. */
  async #pay(parts: ShopParts, order: Order): Promise<void> {
    const dice = this.#dice
    const once = () => payOrder(parts, paymentOf(order, this.#payment()))
    if (dice.hits(0.1)) {
      await Promise.all([once(), once()])
      return
    }
    for (let tries = 0; tries < 3; tries++) {
      const reply = await once()
      if (reply.type !== 'payment' || reply.attempt.status !== 'failed' || dice.hits(0.3)) return
    }
  }

  #payment(): Partial<Payment> {
    const dice = this.#dice
    const way = dice.fraction()
    if (way < 0.05) return { method: 'cod', paymentToken: undefined }
    if (way < 0.5) return { method: 'upi', paymentToken: dice.pick([...TEST_UPI.keys()]) }
    if (way < 0.85) return { paymentToken: dice.pick([...TEST_TOKENS.keys()]) }
    const number = dice.pick([...TEST_CARDS.keys()])
    const card = { number, expiry: '12/49', cvc: number.startsWith('37') ? '1234' : '123' }
    return { paymentToken: undefined, card }
  }
}
