/** SQLite's FTS5 over the same products: contentless, with a bm25 that weighs the same fields. Knows nothing of typing errors. */
import Database from 'better-sqlite3'
import type { ProductDocument } from '../../src/search/product-document.ts'
import { wordsOf } from '../../src/search/words.ts'

const PAGE = 20

export class Fts5 {
  readonly #database = new Database(':memory:')

  constructor(products: readonly ProductDocument[]) {
    this.#database.exec(`CREATE VIRTUAL TABLE words USING fts5(title, brand, category, description,
      content = '', detail = column, tokenize = 'unicode61 remove_diacritics 2')`)
    const insert = this.#database.prepare(
      'INSERT INTO words (rowid, title, brand, category, description) VALUES (?, ?, ?, ?, ?)',
    )
    this.#database.transaction(() => {
      for (const [i, { title, brand, categories, description }] of products.entries())
        insert.run(i + 1, title, brand ?? '', categories.at(-1) ?? '', description)
    })()
  }

  /** The best page of what has all words, and how many that are. */
  search(text: string): { readonly best: readonly unknown[]; readonly total: number } {
    const match = wordsOf(text)
      .map((word) => `"${word}"`)
      .join(' ')
    const best = this.#database
      .prepare<[string, number], unknown>(
        'SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words, 6, 4, 3, 1) LIMIT ?',
      )
      .all(match, PAGE)
    const total = this.#database
      .prepare<[string], number>('SELECT count(*) FROM words WHERE words MATCH ?')
      .pluck()
      .get(match)
    return { best, total: total ?? 0 }
  }

  close(): void {
    this.#database.close()
  }
}
