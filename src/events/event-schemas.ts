/**
 * What each event says, as schemas: of them the published description is made (async-api.ts), and a test holds every kind
 * of event against it. Fields may come to a version, so readers skip what they do not know.
 */
import { z } from 'zod'
import type { OutboxEventType } from '../persistence/tables/outbox.ts'
import type { PublishedEvent } from './event-kinds.ts'

export type EventDescription = {
  readonly title: string
  readonly summary: string
  readonly data: z.ZodObject
}

const instant = z.string().meta({ format: 'date-time' })
const count = z.int().nonnegative()
const units = z.int().positive()
const id = z.string().min(1)
const reference = z.string().optional().meta({ description: 'What the shop said of it.' })
const customerId = z.string().optional().meta({ description: 'The shop’s name for the buyer.' })
const reason = z.string()
const available = count.meta({ description: 'Units left to take right after.' })

const product = {
  productId: id,
  version: z.int().positive().meta({ description: 'Number of the event of its product, without a gap.' }),
}
const reservation = { ...product, reservationId: id }
const split = { reservationId: id }

function described(title: string, summary: string, fields: z.ZodRawShape): EventDescription {
  return { title, summary, data: z.object(fields) }
}

export const journalEvents: Readonly<Record<PublishedEvent['type'], EventDescription>> = {
  UnitsHeld: described('Units held', 'A reservation was made and holds its units.', {
    ...reservation,
    customerId,
    reference,
    quantity: units,
    expiresAt: instant,
    available,
  }),
  HoldExtended: described('Hold extended', 'A reservation ends later.', {
    ...reservation,
    expiresAt: instant,
  }),
  PaymentStarted: described('Payment started', 'Payment of a reservation began; its deadline is set.', {
    ...reservation,
    expiresAt: instant,
  }),
  UnitsReleased: described('Units released', 'Units went back; with none left the reservation has ended.', {
    ...reservation,
    quantity: units,
  }),
  UnitsConfirmed: described('Units confirmed', 'The reservation ended with these units sold.', {
    ...reservation,
    quantity: units,
    reference,
  }),
  HoldExpired: described('Hold expired', 'The reservation’s time was over; all it held went back.', {
    ...reservation,
    quantity: units,
  }),
  UnitsReturned: described('Units returned', 'Sold units came back to on hand.', {
    ...reservation,
    quantity: units,
    reason,
  }),
  ReturnsClosed: described('Returns closed', 'Nothing of it can come back any more.', reservation),
  ReservationForgotten: described('Reservation forgotten', 'Its id is not known any longer.', reservation),
  StockAdjusted: described('Stock adjusted', 'Units were added or taken away; the first makes the stock.', {
    ...product,
    delta: z.int(),
    onHand: count.meta({ description: 'Units on hand right after.' }),
    reason,
    reference,
  }),
  SaleScheduled: described('Sale scheduled', 'The terms of sale were set. What is absent does not limit.', {
    ...product,
    sale: z.object({
      opensAt: instant.optional(),
      closesAt: instant.optional(),
      perCustomerLimit: count.optional(),
      holdTtlSeconds: z.number().nonnegative().optional(),
      maxPerReservation: count.optional(),
    }),
  }),
  ProductRetired: described('Product retired', 'Nothing of it can be reserved any more.', product),
  HoldPlaced: described('Hold placed', 'A line of a reservation of several products holds its units.', {
    ...reservation,
    customerId,
    quantity: units,
    available,
  }),
  HoldSettled: described('Hold settled', 'What a line of several stands at from now on.', {
    ...reservation,
    step: count,
    held: count,
    sold: count.meta({ description: 'Confirmed and not returned.' }),
    closed: z.boolean(),
  }),
  WaitlistJoined: described('Waitlist joined', 'A customer stands in line for units.', {
    ...reservation,
    customerId: id,
    quantity: units,
  }),
  WaitlistLeft: described('Waitlist left', 'A customer left the line without units.', {
    ...product,
    customerId: id,
    cause: z.enum(['left', 'overLimit', 'saleClosed', 'retired']),
  }),
  WaitlistServed: described('Waitlist served', 'The head of the line has its hold, and left the line.', {
    ...reservation,
    customerId: id,
    quantity: units,
    expiresAt: instant,
    available,
  }),
  UnitsEarmarked: described('Units earmarked', 'So many units are put aside for the head of the line.', {
    ...product,
    quantity: count,
  }),
  SplitHeld: described(
    'Several held',
    'A reservation of several products was made: it holds all its lines.',
    {
      ...split,
      customerId,
      reference,
      expiresAt: instant,
      lines: z.array(
        z.object({ productId: id, shard: count, quantity: units, available, holdVersion: units }),
      ),
    },
  ),
  SplitExtended: described('Several extended', 'A reservation of several products ends later.', {
    ...split,
    expiresAt: instant,
  }),
  SplitPaymentStarted: described('Payment of several started', 'Its payment began; its deadline is set.', {
    ...split,
    expiresAt: instant,
  }),
  SplitSettled: described('Several settled', 'What a reservation of several stands at from now on.', {
    ...split,
    step: count,
    status: z.enum(['held', 'paying', 'confirmed', 'released', 'expired']),
    quantities: z.array(count).meta({ description: 'Of each line, in the order of product ids.' }),
    returned: z.array(count),
    closed: z.boolean(),
    reference,
    reason: reason.optional(),
  }),
}

const order = { id, orderId: id }

export const outboxEvents: Readonly<Record<OutboxEventType, EventDescription>> = {
  'user.registered': described('User registered', 'Somebody made an account.', { id }),
  'product.changed': described('Product changed', 'A product of the catalog was made, changed or retired.', {
    id,
    version: units.meta({ description: 'Of the catalog’s entry.' }),
    retired: z.literal(true).optional(),
  }),
  'review.changed': described('Product reviewed', 'A buyer reviewed a product.', {
    id,
    reviewId: id,
    rating: z.int().min(1).max(5),
  }),
  'order.created': described('Order created', 'Units are held, and the order is to be paid.', order),
  'order.confirmed': described('Order confirmed', 'It is paid, or is to be paid on delivery.', {
    ...order,
    invoiceNumber: units,
    paymentMethod: z.string(),
    transactionId: z.string(),
  }),
  'order.shipped': described('Order shipped', 'It is on its way, or its tracking has changed.', {
    ...order,
    trackingNumber: z.string().optional(),
    carrier: z.string().optional(),
    estimatedDelivery: z.string().optional(),
  }),
  'order.delivered': described('Order delivered', 'It has arrived.', order),
  'order.cancelled': described('Order cancelled', 'Units go back, and money that was taken.', {
    ...order,
    reason,
  }),
  'order.expired': described('Order expired', 'It was not paid in time, or there was nothing left.', {
    ...order,
    reason: reason.optional(),
  }),
  'order.refunded': described('Order refunded', 'All that was paid has gone back.', {
    ...order,
    amountMinor: count.meta({ description: 'Of the last refund, in the smallest unit of its currency.' }),
  }),
  'payment.failed': described('Payment failed', 'An attempt to pay an order came to nothing.', {
    ...order,
    reason: reason.optional(),
  }),
}
