/** What there is to say about an event, and to whom, as the tables have it now. */
import type { MailEvent } from '../../persistence/tables/mail/mail-operations.ts'
import type { Tables } from '../../persistence/tables/operations.ts'
import type { Order } from '../../persistence/tables/orders/order-rows.ts'
import type { Addressee, LetterFacts, OrderFacts } from './letters.ts'

/** Undefined where nobody with an account is concerned: services order for buyers whom only they know. */
export function factsIn(tables: Tables): (event: MailEvent) => Promise<LetterFacts | undefined> {
  const addresseeOf = async (id: string): Promise<Addressee | undefined> => {
    const user = await tables.read('users.find', { id })
    return user === undefined ? undefined : { name: user.name, email: user.email }
  }
  return async ({ type, subjectId }) => {
    if (type === 'user.registered') {
      const to = await addresseeOf(subjectId)
      return to === undefined ? undefined : { type: 'account', to }
    }
    const order = await tables.read('orders.find', { orderId: subjectId })
    const to = order === undefined ? undefined : await addresseeOf(order.customerId)
    return order === undefined || to === undefined ? undefined : { type: 'order', to, order: factsOf(order) }
  }
}

function factsOf(order: Order): OrderFacts {
  const { orderId, currency, discountMinor, totalMinor, refundedMinor } = order
  return {
    orderId,
    currency,
    lines: order.lines.map(({ title, quantity, unitPriceMinor }) => {
      return { title, quantity, amountMinor: quantity * unitPriceMinor }
    }),
    discountMinor,
    totalMinor,
    refundMinor: refundedMinor,
    isPaidOnDelivery: order.paymentMethod === 'cod',
    isHeld: order.status === 'pending_payment',
    invoiceNumber: order.invoiceNumber === null ? undefined : String(order.invoiceNumber),
    carrier: order.carrier ?? undefined,
    trackingNumber: order.trackingNumber ?? undefined,
    estimatedDelivery: order.estimatedDelivery ?? undefined,
  }
}
