/** What there is to say about an order, and events about it. */
import type { CurrencyCode } from '../../../src/domain/money.ts'
import type { MailEvent } from '../../../src/persistence/tables/mail/mail-operations.ts'
import type { LetterFacts, OrderFacts } from '../../../src/shop/notifications/letters.ts'

export const NOW_MS = Date.parse('2026-11-28T12:00:00.000Z')
export const ANN = { name: 'Ann', email: 'ann@example.com' }

export const ORDER: OrderFacts = {
  orderId: 'ord_1',
  currency: 'USD' as CurrencyCode,
  lines: [
    { title: 'iPhone 17 Pro', quantity: 2, amountMinor: 239_998 },
    { title: 'Case <b>"best"</b>', quantity: 1, amountMinor: 1_999 },
  ],
  discountMinor: 1_000,
  totalMinor: 240_997,
  refundMinor: 0,
  isPaidOnDelivery: false,
  isHeld: false,
  invoiceNumber: 'INV-000042',
}

export function orderFacts(more: Partial<OrderFacts> = {}): LetterFacts {
  return { type: 'order', to: ANN, order: { ...ORDER, ...more } }
}

export function event(type: MailEvent['type'], payload: MailEvent['payload'] = {}): MailEvent {
  return { id: 7, type, subjectId: type === 'user.registered' ? 'usr_1' : 'ord_1', payload, atMs: NOW_MS }
}
