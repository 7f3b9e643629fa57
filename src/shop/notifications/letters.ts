/** What the shop writes to its customers, by what happened. */
import { unreachable } from '../../domain/assert.ts'
import { type CurrencyCode, decimalOf } from '../../domain/money.ts'
import type { MailEvent } from '../../persistence/tables/mail/mail-operations.ts'
import type { Letter } from './letter.ts'

export type Addressee = { readonly name: string; readonly email: string }

export type OrderFacts = {
  readonly orderId: string
  readonly currency: CurrencyCode
  readonly lines: readonly {
    readonly title: string
    readonly quantity: number
    readonly amountMinor: number
  }[]
  readonly discountMinor: number
  readonly totalMinor: number
  readonly isPaidOnDelivery: boolean
  /** Whether it can still be paid. */
  readonly isHeld: boolean
  readonly invoiceNumber?: string | undefined
  readonly carrier?: string | undefined
  readonly trackingNumber?: string | undefined
  /** YYYY-MM-DD */
  readonly estimatedDelivery?: string | undefined
  /** What goes back, or went. */
  readonly refundMinor: number
}

/** What there is to say about an event, as the tables have it when it is said. */
export type LetterFacts =
  | { readonly type: 'account'; readonly to: Addressee }
  | { readonly type: 'order'; readonly to: Addressee; readonly order: OrderFacts }

/** Undefined where what is known does not fit what happened: then there is nothing to say. */
export function letterOn({ type, payload }: MailEvent, facts: LetterFacts, shop: string): Letter | undefined {
  const { name } = facts.to
  const bare = { greeting: `Hello ${name},`, lines: [], facts: [], signature: shop }
  if (type === 'user.registered') {
    const paragraphs = ['Your account is ready. You can sign in with this e-mail address.']
    return { ...bare, subject: `Welcome to ${shop}`, paragraphs }
  }
  if (facts.type !== 'order') return undefined
  const { order } = facts
  const { orderId } = order
  switch (type) {
    case 'order.confirmed': {
      const paid = order.isPaidOnDelivery ? 'You pay when it arrives.' : 'It is paid.'
      const paragraphs = [`Thank you: your order ${orderId} is confirmed. ${paid}`]
      return {
        ...bare,
        subject: `Order ${orderId} confirmed`,
        paragraphs,
        lines: linesOf(order),
        facts: invoice(order),
      }
    }
    case 'order.shipped':
      return {
        ...bare,
        subject: `Order ${orderId} is on its way`,
        paragraphs: [`Your order ${orderId} has been handed over for delivery.`],
        facts: delivery(order),
      }
    case 'order.cancelled': {
      const paragraphs = [
        `Your order ${orderId} is cancelled.`,
        order.refundMinor === 0
          ? 'Nothing was charged.'
          : `${shown(order.refundMinor, order)} goes back to where it came from.`,
      ]
      return { ...bare, subject: `Order ${orderId} cancelled`, paragraphs }
    }
    case 'order.refunded': {
      const amount = shown(order.refundMinor, order)
      const paragraphs = [
        `${amount} for your order ${orderId} was refunded. Banks may take some days to show it.`,
      ]
      return { ...bare, subject: `Refund for order ${orderId}`, paragraphs }
    }
    case 'payment.failed': {
      const reason = typeof payload.reason === 'string' ? ` (${payload.reason.replaceAll('-', ' ')})` : ''
      const paragraphs = [
        `The payment for your order ${orderId} did not succeed${reason}. Nothing was charged.`,
        ...(order.isHeld
          ? ['What you ordered is still held for you for a while, so you can try again or pay another way.']
          : []),
      ]
      return { ...bare, subject: `Payment for order ${orderId} failed`, paragraphs }
    }
    default:
      return unreachable(type)
  }
}

function linesOf(order: OrderFacts): Letter['lines'] {
  const lines = order.lines.map(({ title, quantity, amountMinor }) => {
    return { what: `${quantity} × ${title}`, amount: shown(amountMinor, order) }
  })
  const discount = { what: 'Discount', amount: `−${shown(order.discountMinor, order)}` }
  const total = { what: 'Total', amount: shown(order.totalMinor, order) }
  return [...lines, ...(order.discountMinor === 0 ? [] : [discount]), total]
}

function invoice({ invoiceNumber }: OrderFacts): Letter['facts'] {
  return invoiceNumber === undefined ? [] : [['Invoice', invoiceNumber]]
}

function delivery({ carrier, trackingNumber, estimatedDelivery }: OrderFacts): Letter['facts'] {
  const facts = [
    ['Carrier', carrier],
    ['Tracking number', trackingNumber],
    ['Expected', estimatedDelivery],
  ] as const
  return facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
}

function shown(amountMinor: number, { currency }: Pick<OrderFacts, 'currency'>): string {
  return new Intl.NumberFormat('en', { style: 'currency', currency }).format(decimalOf(amountMinor, currency))
}
