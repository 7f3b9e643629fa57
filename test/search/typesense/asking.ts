import type { SearchRequest } from '../../../src/search/search-index.ts'

export const EVERYTHING: SearchRequest = {
  term: '',
  category: undefined,
  brand: undefined,
  minPrice: undefined,
  maxPrice: undefined,
  minRating: undefined,
  inStock: false,
  sort: 'relevance',
  offset: 0,
  limit: 20,
}

export async function thrownBy(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work()
  } catch (error) {
    return error
  }
  return undefined
}
