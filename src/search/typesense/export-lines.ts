/** The lines of an export: a document each. */
import { z } from 'zod'
import type { ProductId } from '../../domain/ids.ts'
import { type IndexedProduct, IndexUnavailable } from '../search-index.ts'

const lineSchema = z.object({ id: z.string(), revision: z.string(), in_stock: z.boolean() })

/** Throws where a line is something else: newer servers go on behind a document that they could not read, and say so in its line. */
export function exportedProduct(line: string): IndexedProduct {
  try {
    const { id, revision, in_stock: inStock } = lineSchema.parse(JSON.parse(line))
    return { productId: id as ProductId, revision, inStock }
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof z.ZodError)) throw error
    throw new IndexUnavailable('Typesense exported a line that is no document')
  }
}
