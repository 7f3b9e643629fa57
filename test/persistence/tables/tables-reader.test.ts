import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { openDatabase } from '../../../src/persistence/tables/database.ts'
import { migrate } from '../../../src/persistence/tables/migrations.ts'
import { change, row, rows } from '../../../src/persistence/tables/query.ts'
import { schema } from '../../../src/persistence/tables/schema.ts'
import { guardRows } from '../../../src/persistence/tables/seals/guard-rows.ts'
import { SqliteSession } from '../../../src/persistence/tables/sqlite-session.ts'
import { TablesReader } from '../../../src/persistence/tables/tables-reader.ts'
import { suite } from '../../support/suite.ts'

const scratch = mkdtempSync(join(tmpdir(), 'holdfast-reader-'))
const path = join(scratch, 'tables.sqlite')
const database = openDatabase(path)
migrate(database, schema, 0)
guardRows(database)
const INSERT = `INSERT INTO api_keys (id, name, role, hash, created_at_ms, created_by, revoked_at_ms) VALUES ('key_a', 'shop', 'service', '${'a'.repeat(64)}', 1, 'key_admin', NULL)`

const reading = suite('a reader of the tables')

reading('sees what has committed, and nothing before', () => {
  const reader = new TablesReader(path)
  assert.equal(reader.read('apiKeys.list', {}), [])
  database.exec('BEGIN IMMEDIATE')
  database.exec(INSERT)
  assert.equal(reader.read('apiKeys.list', {}), [], 'nor does it wait for the writer')
  database.exec('COMMIT')
  assert.equal(
    reader.read('apiKeys.list', {}).map(({ id }) => id),
    ['key_a'],
  )
  reader.close()
})

reading('opens nothing before it is asked, and makes no file', () => {
  const reader = new TablesReader(join(scratch, 'missing.sqlite'))
  assert.throws(() => reader.read('apiKeys.list', {}), 'unable to open')
  reader.close()
})

reading.run()

const running = suite('a query')

running('hands each statement its answer, and its error to who can catch it', () => {
  const session = new SqliteSession(database)
  const result = session.run(
    (function* () {
      const first = yield* row<{ readonly n: number }>('SELECT ? AS n', 7)
      const many = yield* rows<{ readonly n: number }>('SELECT 1 AS n UNION SELECT 2 ORDER BY n')
      let caught = ''
      try {
        yield* change("INSERT INTO api_keys (id) VALUES ('x')")
      } catch (error) {
        caught = error instanceof Error ? error.message : ''
      }
      const changed = yield* change('UPDATE api_keys SET name = ?', 'renamed')
      return { first, many, caught, changed }
    })(),
  )
  assert.equal(result.first, { n: 7 })
  assert.equal(result.many, [{ n: 1 }, { n: 2 }])
  assert.match(result.caught, 'constraint failed')
  assert.is(result.changed, 1)
})

running('lets an error through that it does not catch', () => {
  const session = new SqliteSession(database)
  assert.throws(() => session.run(row('SELECT * FROM nowhere')), 'no such table')
})

running.after(() => {
  database.close()
  rmSync(scratch, { recursive: true, force: true })
})
running.run()
