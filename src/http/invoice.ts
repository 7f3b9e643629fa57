/** The invoice of an order, as one page to print: nothing is fetched for it, and nothing in it runs. */
import { type CurrencyCode, decimalOf, digitsOf } from '../domain/money.ts'
import type { Order } from '../persistence/tables/orders/order-rows.ts'
import { escapeHtml, htmlPage } from './html.ts'
import { timeOf } from './time.ts'

/** What an address may have, in the order in which it is written on a letter. */
const ADDRESS_FIELDS = ['name', 'line1', 'line2', 'postalCode', 'city', 'region', 'country'] as const
const DATE_LENGTH = 10

export function invoicePage(order: Order): string {
  const { currency, orderId, invoiceNumber } = order
  const rows = order.lines.map(({ productId, title, quantity, unitPriceMinor }) => {
    const cells = [
      `${escapeHtml(title)} <span class="soft">${escapeHtml(productId)}</span>`,
      String(quantity),
      amount(unitPriceMinor, currency),
      amount(unitPriceMinor * quantity, currency),
    ]
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`
  })
  const confirmedAt = order.events.findLast(({ type }) => type === 'confirmed')?.atMs ?? order.createdAtMs
  return htmlPage(
    `Invoice ${invoiceNumber}`,
    `<h1>Invoice ${invoiceNumber}</h1>
<p>${timeOf(confirmedAt).slice(0, DATE_LENGTH)} · order <code>${escapeHtml(orderId)}</code></p>
${addressOf(order)}
<table>
<thead><tr><th>Item</th><th>Quantity</th><th>Price</th><th>Amount</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
<tfoot>
${totals(order)}
</tfoot>
</table>
<p class="soft">${paidBy(order)}</p>`,
  )
}

function totals(order: Order): string {
  const { currency, subtotalMinor, discountMinor, totalMinor, discountCode } = order
  const line = (what: string, minor: number) =>
    `<tr><td></td><td></td><th>${escapeHtml(what)}</th><td>${amount(minor, currency)}</td></tr>`
  const discount =
    discountMinor === 0
      ? []
      : [line('Subtotal', subtotalMinor), line(`Discount ${discountCode}`, -discountMinor)]
  const refunded = order.refundedMinor === 0 ? [] : [line('Refunded', -order.refundedMinor)]
  return [...discount, line('Total', totalMinor), ...refunded].join('\n')
}

function paidBy({ paymentMethod, capturedMinor, totalMinor }: Order): string {
  if (totalMinor === 0) return 'Nothing to pay.'
  if (paymentMethod === 'cod')
    return capturedMinor > 0 ? 'Paid in cash on delivery.' : 'To be paid on delivery.'
  return paymentMethod === 'upi' ? 'Paid by UPI.' : 'Paid by card.'
}

function addressOf({ address }: Order): string {
  if (address === null) return ''
  const fields: Readonly<Record<string, unknown>> = JSON.parse(address)
  const lines = ADDRESS_FIELDS.flatMap((field) => {
    const value = fields[field]
    return typeof value === 'string' && value !== '' ? [escapeHtml(value)] : []
  })
  return `<p>${lines.join('<br>')}</p>`
}

/** With the currency's digits, whether they are zeros or not. */
function amount(minor: number, currency: CurrencyCode): string {
  return `${decimalOf(minor, currency).toFixed(digitsOf(currency))} ${currency}`
}
