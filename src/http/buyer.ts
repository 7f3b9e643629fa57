/** For whom a call acts: a customer for themselves, a service for whom it names. */
import { assert } from '../domain/assert.ts'
import type { CustomerId } from '../domain/ids.ts'
import { invalid } from './problems.ts'
import type { Call } from './route.ts'

/** Undefined where a service names nobody. Throws 400 where a customer names anybody, themselves included. */
export function buyerOf({ principal }: Call, named: CustomerId | undefined): CustomerId | undefined {
  if (principal?.role !== 'customer') return named
  if (named === undefined) return principal.customerId
  throw invalid({ path: 'customerId', message: 'is for services; a customer acts for themselves' })
}

/** As `buyerOf`, where a service must name somebody. */
export function namedBuyerOf(call: Call, named: CustomerId | undefined): CustomerId {
  const buyer = buyerOf(call, named)
  if (buyer === undefined) throw invalid({ path: 'customerId', message: 'is needed from services' })
  return buyer
}

/** The person who calls; `access: 'person'` has made sure that it is one. */
export function personOf({ principal }: Call): CustomerId {
  assert(principal?.customerId !== undefined, 'the route is for people')
  return principal.customerId
}
