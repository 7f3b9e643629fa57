/** What lines cost at this moment. Prices are looked up whenever they are shown, and frozen when an order is made. */
import type { Line } from '../../domain/commands.ts'
import type { ProductId } from '../../domain/ids.ts'
import type { CurrencyCode } from '../../domain/money.ts'
import { amountMinorMax } from '../../domain/money.ts'
import type { ShopParts } from '../shop-parts.ts'

/** Why a line cannot be bought as it is; of its stock the engine says more. */
export type LineProblem = 'unknown-product' | 'product-retired' | 'other-currency'

export type PricedLine = Line & {
  readonly title: string
  readonly unitPriceMinor: number
  readonly currency: CurrencyCode | undefined
  readonly thumbnail: string | undefined
  readonly problem: LineProblem | undefined
}

export type Priced = {
  readonly lines: readonly PricedLine[]
  /** Of the first line that has a price. */
  readonly currency: CurrencyCode | undefined
  /** Of all lines that have a price in that currency. */
  readonly totalMinor: number
}

export async function priceOf(
  { tables }: Pick<ShopParts, 'tables'>,
  lines: readonly Line[],
): Promise<Priced> {
  const ids = lines.map(({ productId }) => productId)
  const found = ids.length === 0 ? [] : await tables.read('catalog.products', { ids })
  const products = new Map<ProductId, (typeof found)[number]>(found.map((each) => [each.productId, each]))
  const currency = found.length === 0 ? undefined : firstOf(ids, products)?.currency
  const priced = lines.map((line): PricedLine => {
    const product = products.get(line.productId)
    if (product === undefined) {
      const nothing = { title: '', unitPriceMinor: 0, currency: undefined, thumbnail: undefined }
      return { ...line, ...nothing, problem: 'unknown-product' }
    }
    const { title, priceMinor, thumbnail } = product
    const other = product.currency === currency ? undefined : ('other-currency' as const)
    const problem = product.retired ? 'product-retired' : other
    return { ...line, title, unitPriceMinor: priceMinor, currency: product.currency, thumbnail, problem }
  })
  const counted = priced.filter((line) => line.currency !== undefined && line.currency === currency)
  const totalMinor = counted.reduce((sum, { unitPriceMinor, quantity }) => sum + unitPriceMinor * quantity, 0)
  return { lines: priced, currency, totalMinor }
}

/** Whether one order can be of so much money. */
export function isPayable(totalMinor: number): boolean {
  return Number.isSafeInteger(totalMinor) && totalMinor <= amountMinorMax
}

function firstOf<Product>(
  ids: readonly ProductId[],
  products: ReadonlyMap<ProductId, Product>,
): Product | undefined {
  for (const id of ids) {
    const product = products.get(id)
    if (product !== undefined) return product
  }
  return undefined
}
