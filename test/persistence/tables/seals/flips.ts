/**
 * Bits of the tables' file that flip, one at a time, while nothing of it is in memory. After each all sealed rows are read, by scans and by
 * every index, as the server reads them; what was read is compared with what was written.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database, { type Statement } from 'better-sqlite3'
import { checkedReads } from '../../../../src/persistence/tables/seals/checked-reads.ts'
import { guardRows, type SealsSeen } from '../../../../src/persistence/tables/seals/guard-rows.ts'
import { scrub } from '../../../../src/persistence/tables/seals/scrub.ts'
import { sealedTables } from '../../../../src/persistence/tables/seals/sealed-table.ts'
import { TablesError } from '../../../../src/persistence/tables/tables-error.ts'

export type Fate =
  /** All is read as it was written. */
  | 'unchanged'
  /** A read failed: the row's seal, or SQLite itself. */
  | 'read'
  /** Something is read otherwise, and the look at everything says so: rows that are not found any more. */
  | 'scrubbed'
  /** Something is read otherwise and nobody notices. */
  | 'silent'

export type Flip = { readonly offset: number; readonly bit: number }

/** Where the file's header counts its changes: a connection that finds another number reads all pages anew. */
const counterAt = 24

export class Flips {
  readonly #directory = mkdtempSync(join(tmpdir(), 'holdfast-flips-'))
  readonly #path = join(this.#directory, 'tables.sqlite')
  readonly #image: Buffer
  readonly #file: number
  readonly #database: Database.Database
  readonly #questions: readonly Statement<unknown[], unknown>[]
  readonly #answers: string
  readonly #seen: SealsSeen
  #changes = 1_000

  /** The image is of a file without a write-ahead log. */
  constructor(image: Buffer) {
    this.#image = Buffer.from(image)
    writeFileSync(this.#path, this.#image)
    this.#file = openSync(this.#path, 'r+')
    this.#database = new Database(this.#path, { readonly: true })
    this.#seen = guardRows(this.#database)
    this.#questions = sealedTables.flatMap((table) => questionsOf(this.#database, table))
    this.#answers = this.#ask()
  }

  close(): void {
    this.#database.close()
    closeSync(this.#file)
    rmSync(this.#directory, { recursive: true, force: true })
  }

  /** Bytes on pages of sealed tables that are part of rows, of the tables themselves and of their indexes. */
  rowBytes(): readonly number[] {
    const pageSize = this.#database.pragma('page_size', { simple: true }) as number
    const pages = this.#database
      .prepare<[], { pageno: number }>(
        `SELECT pageno FROM dbstat JOIN sqlite_schema USING (name)
          WHERE tbl_name IN (${sealedTables.map((name) => `'${name}'`).join()}) ORDER BY pageno`,
      )
      .all()
    return pages.flatMap(({ pageno }) => {
      const start = (pageno - 1) * pageSize
      // https://sqlite.org/fileformat2.html, 1.6: header, then the places of the cells; where their content begins is at 5.
      const cells = this.#image.readUInt16BE(start + 3)
      const content = this.#image.readUInt16BE(start + 5)
      const header = Array.from({ length: 8 + 2 * cells }, (_, i) => start + i)
      return [...header, ...Array.from({ length: pageSize - content }, (_, i) => start + content + i)]
    })
  }

  get size(): number {
    return this.#image.length
  }

  try({ offset, bit }: Flip): Fate {
    this.#flip(offset, bit)
    try {
      return this.#fate()
    } finally {
      this.#flip(offset, bit)
    }
  }

  #flip(offset: number, bit: number): void {
    const byte = (this.#image[offset] as number) ^ (1 << bit)
    this.#image[offset] = byte
    writeSync(this.#file, Uint8Array.of(byte), 0, 1, offset)
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(++this.#changes)
    writeSync(this.#file, counter, 0, 4, counterAt)
  }

  #fate(): Fate {
    try {
      if (this.#ask() === this.#answers) return 'unchanged'
      const found = [...scrub(this.#database, { stepRows: 100, wholeRowsMax: 1_000 })].flat()
      return found.length > 0 ? 'scrubbed' : 'silent'
    } catch (error) {
      const isNoticed = error instanceof Database.SqliteError || error instanceof TablesError
      if (!isNoticed) throw error
      return 'read'
    }
  }

  #ask(): string {
    return JSON.stringify(
      this.#questions.map((question) => {
        // As before each operation.
        this.#seen.clear()
        return question.all()
      }),
    )
  }
}

/** The whole table, and each of its rows by each of its indexes. */
function questionsOf(database: Database.Database, table: string): Statement<unknown[], unknown>[] {
  const from = checkedReads(`SELECT * FROM ${table}`)
  const asking = (sql: string) => database.prepare<unknown[]>(sql).raw()
  const indexes = database
    .prepare<[string], string>('SELECT name FROM pragma_index_list(?) WHERE partial = 0')
    .pluck()
    .all(table)
  const rows = database.prepare<[], Readonly<Record<string, unknown>>>(`SELECT * FROM ${table}`).all()
  const lookups = indexes.flatMap((index) => {
    const columns = database
      .prepare<[string], string>('SELECT name FROM pragma_index_info(?)')
      .pluck()
      .all(index)
    const where = columns.map((column) => `${column} IS ?`).join(' AND ')
    return rows.map((row) => asking(`${from} WHERE ${where}`).bind(...columns.map((column) => row[column])))
  })
  return [asking(from), ...lookups]
}
