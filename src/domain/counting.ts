/** Small steps that every event of a product takes. */
import { assert } from './assert.ts'
import type { CustomerId } from './ids.ts'
import type { ShardState, Stock } from './stock.ts'

/**
 * Adds to the count of whose it is; a count of none is no entry, so that the state says each thing in one way only. Where
 * customers are not counted it does not even ask who it is: a reservation has to make the text of that.
 */
export function count(
  stock: Stock,
  of: { readonly customerId: CustomerId | undefined },
  units: number,
): void {
  const { customers } = stock
  if (customers === undefined || units === 0) return
  const { customerId } = of
  if (customerId === undefined) return
  const total = (customers.get(customerId) ?? 0) + units
  assert(total >= 0, 'never fewer than none counted')
  if (total === 0) customers.delete(customerId)
  else customers.set(customerId, total)
}

/** The next event of a product. */
export function advance(stock: Stock, version: number): Stock {
  assert(version === stock.version + 1, 'versions have no gaps')
  stock.version = version
  return stock
}

/** What an event names exists. */
export function known<T>(found: T | undefined): T {
  assert(found !== undefined, 'an event names what exists')
  return found
}

/** Units that were free of any hold came, or, negative, went: whoever waits in line hears of it. */
export function freed(shard: ShardState, stock: Stock, units: number): void {
  if (stock.waitlist === undefined) return
  stock.waitlist.freed += units
  unserve(shard, stock)
}

/** A customer has more than before: where they head the line, they may be over their limit, and the next one's turn come. */
export function took(shard: ShardState, stock: Stock, customerId: CustomerId | undefined): void {
  if (stock.waitlist === undefined || customerId === undefined) return
  if (stock.waitlist.line.has(customerId)) unserve(shard, stock)
}

/** What the line can have may have changed. */
export function unserve(shard: ShardState, stock: Stock): void {
  if (stock.waitlist !== undefined) shard.unserved.add(stock)
}
