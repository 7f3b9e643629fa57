/**
 * Which reservations each product has, in the order of their ids: rows of up to 64 ids of one product, none of which reaches
 * into another, so that a list is read row by row. Ids that go on behind the newest are rows of their own, as many as were
 * written together; one that comes late, by another node's clock, goes into the row it belongs to.
 */
import type { Database } from 'better-sqlite3'
import { historyCacheMax } from '../limits.ts'
import { ProjectionDamaged } from './projection-damaged.ts'

/** Every id without its prefix. */
const ID_CHARS = 28
const ROW_IDS = 64

type Row = { readonly last: string; readonly ids: string }

export class ProductReservations {
  readonly #statements: ReturnType<typeof prepare>
  /** Of products that were added to: asking the rows takes as long as adding one. */
  readonly #last = new Map<number, string>()

  constructor(database: Database) {
    this.#statements = prepare(database)
  }

  /** Ids that ascend, none of which the product has. Throws `ProjectionDamaged` where it has one, or what it has is broken. */
  add(product: number, ids: readonly string[]): void {
    const { newest, covering, remove } = this.#statements
    const last = this.#last.get(product) ?? newest.get(product)?.last
    let at = 0
    for (let id = ids[0]; id !== undefined && last !== undefined && id <= last; id = ids[at]) {
      const row = covering.get(product, id)
      const from = at
      while (row !== undefined && at < ids.length && (ids[at] as string) < row.last) at += 1
      if (row === undefined || at === from) throw new ProjectionDamaged('a product has a reservation twice')
      remove.run(product, row.last)
      this.#write(product, [...idsIn(row), ...ids.slice(from, at)].sort())
    }
    if (at === ids.length) return
    this.#write(product, at === 0 ? ids : ids.slice(at))
    if (this.#last.size >= historyCacheMax) this.#last.clear()
    this.#last.set(product, ids.at(-1) as string)
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

  /** In rows that are about as long as each other, so that more can come between them. */
  #write(product: number, ids: readonly string[]): void {
    const rows = Math.ceil(ids.length / ROW_IDS)
    for (let nr = 0; nr < rows; nr++) {
      const part = ids.slice(Math.floor((nr * ids.length) / rows), Math.floor(((nr + 1) * ids.length) / rows))
      this.#statements.insert.run(product, part.at(-1), part.join(''))
    }
  }
}

function idsIn({ last, ids }: Row): readonly string[] {
  if (ids.length % ID_CHARS !== 0 || !ids.endsWith(last))
    throw new ProjectionDamaged('a row of ids is broken')
  return Array.from({ length: ids.length / ID_CHARS }, (_, nr) =>
    ids.slice(nr * ID_CHARS, (nr + 1) * ID_CHARS),
  )
}

function prepare(database: Database) {
  const rows = 'SELECT last, ids FROM product_reservations WHERE product = ?'
  return {
    newest: database.prepare<[number], { readonly last: string }>(
      'SELECT last FROM product_reservations WHERE product = ? ORDER BY last DESC LIMIT 1',
    ),
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
