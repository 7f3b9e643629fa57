/**
 * Which reservations each product has, in the order of their ids: rows of up to 64 ids of one product, none of which reaches
 * into another, so that a list is read row by row. New ids mostly go to the end of their product's; one that comes late, by
 * another node's clock, goes into the row it belongs to.
 */
import type { Database } from 'better-sqlite3'

/** Every id without its prefix. */
const ID_CHARS = 28
const ROW_IDS = 64

type Row = { readonly last: string; readonly ids: string }

export class ProductReservations {
  readonly #statements: ReturnType<typeof prepare>

  constructor(database: Database) {
    this.#statements = prepare(database)
  }

  /** Ids that ascend, none of which the product has. */
  add(product: number, ids: readonly string[]): void {
    const { newest, covering, remove } = this.#statements
    let at = 0
    for (let id = ids[0]; id !== undefined; id = ids[at]) {
      const last = newest.get(product)
      const isLate = last !== undefined && last.last > id
      const row = isLate ? (covering.get(product, id) as Row) : last
      const from = at
      // All that come before the last one of a row they belong into; behind the newest row all the rest.
      at = isLate && row !== undefined ? firstNotBelow(ids, row.last, from) : ids.length
      const taken = ids.slice(from, at)
      if (row === undefined || (!isLate && isFull(row))) this.#write(product, taken)
      else {
        remove.run(product, row.last)
        const all = [...idsIn(row), ...taken]
        this.#write(product, isLate ? all.sort() : all)
      }
    }
  }

  /** Up to so many, from the newest below an id down. */
  below(product: number, before: string, count: number): readonly string[] {
    const { covering, below } = this.#statements
    const found: string[] = []
    const take = (row: Row | undefined) => {
      if (row === undefined) return
      const ids = idsIn(row)
      for (let at = ids.length - 1; at >= 0 && found.length < count; at--) {
        const id = ids[at] as string
        if (id < before) found.push(id)
      }
    }
    take(covering.get(product, before))
    if (found.length === count) return found
    for (const row of below.iterate(product, before)) {
      take(row)
      if (found.length === count) break
    }
    return found
  }

  #write(product: number, ids: readonly string[]): void {
    for (let at = 0; at < ids.length; at += ROW_IDS) {
      const part = ids.slice(at, at + ROW_IDS)
      this.#statements.insert.run(product, part.at(-1), part.join(''))
    }
  }
}

function isFull({ ids }: Row): boolean {
  return ids.length >= ROW_IDS * ID_CHARS
}

function firstNotBelow(ids: readonly string[], bound: string, from: number): number {
  let at = from
  while (at < ids.length && (ids[at] as string) < bound) at += 1
  return at
}

function idsIn({ ids }: Row): readonly string[] {
  return Array.from({ length: ids.length / ID_CHARS }, (_, nr) =>
    ids.slice(nr * ID_CHARS, (nr + 1) * ID_CHARS),
  )
}

function prepare(database: Database) {
  const rows = 'SELECT last, ids FROM product_reservations WHERE product = ?'
  return {
    newest: database.prepare<[number], Row>(`${rows} ORDER BY last DESC LIMIT 1`),
    /** The one that an id is in, or would be. */
    covering: database.prepare<[number, string], Row>(`${rows} AND last >= ? ORDER BY last LIMIT 1`),
    below: database.prepare<[number, string], Row>(`${rows} AND last < ? ORDER BY last DESC`),
    remove: database.prepare<[number, string]>(
      'DELETE FROM product_reservations WHERE product = ? AND last = ?',
    ),
    insert: database.prepare<[number, string | undefined, string]>(
      'INSERT INTO product_reservations (product, last, ids) VALUES (?, ?, ?)',
    ),
  }
}
