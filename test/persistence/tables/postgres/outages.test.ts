/** FAULTS.md, 74: PostgreSQL that goes away, comes back, ends in the midst of something, or is too busy. */
import { Client } from 'pg'
import * as assert from 'uvu/assert'
import type { ProductId } from '../../../../src/domain/ids.ts'
import { tableKeyOf } from '../../../../src/persistence/tables/table-key.ts'
import { TablesError } from '../../../../src/persistence/tables/tables-error.ts'
import { CuttingProxy } from '../../../support/cutting-proxy.ts'
import type { PostgresServerProcess } from '../../../support/postgres-server.ts'
import { PostgresNode } from '../../../support/postgres-tables.ts'
import { suite } from '../../../support/suite.ts'
import { sharedServer } from '../../../support/two-nodes.ts'
import { fields } from '../catalog/products.ts'

const test = suite('PostgreSQL that is not there', { needs: ['postgres'], limitMs: 120_000 })
const server = sharedServer()
const KEY = { name: 'till', role: 'service', createdBy: 'key_admin' } as const
/** What nobody waits longer for. */
const AT_ONCE_MS = 2_000

type World = {
  readonly postgres: PostgresServerProcess
  readonly node: PostgresNode
  readonly proxy: CuttingProxy
  readonly database: string
}

/** A node whose way to PostgreSQL can be cut. */
async function within(connections: number, use: (world: World) => Promise<void>): Promise<void> {
  const postgres = await server.start()
  const target = await postgres.newTarget()
  const proxy = await CuttingProxy.start(postgres.port)
  const node = await PostgresNode.start({ ...target, port: proxy.port }, { connections })
  try {
    await use({ postgres, node, proxy, database: target.database })
  } finally {
    await node.close()
    await proxy.close()
  }
}

async function codeOf(asked: Promise<unknown>): Promise<string> {
  try {
    await asked
    return 'answered'
  } catch (error) {
    assert.instance(error, TablesError)
    return (error as TablesError).code
  }
}

async function untilAnswered(ask: () => Promise<unknown>): Promise<void> {
  const givenUpMs = performance.now() + 20_000
  for (let code = ''; code !== 'answered'; code = await codeOf(ask())) {
    if (performance.now() > givenUpMs) throw new Error(`it has not come back: ${code}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const keysOf = (node: PostgresNode) => node.read('apiKeys.list', {})

test('that is killed is said to be away, at once and for sure, and is used again once it is back', () =>
  within(3, async ({ postgres, node }) => {
    await node.write('apiKeys.create', KEY)
    await postgres.kill()
    const sinceMs = performance.now()
    for (let round = 0; round < 5; round++) {
      assert.is(await codeOf(keysOf(node)), 'unavailable')
      assert.is(await codeOf(node.write('apiKeys.create', KEY)), 'unavailable')
    }
    assert.ok(performance.now() - sinceMs < AT_ONCE_MS)
    assert.ok(node.isBehind, 'nothing that is remembered can be trusted')
    assert.ok(node.board.get('lost') >= 10)
    await postgres.resume()
    await untilAnswered(() => keysOf(node))
    assert.is((await keysOf(node)).length, 1)
    await node.write('apiKeys.create', KEY)
    await untilAnswered(async () => {
      if (node.isBehind) throw new TablesError('unavailable', 'it does not listen yet')
    })
    assert.equal(node.faults, [])
  }))

for (const isHeard of [false, true]) {
  test(`a connection that ends in a COMMIT that is ${isHeard ? '' : 'not '}heard leaves open what became of it`, () =>
    within(1, async ({ node, proxy }) => {
      const key = tableKeyOf('key_admin POST /v1/keys', 'once', '{}')
      proxy.cut = { at: 'COMMIT\0', isHeard }
      assert.is(await codeOf(node.write('apiKeys.create', KEY, key)), 'outcome-unknown')
      assert.is((await keysOf(node)).length, isHeard ? 1 : 0)
      const again = await node.write('apiKeys.create', KEY, key)
      assert.is(again.replayed, isHeard ? true : undefined)
      assert.is((await keysOf(node)).length, 1)
    }))
}

test('a connection that ends before the COMMIT has changed nothing, which is said', () =>
  within(1, async ({ node, proxy }) => {
    proxy.cut = { at: 'INSERT INTO api_keys', isHeard: true }
    assert.is(await codeOf(node.write('apiKeys.create', KEY)), 'unavailable')
    assert.equal(await keysOf(node), [])
    await node.write('apiKeys.create', KEY)
  }))

test('that says nothing any more keeps nobody waiting for ever', () =>
  within(2, async ({ node, proxy }) => {
    proxy.isSilent = true
    const sinceMs = performance.now()
    const codes = await Promise.all([
      codeOf(keysOf(node)),
      codeOf(node.write('apiKeys.create', KEY)),
      codeOf(keysOf(node)),
    ])
    assert.equal(codes, ['unavailable', 'unavailable', 'unavailable'])
    assert.ok(performance.now() - sinceMs < 9_000)
    proxy.isSilent = false
    await untilAnswered(() => keysOf(node))
  }))

test('whoever waits for a connection or a lock too long is told so, and waits are counted', () =>
  within(1, async ({ node, postgres, database }) => {
    const keyed = (text: string) => node.write('apiKeys.create', KEY, tableKeyOf('a', text, '{}'))
    // Somebody at another node has stopped in the midst of something.
    const locked = postgres.ask(
      database,
      `SELECT pg_advisory_lock(hashtextextended('api keys ', 72617465)), pg_sleep(4)`,
    )
    await new Promise((resolve) => setTimeout(resolve, 200))
    const first = codeOf(keyed('1'))
    const second = codeOf(keyed('2'))
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.equal([node.board.get('inUse'), node.board.get('waiting')], [1, 1])
    assert.equal(new Set([await first, await second]), new Set(['overloaded', 'unavailable']))
    await locked
    await untilAnswered(() => keyed('3'))
    assert.ok(node.board.get('waitedMs') > 1_000)
    assert.ok(node.board.get('waits') >= 3)
  }))

test('an operation that is in a deadlock begins anew, and comes to its end', () =>
  within(2, async ({ node, postgres, database }) => {
    const products = ['a', 'b'].map((each) => ({ productId: each as ProductId, fields: fields() }))
    await node.write('catalog.import', { products })
    // Somebody who takes the same rows the other way round, and who waits longer before looking for a deadlock.
    const other = new Client({ connectionString: postgres.urlOf(database) })
    await other.connect()
    try {
      await other.query(`SET deadlock_timeout = '1min'`)
      await other.query('BEGIN')
      const touch = (id: string) => other.query('UPDATE products SET brand = NULL WHERE id = $1', [id])
      await touch('b')
      const changed = products.map((each) => ({ ...each, fields: fields({ title: 'Changed' }) }))
      const saved = node.write('catalog.import', { products: changed })
      await new Promise((resolve) => setTimeout(resolve, 200))
      await touch('a')
      await other.query('COMMIT')
      assert.equal((await saved).results, ['updated', 'updated'])
      assert.ok(node.board.get('retries') > 0)
    } finally {
      await other.end()
    }
  }))

test('a row on a page that its disk has changed is acted upon by nobody', () =>
  within(1, async ({ node, postgres, database }) => {
    const productId = 'a' as ProductId
    await node.write('catalog.create', { productId, fields: fields() })
    const [place] = await postgres.ask(database, `SELECT pg_relation_filepath('products') AS path`)
    await postgres.ask(database, 'CHECKPOINT')
    await postgres.kill()
    // In the first row, which is written from the page's end.
    postgres.flip(String(place?.path), 8_192 - 40)
    await postgres.resume()
    await untilAnswered(() => keysOf(node))
    assert.is(await codeOf(node.read('catalog.product', { productId })), 'damaged')
    const change = { productId, change: { price: 1 }, guard: {} }
    assert.is(await codeOf(node.write('catalog.patch', change)), 'damaged')
    await node.write('apiKeys.create', KEY)
  }))

test('that takes no changes for a while is used again when it does', () =>
  within(2, async ({ node, postgres, database }) => {
    const set = (value: string) =>
      postgres.ask('postgres', `ALTER DATABASE ${database} SET default_transaction_read_only = ${value}`)
    await set('on')
    const others = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`
    await postgres.ask('postgres', others)
    assert.is(await codeOf(node.write('apiKeys.create', KEY)), 'unavailable')
    await set('off')
    await untilAnswered(() => node.write('apiKeys.create', KEY))
  }))

test.after(() => server.stop())
test.run()
