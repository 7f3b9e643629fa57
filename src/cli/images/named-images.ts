/** Which images products name, read from the tables as they are at the moment, beside a server or without one. */
import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { ImageName } from '../../persistence/images/image-store.ts'
import type { TablesPlace } from '../../persistence/tables/tables-place.ts'
import { Unusable } from '../exit-codes.ts'

/** By image, one of the products that name it. */
export type NamedImages = ReadonlyMap<ImageName, string>

type Row = { readonly id: string; readonly images: string }

/** Within whatever URL: somebody may have put the shop's whole address before it. */
const NAME = /[0-9a-f]{64}\.(?:png|jpg|webp|gif|avif)/g
const PAGE = 1_000
const SQL = "SELECT id, images FROM products WHERE images <> '[]'"

/** Retired products count too: their pages stay. Throws `Unusable` where there are no tables. */
export async function namedImages(place: TablesPlace): Promise<NamedImages> {
  const named = new Map<ImageName, string>()
  for await (const { id, images } of place.type === 'sqlite' ? inFile(place.path) : inPostgres(place)) {
    // What fits the pattern is a name.
    for (const [name] of images.matchAll(NAME)) named.set(name as ImageName, id)
  }
  return named
}

function* inFile(path: string): Generator<Row, void, void> {
  if (!existsSync(path)) throw new Unusable(`There are no tables at ${path}: no server has started there.`)
  const database = new Database(path, { readonly: true, fileMustExist: true })
  try {
    yield* database.prepare<[], Row>(SQL).iterate()
  } finally {
    database.close()
  }
}

async function* inPostgres({
  target,
}: TablesPlace & { readonly type: 'postgresql' }): AsyncGenerator<Row, void, void> {
  const { openClient } = await import('../../persistence/tables/postgres/connect.ts')
  const client = await openClient(target)
  try {
    let after = ''
    for (;;) {
      const { rows } = await client.query<Row>(`${SQL} AND id > $1 ORDER BY id LIMIT ${PAGE}`, [after])
      yield* rows
      const last = rows.at(-1)
      if (last === undefined) return
      after = last.id
    }
  } finally {
    await client.end()
  }
}
