/** `npm run move -- --tables`, and its `--reopen tables`: which database is which end. */
import { existsSync } from 'node:fs'
import type { Config } from '../../../config.ts'
import { dataPaths, lockDirectory } from '../../../persistence/directory.ts'
import { Unusable } from '../../exit-codes.ts'
import { expectDirectory } from '../../journal-files.ts'
import type { Terminal } from '../../terminal.ts'
import { moveTables } from './move-tables.ts'
import { PostgresStore } from './postgres-store.ts'
import { SqliteStore } from './sqlite-store.ts'
import type { TableStore } from './table-store.ts'

export type TablesAsked = {
  readonly directory: string
  readonly config: Config
  readonly out: Terminal
}

/** Moves the tables of a data directory to PostgreSQL, or back. Rejects as `moveTables` does. */
export async function runTables(to: 'postgres' | 'sqlite', asked: TablesAsked): Promise<void> {
  await withStores(asked, to, async (sqlite, postgres) => {
    const [source, target] = to === 'postgres' ? [sqlite, postgres] : [postgres, sqlite]
    await moveTables({ source, target, shapes: sqlite.shapes, out: asked.out })
  })
}

/** Lets servers start on tables that were or were to be moved: those of the source, whichever it is. Rejects with `Unusable`. */
export async function reopenTables(asked: TablesAsked & { readonly yes: boolean }): Promise<void> {
  await withStores(asked, undefined, async (sqlite, postgres) => {
    const marks = await Promise.all([sqlite, postgres].map((store: TableStore) => store.mark()))
    const at = marks.findIndex((mark) => mark?.state === 'leaving' || mark?.state === 'left')
    const [store, mark] = [[sqlite, postgres][at], marks[at]]
    if (store === undefined || mark === undefined)
      throw new Unusable('Neither of the two databases was moved, nor is about to be.')
    const lost =
      mark.state === 'left'
        ? 'The other database has gone on from it if a server has started there: all orders since are unknown here.'
        : 'The other database is not whole, and no server starts on it: empty it.'
    if (!asked.yes) throw new Unusable(`${lost} --reopen tables --yes does it.`)
    await store.setMark(undefined)
    asked.out.line(`Servers may start on the tables of ${store.place}. ${lost}`)
  })
}

async function withStores(
  { directory, config: { database } }: TablesAsked,
  to: 'postgres' | 'sqlite' | undefined,
  run: (sqlite: SqliteStore, postgres: PostgresStore) => Promise<void>,
): Promise<void> {
  if (database.type === 'sqlite')
    throw new Unusable('Set DATABASE_URL to the PostgreSQL that is one of the two ends.')
  const paths = dataPaths(directory)
  expectDirectory(paths.root, `There is no data directory ${paths.root}`)
  if (to !== 'sqlite' && !existsSync(paths.tables)) throw new Unusable(`${paths.root} has no tables.`)
  const lock = lockDirectory(directory, 'lock')
  try {
    if (to === 'sqlite') SqliteStore.setAside(paths.tables)
    const postgres = await PostgresStore.open(database.target, to === 'postgres' ? 'target' : 'source')
    try {
      const sqlite = SqliteStore.open(paths.tables, to === 'sqlite' ? 'target' : 'source')
      try {
        await run(sqlite, postgres)
      } finally {
        await sqlite.close()
      }
    } finally {
      await postgres.close()
    }
  } finally {
    lock.close()
  }
}
