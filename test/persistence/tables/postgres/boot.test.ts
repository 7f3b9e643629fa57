/** What a PostgreSQL must be before anything is trusted to it, and nodes that start at the same time. */
import * as assert from 'uvu/assert'
import { parseDatabaseUrl } from '../../../../src/config/database-target.ts'
import { schema } from '../../../../src/persistence/tables/schema.ts'
import { TablesBootError } from '../../../../src/persistence/tables/tables-error.ts'
import { PostgresServerProcess } from '../../../support/postgres-server.ts'
import { PostgresNode } from '../../../support/postgres-tables.ts'
import { suite } from '../../../support/suite.ts'
import { sharedServer } from '../../../support/two-nodes.ts'

const test = suite('a node that starts on PostgreSQL', { needs: ['postgres'], limitMs: 60_000 })
const server = sharedServer()

async function whyNot(url: string): Promise<string> {
  const target = parseDatabaseUrl(url)
  assert.ok(target)
  try {
    const node = await PostgresNode.start(target, { patienceMs: 100 })
    await node.close()
    return 'it has started'
  } catch (error) {
    assert.instance(error, TablesBootError)
    const { code, message } = error as TablesBootError
    return `${code}: ${message}`
  }
}

test('refuses one that could lose what it has acknowledged, and says by which setting', async () => {
  const postgres = await PostgresServerProcess.start({ fsync: 'off' })
  try {
    const why = await whyNot(await postgres.newDatabase())
    assert.match(why, /^unsafe-settings: .*fsync = off.*Set fsync to on/)
  } finally {
    await postgres.stop()
  }
})

test('refuses a database that acknowledges before it has written, takes no changes, or has another encoding', async () => {
  const postgres = await server.start()
  const settings = [
    ['synchronous_commit = off', /^unsafe-settings: .*synchronous_commit = off/],
    ['default_transaction_read_only = on', /^read-only: /],
  ] as const
  for (const [setting, pattern] of settings) {
    const url = await postgres.newDatabase()
    await postgres.ask('postgres', `ALTER DATABASE ${url.split('/').at(-1)} SET ${setting}`)
    assert.match(await whyNot(url), pattern)
  }
  await postgres.ask('postgres', `CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0`)
  assert.match(await whyNot(postgres.urlOf('latin')), /^unsupported-server: .*LATIN1/)
})

test('says at once where there is no such database, and after a while where nobody answers', async () => {
  const postgres = await server.start()
  assert.match(await whyNot(postgres.urlOf('nothing')), /^unreachable: .*"nothing" does not exist/)
  assert.match(await whyNot('postgres://nobody@127.0.0.1:9/shop'), /^unreachable: .*127\.0\.0\.1:9/)
})

test('makes the tables once, however many start at the same time', async () => {
  const postgres = await server.start()
  const target = await postgres.newTarget()
  const nodes = await Promise.all(Array.from({ length: 4 }, () => PostgresNode.start(target)))
  await Promise.all(nodes.map((node) => node.close()))
  const rows = await postgres.ask(target.database, 'SELECT number, name FROM migrations ORDER BY number')
  assert.equal(
    rows.map(({ name }) => name),
    schema.map(({ name }) => name),
  )
})

test('refuses tables of a later version, and such as are not its own', async () => {
  const postgres = await server.start()
  const url = await postgres.newDatabase()
  assert.is(await whyNot(url), 'it has started')
  const database = url.split('/').at(-1) ?? ''
  const later = `INSERT INTO migrations VALUES (${schema.length + 1}, 'wishlists', repeat('0', 64), 1)`
  await postgres.ask(database, later)
  assert.match(await whyNot(url), /^schema-newer: .*wishlists/)
  await postgres.ask(database, `DELETE FROM migrations WHERE number > ${schema.length}`)
  await postgres.ask(database, `UPDATE migrations SET checksum = repeat('0', 64) WHERE number = 2`)
  assert.match(await whyNot(url), /^migration-changed: /)
})

test('says so where its user may not make the tables', async () => {
  const postgres = await server.start()
  const url = await postgres.newDatabase()
  await postgres.ask('postgres', 'CREATE ROLE guest LOGIN')
  const why = await whyNot(url.replace('holdfast@', 'guest@'))
  assert.match(why, /^refused: .*permission denied/)
})

test.after(() => server.stop())
test.run()
