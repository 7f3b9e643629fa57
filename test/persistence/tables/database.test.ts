import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { openDatabase } from '../../../src/persistence/tables/database.ts'
import { type Migration, migrate } from '../../../src/persistence/tables/migrations.ts'
import { schema } from '../../../src/persistence/tables/schema.ts'
import { TablesBootError } from '../../../src/persistence/tables/tables-error.ts'
import { suite } from '../../support/suite.ts'

const scratch = mkdtempSync(join(tmpdir(), 'holdfast-database-'))
let filesCount = 0
const fresh = () => join(scratch, `${++filesCount}.sqlite`)
const read = (database: Database.Database, name: string) => database.pragma(name, { simple: true })

function refusalOf(open: () => unknown): TablesBootError {
  try {
    open()
  } catch (error) {
    if (error instanceof TablesBootError) return error
    throw error
  }
  throw new Error('it was not refused')
}

const opening = suite('opening the tables')

opening('sets what keeps acknowledged data, and only the owner can read it', () => {
  const path = fresh()
  const database = openDatabase(path)
  assert.is(read(database, 'journal_mode'), 'wal')
  assert.is(read(database, 'synchronous'), 2)
  assert.is(read(database, 'foreign_keys'), 1)
  assert.ok(Number(read(database, 'busy_timeout')) > 0)
  database.exec('CREATE TABLE things (id INTEGER)')
  for (const file of [path, `${path}-wal`, `${path}-shm`]) assert.is(statSync(file).mode & 0o777, 0o600)
  database.close()
})

opening('is refused where SQLite answers NORMAL, naming the setting', () => {
  const error = refusalOf(() =>
    openDatabase(fresh(), (database, name) => (name === 'synchronous' ? 1 : read(database, name))),
  )
  assert.is(error.code, 'unsafe-settings')
  assert.match(error.message, 'synchronous = 1')
  assert.match(error.message, 'set to FULL')
})

opening('is refused where there can be no write-ahead log', () => {
  const error = refusalOf(() => openDatabase(':memory:'))
  assert.is(error.code, 'unsafe-settings')
  assert.match(error.message, 'journal_mode = memory')
})

opening('keeps a file that exists', () => {
  const path = fresh()
  const before = openDatabase(path)
  before.exec('CREATE TABLE things (id INTEGER); INSERT INTO things VALUES (7)')
  before.close()
  const after = openDatabase(path)
  assert.equal(after.prepare('SELECT id FROM things').all(), [{ id: 7 }])
  after.close()
})

opening('fails on what is no database, and leaves it as it was', () => {
  const path = fresh()
  const text = 'not a database, but long enough for SQLite to look at its header. '.repeat(20)
  writeFileSync(path, text)
  assert.throws(
    () => openDatabase(path),
    (error: unknown) => error instanceof Database.SqliteError && error.code === 'SQLITE_NOTADB',
  )
  assert.is(readFileSync(path, 'utf8'), text)
})

opening.after(() => rmSync(scratch, { recursive: true, force: true }))
opening.run()

const migrating = suite('migrations')
const MADE: Migration = { name: 'made', sql: 'CREATE TABLE things (id INTEGER PRIMARY KEY)' }
const WIDER: Migration = { name: 'wider', sql: 'ALTER TABLE things ADD COLUMN name TEXT' }

function columnsOf(database: Database.Database): unknown[] {
  return database.prepare("SELECT name FROM pragma_table_info('things')").pluck().all()
}

migrating('are applied in order, each once', () => {
  const database = new Database(':memory:')
  assert.is(migrate(database, [MADE], 1), 1)
  assert.is(migrate(database, [MADE, WIDER], 2), 1)
  assert.is(migrate(database, [MADE, WIDER], 3), 0)
  assert.equal(columnsOf(database), ['id', 'name'])
  const applied = database.prepare('SELECT number, name, applied_at_ms FROM migrations').raw().all()
  assert.equal(applied, [
    [1, 'made', 1],
    [2, 'wider', 2],
  ])
  database.close()
})

migrating('refuse a text that was changed after it was applied', () => {
  const database = new Database(':memory:')
  migrate(database, [MADE], 1)
  const changed = { ...MADE, sql: `${MADE.sql} ` }
  const error = refusalOf(() => migrate(database, [changed, WIDER], 2))
  assert.is(error.code, 'migration-changed')
  assert.match(error.message, 'Migration 1 (made)')
  assert.equal(columnsOf(database), ['id'])
  database.close()
})

migrating('refuse another order or name', () => {
  const database = new Database(':memory:')
  migrate(database, [MADE, WIDER], 1)
  assert.is(refusalOf(() => migrate(database, [WIDER, MADE], 2)).code, 'migration-changed')
  assert.is(
    refusalOf(() => migrate(database, [{ ...MADE, name: 'other' }, WIDER], 2)).code,
    'migration-changed',
  )
  database.close()
})

migrating('refuse tables of a later version', () => {
  const database = new Database(':memory:')
  migrate(database, [MADE, WIDER], 1)
  const error = refusalOf(() => migrate(database, [MADE], 2))
  assert.is(error.code, 'schema-newer')
  assert.match(error.message, 'migration 2 (wider)')
  database.close()
})

migrating('that fail half-way leave nothing of themselves, and keep those before', () => {
  const database = new Database(':memory:')
  const broken = { name: 'broken', sql: `${WIDER.sql}; INSERT INTO nowhere VALUES (1)` }
  assert.throws(() => migrate(database, [MADE, broken], 1), 'nowhere')
  assert.equal(columnsOf(database), ['id'])
  assert.is(migrate(database, [MADE, WIDER], 2), 1)
  assert.equal(columnsOf(database), ['id', 'name'])
  database.close()
})

migrating('of this version apply', () => {
  const database = new Database(':memory:')
  assert.is(migrate(database, schema, 1), schema.length)
  database.close()
})

migrating.run()
