/** Search without a thread: the index is filled anew from the catalog for each question. */
import type { Database } from 'better-sqlite3'
import {
  PRODUCT_COLUMNS,
  type ProductRow,
  productOf,
} from '../../src/persistence/tables/catalog/product-row.ts'
import { EmbeddedIndex } from '../../src/search/embedded/embedded-index.ts'
import { documentOf } from '../../src/search/product-document.ts'
import type { SearchClient } from '../../src/search/search-client.ts'
import { SearchError } from '../../src/search/search-error.ts'
import type { SearchPosition } from '../../src/search/search-position.ts'
import type { FoundBy, SearchQuestion } from '../../src/search/search-protocol.ts'

export function directSearch(database: Database): Pick<SearchClient, 'ask'> {
  return {
    async ask<Q extends SearchQuestion>(question: Q, after?: SearchPosition) {
      const position = positionOf(database)
      if (after !== undefined && after.tables > position.tables)
        throw new SearchError('behind', 'it has not come that far')
      const index = new EmbeddedIndex()
      const rows = database
        .prepare<[], ProductRow>(`SELECT ${PRODUCT_COLUMNS} FROM products WHERE retired_at_ms IS NULL`)
        .all()
      await index.put(rows.map((row) => documentOf(productOf(row), true)))
      return { answer: (await answerTo(question, index)) as FoundBy<Q>, position }
    },
  }
}

async function answerTo(question: SearchQuestion, index: EmbeddedIndex): Promise<FoundBy<SearchQuestion>> {
  switch (question.type) {
    case 'search':
      return await index.search(question.request)
    case 'suggest':
      return await index.suggest(question.term, question.limit)
    case 'verify':
      return { products: index.products, indexes: ['embedded'], differences: 0, listed: [] }
    default:
      return {
        isFilled: true,
        products: index.products,
        behindMs: 0,
        searches: 0,
        waitingQuestions: 0,
        server: undefined,
        projector: { puts: 0, removals: 0, transitions: 0 },
      }
  }
}

function positionOf(database: Database): SearchPosition {
  const last = database.prepare<[], number | null>('SELECT max(id) FROM outbox').pluck().get()
  return { tables: last ?? 0, shards: new Map() }
}
