/** What one node changes and another one remembers, on a real PostgreSQL. */
import * as assert from 'uvu/assert'
import type { Notice } from '../../../../src/persistence/tables/operation.ts'
import { newOrder } from '../../../contract/tables-of-orders.ts'
import type { PostgresNode } from '../../../support/postgres-tables.ts'
import { suite } from '../../../support/suite.ts'
import { sharedServer, TwoNodes } from '../../../support/two-nodes.ts'
import { fields, PIXEL } from '../catalog/products.ts'

const test = suite('notices between nodes', { needs: ['postgres'], limitMs: 60_000 })
const server = sharedServer()
const PATIENCE_MS = 10_000
const LISTENERS = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query NOT LIKE 'SELECT pid%'
  AND pid <> pg_backend_pid()`

async function withNodes(use: (nodes: TwoNodes) => Promise<void>): Promise<void> {
  await using nodes = await TwoNodes.open(await server.start())
  await use(nodes)
}

async function until(isSo: () => boolean): Promise<void> {
  const givenUpMs = performance.now() + PATIENCE_MS
  while (!isSo()) {
    if (performance.now() > givenUpMs) throw new Error('it has not come to that')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

const hears = (node: PostgresNode, type: Notice['type']) =>
  until(() => node.notices.some((notice) => notice.type === type))

test('a key that is revoked at one node is forgotten at the other', () =>
  withNodes(async ({ one, two }) => {
    const { id } = await one.write('apiKeys.create', {
      name: 'till',
      role: 'service',
      createdBy: 'key_admin',
    })
    await one.write('apiKeys.revoke', { id })
    await hears(two, 'keyRevoked')
    assert.is(two.isBehind, false)
    assert.is(one.notices.filter(({ type }) => type === 'keyRevoked').length, 1, 'nobody hears of it twice')
  }))

test('an order that changes at one node, and its event, are heard of at the other', () =>
  withNodes(async ({ one, two }) => {
    await one.write('catalog.create', { productId: PIXEL, fields: fields() })
    await one.write('orders.create', newOrder())
    await hears(two, 'orderChanged')
    await hears(two, 'outbox')
  }))

test('of an order whose node died before it told anybody, the outbox tells', () =>
  withNodes(async (nodes) => {
    await nodes.ask(
      `INSERT INTO outbox (type, subject_id, payload, at_ms) VALUES ('order.confirmed', 'ord_1', '{}', 1)`,
    )
    await hears(nodes.two, 'orderChanged')
  }))

test('what somebody else says on the channel is no reason to end, and may have been meant for anything', () =>
  withNodes(async (nodes) => {
    const { two } = nodes
    for (const payload of ['', 'hello', '{"sender":"x"}', 'null']) {
      two.notices.length = 0
      await nodes.ask(`SELECT pg_notify('holdfast', '${payload}')`)
      await hears(two, 'missed')
    }
  }))

test('a node that lost its line knows that it has, and what it remembers is over once it listens again', () =>
  withNodes(async (nodes) => {
    const { one, two } = nodes
    two.notices.length = 0
    const gone = await nodes.ask(`SELECT pg_terminate_backend(pid) FROM (${LISTENERS}) AS all_of_them`)
    assert.ok(gone.length >= 2)
    await until(() => two.isBehind && one.isBehind)
    assert.is(two.board.get('isListening'), 0)
    await hears(two, 'missed')
    await until(() => !two.isBehind && !one.isBehind)
    const { id } = await one.write('apiKeys.create', {
      name: 'till',
      role: 'service',
      createdBy: 'key_admin',
    })
    await one.write('apiKeys.revoke', { id })
    await hears(two, 'keyRevoked')
  }))

test.after(() => server.stop())
test.run()
