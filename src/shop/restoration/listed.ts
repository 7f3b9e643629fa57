/** A provider's list as the shop looks at it: page by page, and only what is its own. */
import type {
  Restoration,
  ShopIdentity,
} from '../../persistence/tables/restoration/restoration-operations.ts'
import type { Listed, ListedPayment, ListQuery } from '../payments/gateway.ts'

/** All entries, a page at a time; ends with `unanswered` where the provider did not say. */
export async function* pagesOf<Entry>(
  list: (query: ListQuery) => Promise<Listed<Entry>>,
  sinceMs: number,
): AsyncGenerator<readonly Entry[], 'whole' | 'unanswered'> {
  let after: string | undefined
  do {
    const page = await list({ sinceMs, after })
    if (page.type === 'unknown') return 'unanswered'
    yield page.entries
    after = page.next
  } while (after !== undefined)
  return 'whole'
}

/**
 * Whether a payment is to be looked for in these tables. Once somebody has said that they were restored, one without a shop's
 * name is taken for theirs, and any at all where their own name was lost with them.
 */
export function isOfShop(
  { shopId }: Pick<ListedPayment, 'shopId'>,
  identity: ShopIdentity,
  restoration: Pick<Restoration, 'takesAny'>,
): boolean {
  return shopId === undefined || shopId === identity.shopId || restoration.takesAny === 1
}

/** What the provider has of it and has not given back. */
export function keptOf({ outcome, refundedMinor }: Pick<ListedPayment, 'outcome' | 'refundedMinor'>): number {
  return outcome.type === 'succeeded' ? Math.max(0, outcome.amountMinor - refundedMinor) : 0
}
