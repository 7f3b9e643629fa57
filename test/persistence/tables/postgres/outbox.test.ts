/** The outbox with many writers: whoever follows it misses nothing, however late a transaction ends. */

import { Client } from 'pg'
import * as assert from 'uvu/assert'
import { type DatabaseTarget, parseDatabaseUrl } from '../../../../src/config/database-target.ts'
import type { ProductId } from '../../../../src/domain/ids.ts'
import type { OutboxEvent } from '../../../../src/persistence/tables/outbox.ts'
import { PostgresNode } from '../../../support/postgres-tables.ts'
import { suite } from '../../../support/suite.ts'
import { sharedServer, TwoNodes } from '../../../support/two-nodes.ts'
import { fields } from '../catalog/products.ts'

const test = suite('the outbox on PostgreSQL', { needs: ['postgres'], limitMs: 60_000 })
const server = sharedServer()
const INSERT = `INSERT INTO outbox (type, subject_id, payload, at_ms) VALUES ('product.changed', $1, '{}', 1) RETURNING id`

async function withNodes(
  use: (nodes: TwoNodes, writer: () => Promise<Client>) => Promise<void>,
): Promise<void> {
  const postgres = await server.start()
  await using nodes = await TwoNodes.open(postgres)
  const writers: Client[] = []
  try {
    await use(nodes, async () => {
      const client = new Client({ connectionString: postgres.urlOf(nodes.target.database) })
      await client.connect()
      writers.push(client)
      return client
    })
  } finally {
    for (const client of writers) await client.end()
  }
}

function change(nodes: TwoNodes, id: string) {
  return nodes.one.write('catalog.create', { productId: id as ProductId, fields: fields() })
}

async function insert(writer: Client, subject: string): Promise<number> {
  return Number((await writer.query(INSERT, [subject])).rows[0].id)
}

async function after(nodes: TwoNodes, id: number): Promise<readonly OutboxEvent[]> {
  return await nodes.two.read('outbox.after', { id, limit: 256 })
}

const subjects = (events: readonly OutboxEvent[]) => events.map(({ subjectId }) => subjectId)

test('an event that was begun first and ends last keeps those behind it back, and is read before them', () =>
  withNodes(async (nodes, writer) => {
    await change(nodes, 'before')
    const slow = await writer()
    await slow.query('BEGIN')
    const id = await insert(slow, 'slow')
    const quick = await change(nodes, 'quick')
    assert.ok(quick.type === 'saved' && quick.position > id)
    // Whoever read all that is there to see would be past the slow one for ever.
    assert.equal(await nodes.ask('SELECT count(*)::integer AS n FROM outbox'), [{ n: 2 }])
    assert.equal(subjects(await after(nodes, 0)), ['before'])
    const beginning = await nodes.two.read('outbox.last', {})
    assert.equal(await nodes.two.write('webhooks.fanOut', {}), { events: 1, deliveries: 0, disabled: [] })
    assert.is((await nodes.two.write('mail.plan', {})).events, 1)
    await slow.query('COMMIT')
    assert.equal(subjects(await after(nodes, beginning)), ['slow', 'quick'])
    assert.is((await nodes.two.write('webhooks.fanOut', {})).events, 2)
    assert.is((await nodes.two.write('mail.plan', {})).events, 2)
  }))

test('an event that comes to nothing keeps nobody back', () =>
  withNodes(async (nodes, writer) => {
    const slow = await writer()
    await slow.query('BEGIN')
    await insert(slow, 'slow')
    await change(nodes, 'quick')
    assert.equal(await after(nodes, 0), [])
    await slow.query('ROLLBACK')
    assert.equal(subjects(await after(nodes, 0)), ['quick'])
  }))

test('a transaction that only begins to write later comes behind, and several events of one are in their order', () =>
  withNodes(async (nodes, writer) => {
    const late = await writer()
    await late.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await late.query('SELECT 1')
    await change(nodes, 'quick')
    for (const subject of ['late 1', 'late 2', 'late 3']) await insert(late, subject)
    assert.equal(subjects(await after(nodes, 0)), ['quick'])
    await late.query('COMMIT')
    assert.equal(subjects(await after(nodes, 0)), ['quick', 'late 1', 'late 2', 'late 3'])
  }))

test('who follows while many write, slowly and quickly, has each event once and in order', () =>
  withNodes(async (nodes, writer) => {
    const writers = await Promise.all([writer(), writer(), writer(), writer()])
    let isOver = false
    const writing = Promise.all(
      writers.map(async (client, index) => {
        for (let round = 0; round < 40; round++) {
          await client.query('BEGIN')
          await insert(client, `${index} ${round}`)
          await new Promise((resolve) => setTimeout(resolve, (7 * index * round) % 11))
          if (round % 3 === 1) await insert(client, `${index} ${round} again`)
          await client.query(round % 5 === 4 ? 'ROLLBACK' : 'COMMIT')
        }
      }),
    ).then(() => {
      isOver = true
    })
    const read: OutboxEvent[] = []
    for (let wasOver = false; !wasOver; ) {
      wasOver = isOver
      read.push(...(await after(nodes, read.at(-1)?.id ?? 0)))
    }
    await writing
    const all = await nodes.ask('SELECT id FROM outbox ORDER BY id')
    assert.ok(all.length > 4 * 32)
    assert.equal(
      read.map(({ id }) => id),
      all.map(({ id }) => Number(id)),
    )
  }))

test('where the tables were restored into another server, whose transactions count anew, what follows comes behind', async () => {
  const postgres = await server.start()
  const nodes = await TwoNodes.open(postgres)
  await change(nodes, 'before')
  // As of a server that has counted for years.
  await nodes.ask('UPDATE outbox SET id = id + 5000000000000; UPDATE outbox_base SET base = 0')
  await nodes.one.write('webhooks.fanOut', {})
  await nodes[Symbol.asyncDispose]()
  const node = await PostgresNode.start(
    parseDatabaseUrl(postgres.urlOf(nodes.target.database)) as DatabaseTarget,
  )
  try {
    const made = await node.write('catalog.create', { productId: 'after' as ProductId, fields: fields() })
    assert.ok(made.type === 'saved' && made.position > 5_000_000_000_000)
    const events = await node.read('outbox.after', { id: 0, limit: 9 })
    assert.equal(subjects(events), ['before', 'after'])
  } finally {
    await node.close()
  }
})

test.after(() => server.stop())
test.run()
