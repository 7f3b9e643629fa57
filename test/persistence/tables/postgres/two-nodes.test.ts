/** What two nodes do to the same thing at the same time, on a real PostgreSQL: one effect, and nobody is told otherwise. */
import * as assert from 'uvu/assert'
import { namedImages } from '../../../../src/cli/images/named-images.ts'
import type { CustomerId, ProductId, ReservationId } from '../../../../src/domain/ids.ts'
import { addressesPerUserMax } from '../../../../src/limits/account-limits.ts'
import type { ImageName } from '../../../../src/persistence/images/image-store.ts'
import type { Tables } from '../../../../src/persistence/tables/operations.ts'
import { tableKeyOf } from '../../../../src/persistence/tables/table-key.ts'
import { begin, newOrder } from '../../../contract/tables-of-orders.ts'
import { suite } from '../../../support/suite.ts'
import { sharedServer, TwoNodes } from '../../../support/two-nodes.ts'
import { fields, PIXEL } from '../catalog/products.ts'

const ROUNDS = 6
const AT_ONCE = 8
const test = suite('two nodes on one PostgreSQL', { needs: ['postgres'], limitMs: 60_000 })
const server = sharedServer()

async function withNodes(use: (nodes: TwoNodes) => Promise<void>): Promise<void> {
  await using nodes = await TwoNodes.open(await server.start())
  await use(nodes)
}

/** Orders of one product each, paid for or not. */
async function orders(tables: Tables, count: number, isPaid: boolean): Promise<readonly string[]> {
  await tables.write('catalog.create', { productId: PIXEL, fields: fields() })
  const made: string[] = []
  for (let number = 1; number <= count; number++) {
    const orderId = `ord_${number}`
    const far = Date.now() + 3_600_000
    const order = newOrder({
      orderId,
      reservationId: `res_${number}` as ReservationId,
      expiresAtMs: far,
      lookAtMs: far,
    })
    assert.is((await tables.write('orders.create', order)).type, 'order')
    await tables.write('payments.begin', begin(orderId))
    if (isPaid)
      await tables.write('payments.confirm', { key: `${orderId}:1`, transactionId: `txn_${number}` })
    made.push(orderId)
  }
  return made
}

test('the same idempotency key makes one thing, and all who brought it are answered with that', () =>
  withNodes(async (nodes) => {
    for (let round = 0; round < ROUNDS; round++) {
      const key = tableKeyOf('key_admin POST /v1/keys', `key ${round}`, '{}')
      const request = { name: `till ${round}`, role: 'service', createdBy: 'key_admin' } as const
      const answers = await Promise.allSettled(
        [...nodes.turns(4)].map((node) => node.write('apiKeys.create', request, key)),
      )
      const made = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
      const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason.code] : []))
      assert.ok(made.length >= 2, 'one of each node')
      assert.is(new Set(made.map(({ id }) => id)).size, 1)
      assert.is(made.filter(({ replayed }) => replayed !== true).length, 1)
      assert.equal(new Set(refused), new Set(refused.length === 0 ? [] : ['idempotency-in-flight']))
    }
    assert.is((await nodes.one.read('apiKeys.list', {})).length, ROUNDS)
  }))

test('one attempt to pay begins, one is captured, and what else comes goes back', () =>
  withNodes(async (nodes) => {
    await nodes.one.write('catalog.create', { productId: PIXEL, fields: fields() })
    for (let round = 0; round < ROUNDS; round++) {
      const orderId = `ord_${round}`
      const order = newOrder({ orderId, reservationId: `res_${round}` as ReservationId })
      await nodes.one.write('orders.create', order)
      const begun = await Promise.all(
        [...nodes.turns(AT_ONCE)].map((node) => node.write('payments.begin', begin(orderId))),
      )
      assert.is(begun.filter(({ type }) => type === 'begun').length, 1)
      assert.is(begun.filter(({ type }) => type === 'live').length, AT_ONCE - 1)
      await nodes.one.write('payments.fail', { key: `${orderId}:1`, reason: 'declined' })
      await nodes.two.write('payments.begin', begin(orderId))
      // Both are captured after all, and each is told more than once.
      await Promise.all(
        [...nodes.turns(AT_ONCE)].map((node, index) => {
          const number = (index >> 1) % 2 === 0 ? 1 : 2
          const success = { key: `${orderId}:${number}`, transactionId: `txn_${orderId}_${number}` }
          return index < 4 ? node.write('payments.capture', success) : node.write('payments.confirm', success)
        }),
      )
      const state = await nodes.two.read('orders.state', { orderId })
      assert.equal(state?.attempts.map(({ status }) => status).toSorted(), ['succeeded', 'surplus'])
      assert.equal([state?.order.status, state?.order.capturedMinor], ['confirmed', 2 * 199_898])
      assert.equal(
        state?.refunds.map(({ amountMinor }) => amountMinor),
        [199_898],
      )
    }
    const invoices = await nodes.ask('SELECT invoice_number AS n FROM orders ORDER BY 1')
    assert.equal(
      invoices.map(({ n }) => Number(n)),
      Array.from({ length: ROUNDS }, (_, index) => index + 1),
    )
  }))

test('an order that is paid while it is called off keeps neither units nor money', () =>
  withNodes(async (nodes) => {
    const all = await orders(nodes.one, AT_ONCE, false)
    await Promise.all(
      all.flatMap((orderId) => [
        nodes.one.write('payments.confirm', { key: `${orderId}:1`, transactionId: `txn_${orderId}` }),
        nodes.two.write('orders.cancel', { orderId, by: 'usr_ann', reason: 'changed my mind' }),
      ]),
    )
    for (const orderId of all) {
      const state = await nodes.one.read('orders.state', { orderId })
      const order = state?.order
      assert.equal([order?.status, order?.duty], ['cancelled', 'return'])
      assert.equal([order?.capturedMinor, order?.refundedMinor], [199_898, 199_898])
      assert.type(order?.lookAtMs, 'number')
    }
  }))

test('that nothing is left to do is not said of an order that owes something since', () =>
  withNodes(async (nodes) => {
    const all = await orders(nodes.one, AT_ONCE, true)
    for (let round = 0; round < ROUNDS; round++) {
      const ask = { amountMinor: 100, reason: 'goodwill', by: 'key_admin' }
      await Promise.all(
        all.flatMap((orderId) => [
          nodes.one.write('orders.lookAgain', { orderId, lookAtMs: undefined }),
          nodes.two.write('refunds.request', { orderId, ...ask }),
          nodes.one.write('orders.lookAgain', { orderId, lookAtMs: undefined }),
        ]),
      )
      assert.equal(await nodes.ask('SELECT id FROM orders WHERE look_at_ms IS NULL'), [])
      const open = await nodes.ask('SELECT id FROM refunds ORDER BY id DESC')
      for (const { id } of open.slice(0, AT_ONCE))
        await nodes.two.write('refunds.record', {
          refundId: String(id),
          result: 'succeeded',
          providerId: undefined,
          failure: undefined,
        })
    }
  }))

test('promises of refunds, made all at once, are never more than was paid', () =>
  withNodes(async (nodes) => {
    const [orderId = ''] = await orders(nodes.one, 1, true)
    const ask = { orderId, amountMinor: 40_000, reason: 'goodwill', by: 'key_admin' }
    const answers = await Promise.all(
      [...nodes.turns(2 * AT_ONCE)].map((node) => node.write('refunds.request', ask)),
    )
    assert.is(answers.filter(({ type }) => type === 'refund').length, 4)
    const order = await nodes.two.read('orders.find', { orderId })
    assert.is(order?.refundedMinor, 160_000)
    const numbers = await nodes.ask('SELECT number FROM order_events ORDER BY number')
    assert.equal(
      numbers.map(({ number }) => Number(number)),
      numbers.map((_, index) => index + 1),
    )
  }))

test('a cart that is added to at several places has all of it, also while an order takes out of it', () =>
  withNodes(async (nodes) => {
    const customerId = 'usr_ann' as CustomerId
    const line = { customerId, quantity: 1, quantityMax: 1_000 }
    await nodes.one.write('catalog.create', { productId: PIXEL, fields: fields() })
    const first = await nodes.one.write('cart.add', { ...line, productId: PIXEL, quantity: 6 })
    assert.ok(first.type === 'cart')
    await nodes.one.write('orders.create', newOrder({ cartId: first.cartId }))
    await nodes.one.write('payments.begin', begin('ord_1'))
    await Promise.all([
      ...[...nodes.turns(AT_ONCE)].map((node) => node.write('cart.add', { ...line, productId: PIXEL })),
      ...[...nodes.turns(AT_ONCE)].map((node) =>
        node.write('cart.add', { ...line, productId: 'case' as ProductId }),
      ),
      nodes.two.write('payments.confirm', { key: 'ord_1:1', transactionId: 'txn_1' }),
    ])
    const cart = await nodes.one.read('cart.read', { customerId })
    const quantities = new Map(cart?.lines.map(({ productId, quantity }) => [productId as string, quantity]))
    assert.equal([quantities.get(PIXEL), quantities.get('case')], [6 + AT_ONCE - 2, AT_ONCE])
  }))

test('what there may be a number of is never one more', () =>
  withNodes(async (nodes) => {
    const key = { privateJwk: JSON.stringify({ d: 'x'.repeat(40) }), unlessYoungerThanMs: 3_600_000 }
    const keys = await Promise.all(
      [...nodes.turns(AT_ONCE)].map((node) => node.write('signingKeys.add', key)),
    )
    assert.is(keys.filter(({ added }) => added).length, 1)
    const person = {
      name: 'A',
      email: 'a@x.org',
      emailKey: 'a@x.org',
      passwordHash: 'h'.repeat(60),
      refreshMs: 1_000_000,
    }
    const people = await Promise.all(
      [...nodes.turns(AT_ONCE)].map((node) => node.write('users.register', person)),
    )
    const ann = people.find((each) => each.type === 'signedIn')
    assert.is(people.filter(({ type }) => type === 'signedIn').length, 1)
    const userId = ann?.type === 'signedIn' ? ann.user.id : ''
    const address = {
      name: 'A',
      line1: '1',
      line2: null,
      city: 'L',
      region: null,
      postalCode: '1',
      country: 'GB',
      phone: null,
    }
    const asked = [...nodes.turns(addressesPerUserMax + AT_ONCE)]
    const added = await Promise.all(asked.map((node) => node.write('addresses.add', { userId, address })))
    assert.is(added.filter(({ type }) => type === 'added').length, addressesPerUserMax)
  }))

test('each event becomes one letter and one delivery, whoever plans and takes them', () =>
  withNodes(async (nodes) => {
    const webhook = {
      url: 'https://shop.example/hook',
      eventTypes: ['order.confirmed'],
      description: '',
      createdBy: 'key_admin',
    } as const
    await nodes.one.write('webhooks.create', webhook)
    let isOver = false
    const letters: number[] = []
    const deliveries: string[] = []
    const couriers = [nodes.one, nodes.two, nodes.one, nodes.two].map(async (node) => {
      for (let wasOver = false; !wasOver; ) {
        wasOver = isOver
        await node.write('mail.plan', {})
        await node.write('webhooks.fanOut', {})
        const mail = await node.write('mail.take', { most: 3 })
        letters.push(...mail.jobs.map(({ event }) => event.id))
        const take = { most: 3, mostPerWebhook: 3, underWay: {} }
        const posts = await node.write('webhooks.take', take)
        deliveries.push(...posts.jobs.map(({ eventId }) => eventId))
      }
    })
    const ids = await orders(nodes.one, 2 * AT_ONCE, false)
    const pay = (orderId: string, node: Tables) =>
      node.write('payments.confirm', { key: `${orderId}:1`, transactionId: `txn_${orderId}` })
    await Promise.all(ids.map((orderId, index) => pay(orderId, index % 2 === 0 ? nodes.one : nodes.two)))
    for (let left = 1; left > 0; )
      left = Number(
        (
          await nodes.ask(`SELECT count(*) AS n FROM outbox WHERE id >
        (SELECT min(last_id) FROM outbox_cursors)`)
        )[0]?.n,
      )
    for (let left = 1; left > 0; )
      left = Number(
        (
          await nodes.ask(`SELECT (SELECT count(*) FROM mail WHERE due_at_ms < 1000 * extract(epoch FROM now())) +
        (SELECT count(*) FROM webhook_deliveries WHERE due_at_ms < 1000 * extract(epoch FROM now())) AS n`)
        )[0]?.n,
      )
    isOver = true
    await Promise.all(couriers)
    const told = await nodes.ask(`SELECT id FROM outbox WHERE type = 'order.confirmed' ORDER BY id`)
    const confirmed = told.map(({ id }) => Number(id))
    assert.is(confirmed.length, ids.length)
    assert.equal(
      letters.toSorted((a, b) => a - b),
      confirmed,
    )
    assert.equal(deliveries.toSorted(), confirmed.map((id) => `evt_${id}`).toSorted())
  }))

test('two who change the same product lose neither change', () =>
  withNodes(async (nodes) => {
    await nodes.one.write('catalog.create', { productId: PIXEL, fields: fields({ images: [] }) })
    const saved = await Promise.all(
      [...nodes.turns(AT_ONCE)].map((node, index) =>
        node.write('catalog.addImage', { productId: PIXEL, url: `https://img.example/${index}.png` }),
      ),
    )
    assert.ok(saved.every(({ type }) => type === 'saved'))
    const product = await nodes.two.read('catalog.product', { productId: PIXEL })
    assert.equal([product?.images.length, product?.version], [AT_ONCE, AT_ONCE + 1])
  }))

test.after(() => server.stop())
/** So many products like that one, each with an image of its own. */
const MANY_PRODUCTS = `
  INSERT INTO products SELECT (jsonb_populate_record(product, jsonb_build_object(
    'id', 'p-' || lpad(n::text, 5, '0'), 'images', '["/images/' || lpad(n::text, 64, '0') || '.png"]'))).*
  FROM products product, generate_series(1, 2500) n`

test('which images products name is told beside them, page by page', () =>
  withNodes(async (nodes) => {
    const { one, target } = nodes
    await one.write('catalog.create', { productId: PIXEL, fields: fields({ images: [] }) })
    const place = { type: 'postgresql', target, connections: 1 } as const
    assert.is((await namedImages(place)).size, 0)
    await nodes.ask(MANY_PRODUCTS)
    const named = await namedImages(place)
    assert.is(named.size, 2_500)
    assert.is(named.get(`${'2345'.padStart(64, '0')}.png` as ImageName), 'p-02345')
  }))

test.run()
