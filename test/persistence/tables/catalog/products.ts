/** Products as tests have them. */
import type { ProductId } from '../../../../src/domain/ids.ts'
import type { CurrencyCode } from '../../../../src/domain/money.ts'
import type { ProductFields } from '../../../../src/persistence/tables/catalog/product-row.ts'

export const PIXEL = 'pixel-11' as ProductId

export function fields(changes: Partial<ProductFields> = {}): ProductFields {
  return {
    title: 'Pixel 11',
    description: 'A phone.',
    brand: 'Google',
    category: 'Phones > Android',
    priceMinor: 99_999,
    currency: 'USD' as CurrencyCode,
    images: ['https://img.example/a.png'],
    specifications: [['Colour', 'black']],
    ...changes,
  }
}
