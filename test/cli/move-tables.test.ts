/** `npm run move -- --tables` with a real PostgreSQL: what comes back is what went, row for row and seal for seal. */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { move } from '../support/moving.ts'
import { PostgresServerProcess } from '../support/postgres-server.ts'
import { makeTemplate } from '../support/shop-crash.ts'
import { suite } from '../support/suite.ts'

const test = suite('npm run move -- --tables', { needs: ['postgres'], limitMs: 60_000 })

/** All rows of all tables, and the number of the newest event. */
function rowsOf(directory: string): Readonly<Record<string, unknown>> {
  const database = new Database(join(directory, 'tables.sqlite'), { readonly: true })
  const names = database
    .prepare<[], string>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('migrations', 'moved')",
    )
    .pluck()
    .all()
  const rows = names.map((name) => [name, database.prepare(`SELECT * FROM ${name} ORDER BY 1, 2`).all()])
  database.close()
  return Object.fromEntries(rows)
}

test('takes all rows to PostgreSQL and back', async () => {
  const postgres = await PostgresServerProcess.start()
  const { site } = await makeTemplate()
  await using own = site
  try {
    const environment = { DATABASE_URL: await postgres.newDatabase() }
    const before = rowsOf(own.directory)
    for (const to of ['postgres', 'sqlite']) {
      const { code, out, err } = await move(own.directory, ['--tables', to], environment)
      assert.is(code, 0, out + err)
    }
    const after = rowsOf(own.directory)
    assert.equal(Object.keys(after).sort(), Object.keys(before).sort())
    for (const [name, rows] of Object.entries(before)) assert.equal(after[name], rows, name)
    const { code, err } = await move(own.directory, ['--tables', 'postgres'], environment)
    assert.is(code, 3)
    assert.match(err, /take part in another move/)
  } finally {
    await postgres.stop()
  }
})

test.run()
