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
      const answer =
        question.type === 'search'
          ? await index.search(question.request)
          : await index.suggest(question.term, question.limit)
      return { answer: answer as FoundBy<Q>, position }
    },
  }
}

function positionOf(database: Database): SearchPosition {
  const last = database.prepare<[], number | null>('SELECT max(id) FROM outbox').pluck().get()
  return { tables: last ?? 0, shards: new Map() }
}
