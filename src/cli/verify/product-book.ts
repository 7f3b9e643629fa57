/** One product's counters, as the events make them. */
import type { CustomerId, ProductId } from '../../domain/ids.ts'
import type { Sale, Stock } from '../../domain/stock.ts'
import { WaitlistBook } from './waitlist-book.ts'
import type { Wrong } from './wrong.ts'

export type Product = {
  readonly productId: ProductId
  version: number
  onHand: number
  held: number
  sold: number
  /** Put aside for whoever is first in line. */
  earmarked: number
  /** Sum of all adjustments: what was ever put in, less what was taken out unsold. */
  adjusted: number
  retired: boolean
  sale: Sale
  /** What each customer has. A snapshot says so only while the sale limits it. */
  readonly customers: Map<CustomerId, number>
  readonly waitlist: WaitlistBook
}

export function newProduct(productId: ProductId): Product {
  return {
    productId,
    version: 0,
    onHand: 0,
    held: 0,
    sold: 0,
    earmarked: 0,
    adjusted: 0,
    retired: false,
    sale: {},
    customers: new Map(),
    waitlist: new WaitlistBook(),
  }
}

/** One that goes on from what the engine wrote down of it, but for its customers' counts. */
export function productFrom(stock: Stock): Product {
  const { productId, version, onHand, held, sold, earmarked, retired, sale } = stock
  const counted = { version, onHand, held, sold, earmarked, retired, sale, adjusted: onHand + sold }
  const product = { ...newProduct(productId), ...counted }
  product.waitlist.goOnFrom(stock, available(product))
  return product
}

/** Units that a newcomer can take. */
export function available({ onHand, held, earmarked }: Product): number {
  return onHand - held - earmarked
}

/** Takes units for a hold; `said` is how many its reply said are left. */
export function take(
  product: Product,
  hold: { readonly customerId: CustomerId | undefined; readonly quantity: number },
  said: number,
): Wrong | undefined {
  const { customerId, quantity } = hold
  if (quantity <= 0) return `holds ${quantity}`
  product.held += quantity
  const left = available(product)
  if (left !== said) return `says ${said} are available, and ${left} are`
  const { perCustomerLimit: limit } = product.sale
  if (limit === undefined) return count(product, customerId, quantity)
  if (customerId === undefined) return 'nobody is named, and the sale limits what a customer has'
  const wrong = count(product, customerId, quantity)
  const total = product.customers.get(customerId) ?? 0
  return total > limit ? `customer ${customerId} has ${total}, and the sale allows ${limit}` : wrong
}

export function count(
  product: Product,
  customerId: CustomerId | undefined,
  units: number,
): Wrong | undefined {
  if (customerId === undefined) return undefined
  const total = (product.customers.get(customerId) ?? 0) + units
  if (total < 0) return `customer ${customerId} is counted with ${total}`
  if (total === 0) product.customers.delete(customerId)
  else product.customers.set(customerId, total)
  return undefined
}

/** The one place where stock is conserved or is not. */
export function unbalanced({ onHand, held, sold, adjusted }: Product): Wrong | undefined {
  if (held < 0 || onHand < 0 || sold < 0)
    return `${onHand} on hand, ${held} held, ${sold} sold: one is negative`
  if (held > onHand) return `${held} held of ${onHand} on hand: oversold`
  if (onHand + sold !== adjusted) return `${onHand} on hand and ${sold} sold, of ${adjusted} ever put in`
  return undefined
}

/** Where it differs from what the engine wrote down at the same sequence. */
export function productDifference(product: Product, stock: Stock): Wrong | undefined {
  const at = `product ${product.productId}`
  for (const field of ['version', 'onHand', 'held', 'sold', 'earmarked', 'retired'] as const) {
    if (stock[field] !== product[field])
      return `${at}: it says ${field} ${stock[field]}, and the events make ${product[field]}`
  }
  const isLimited = product.sale.perCustomerLimit !== undefined
  if (!sameCounts(stock.customers, isLimited ? product.customers : undefined))
    return `${at}: its customers' counts differ`
  return product.waitlist.isAs(stock.waitlist) ? undefined : `${at}: its waitlist differs`
}

function sameCounts(
  left: ReadonlyMap<string, number> | undefined,
  right: ReadonlyMap<string, number> | undefined,
): boolean {
  if (left === undefined || right === undefined) return left === right
  if (left.size !== right.size) return false
  for (const [key, value] of left) if (right.get(key) !== value) return false
  return true
}
