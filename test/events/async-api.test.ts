/** Every kind of event is as the published description says. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { Event } from '../../src/domain/events.ts'
import { asyncApiDocument } from '../../src/events/async-api.ts'
import { type CloudEvent, eventOfOutbox, eventsOfSection, outgoing } from '../../src/events/cloud-event.ts'
import { isPublished, journalEventTypes, outboxEventType } from '../../src/events/event-kinds.ts'
import { FrameBuilder, noLink, parseFrame } from '../../src/persistence/journal/frame.ts'
import { JournalTailer } from '../../src/persistence/journal/journal-tailer.ts'
import { outboxEventTypes, outboxOperations } from '../../src/persistence/tables/outbox.ts'
import { SqliteSession } from '../../src/persistence/tables/sqlite-session.ts'
import { cancelOrder } from '../../src/shop/orders/cancel-order.ts'
import { returnItems } from '../../src/shop/orders/return-items.ts'
import { eventOfType, seed } from '../persistence/journal/values.ts'
import { fields } from '../persistence/tables/catalog/products.ts'
import { ANN, BOB, CASE, PHONE, ShopWorld } from '../shop/shop-world.ts'
import { journalDirectory } from '../support/in-process-engine.ts'
import { suite } from '../support/suite.ts'
import { assertDescribed, describedTypes } from './described.ts'

const SOURCE = '/shop'
const STREAM = { epoch: 7, worker: 0 }
const SHARD = 3
const FIRST = 41
const SAMPLES = 60
const atMs = Date.UTC(2026, 10, 27, 8)
/** Times that a calendar has; the journal takes others too. */
const CALENDAR_MS = 8.64e15

const test = suite('the description of events')

/** As a journal has them, from sequence 41 of shard 3 on. */
function told(events: readonly Event[]): CloudEvent[] {
  const builder = new FrameBuilder(STREAM, { shards: 8, capacity: 1_048_576 })
  builder.beginSection(SHARD as never, FIRST, atMs)
  for (const event of events) builder.addEvent(event)
  builder.endSection()
  const { bytes } = builder.finish({ kind: 'batch', ordinal: 2, durableOrdinal: 1, previous: noLink })
  const parsed = parseFrame(Buffer.from(bytes), 0)
  if (parsed.type !== 'frame') throw new Error('the frame cannot be read')
  const { sections, link } = parsed.frame
  return sections.flatMap((section) => [...eventsOfSection(SOURCE, { section, stream: STREAM, link })])
}

function hasCalendarTimes(value: object): boolean {
  return Object.entries(value).every(([name, field]) => {
    if (typeof field === 'object' && field !== null) return hasCalendarTimes(field)
    return !name.endsWith('AtMs') || Math.abs(field) <= CALENDAR_MS
  })
}

test('has all kinds of events, and no others', () => {
  const wanted = [...Object.values(journalEventTypes), ...outboxEventTypes.map(outboxEventType)]
  assert.equal([...describedTypes].sort(), wanted.sort())
  const { asyncapi, channels, operations } = asyncApiDocument('1.2.3') as ReturnType<
    typeof asyncApiDocument
  > & {
    readonly channels: { readonly events: { readonly messages: object } }
    readonly operations: { readonly tellEvents: { readonly messages: readonly { readonly $ref: string }[] } }
  }
  assert.is(asyncapi, '3.0.0')
  assert.equal(Object.keys(channels.events.messages).sort(), wanted)
  assert.equal(
    operations.tellEvents.messages.map(({ $ref }) => $ref.replace('#/channels/events/messages/', '')).sort(),
    wanted,
  )
})

for (const [type, arbitrary] of Object.entries(eventOfType)) {
  test(`is kept to by ${type}`, () => {
    const samples = fc.sample<Event>(arbitrary, { numRuns: SAMPLES, seed }).filter(hasCalendarTimes)
    assert.ok(samples.length > 0)
    const events = told(samples)
    assert.is(events.length, samples.filter(isPublished).length)
    for (const event of events) {
      const { key, json } = outgoing(event)
      assert.is(json, JSON.stringify(event))
      assert.is(key, event.partitionkey)
      assertDescribed(JSON.parse(json))
    }
  })
}

test('goes with an envelope that says where an event stands', () => {
  const held = {
    type: 'UnitsHeld',
    productId: 'phone' as never,
    version: 17,
    reservationId: 'res_01K5ZC4N8XQ2M7V3H9R6T1B0DW03' as never,
    customerId: undefined,
    reference: undefined,
    quantity: 1,
    expiresAtMs: atMs + 900_000,
    available: 4,
  } as const
  const freed = { type: 'KeyFreed', hash: 'h'.repeat(16) as never } as const
  const [first, second, ...others] = told([held, freed, { ...held, version: 18 }])
  assert.equal(first, {
    specversion: '1.0',
    id: 's3.41.7',
    source: '/shop/shards/3',
    type: 'holdfast.reservation.held.v1',
    subject: 'phone',
    time: '2026-11-27T08:00:00.000Z',
    datacontenttype: 'application/json',
    sequence: '0000000000000041',
    partitionkey: 'phone',
    data: {
      productId: 'phone',
      version: 17,
      reservationId: 'res_01K5ZC4N8XQ2M7V3H9R6T1B0DW03',
      quantity: 1,
      expiresAt: '2026-11-27T08:15:00.000Z',
      available: 4,
    },
  })
  assert.is(second?.id, 's3.43.7', 'what is nobody’s business is left out, and has its number')
  assert.equal(others, [])
  const outbox = {
    id: 12,
    type: 'order.created',
    subjectId: 'ord_1',
    payload: { orderId: 'ord_1' },
    atMs,
  } as const
  const order = eventOfOutbox(SOURCE, outbox)
  assert.equal(
    [order.id, order.source, order.type, order.partitionkey, order.sequence, order.data],
    [
      'evt_12',
      '/shop/outbox',
      'holdfast.order.created.v1',
      'ord_1',
      '0000000000000012',
      { id: 'ord_1', orderId: 'ord_1' },
    ],
  )
  assertDescribed(order)
})

test('is kept to by all that a shop tells', async () => {
  await using world = await ShopWorld.start()
  const parts = () => world.parts()
  for (const productId of [PHONE, CASE]) await world.sell(productId, 1_000, 20)
  const lamp = { productId: 'lamp' as never, fields: fields({ title: 'Lamp' }) }
  await world.wait(world.tables.write('catalog.create', lamp))
  const retired = { productId: 'lamp' as never, guard: undefined } as never
  await world.wait(world.tables.write('catalog.retire', retired))
  const person = {
    name: 'Ann',
    email: 'ann@shop.example',
    emailKey: 'ann',
    passwordHash: 'h'.repeat(60),
    refreshMs: 1_000,
  }
  await world.wait(world.tables.write('users.register', person))

  const bought = await world.order(ANN, { [PHONE]: 1, [CASE]: 2 })
  const { orderId } = bought
  await world.pay(bought)
  const shipment = { orderId, trackingNumber: 'T1', carrier: 'Post', estimatedDelivery: '2026-12-01' }
  await world.wait(world.tables.write('orders.ship', shipment))
  await world.wait(
    world.tables.write('orders.ship', { ...shipment, carrier: undefined, trackingNumber: 'T2' }),
  )
  await world.wait(world.tables.write('orders.deliver', { orderId }))
  const review = { productId: PHONE, customerId: ANN, rating: 4, title: null, text: null }
  await world.wait(world.tables.write('catalog.review', review))
  const back = { orderId, items: undefined, reason: 'broken', by: 'staff', gives: true, key: undefined }
  await world.wait(returnItems(parts(), back))

  const declined = await world.order(BOB, { [PHONE]: 1 })
  await world.pay(declined, { paymentToken: 'tok_chargeDeclined' })
  const called = await world.order(ANN, { [CASE]: 1 })
  const cancel = {
    orderId: called.orderId,
    reason: 'changed my mind',
    by: 'customer',
    key: undefined,
  } as never
  await world.wait(cancelOrder(parts(), cancel))
  const onDelivery = await world.order(ANN, { [PHONE]: 1 })
  await world.pay(onDelivery, { method: 'cod', paymentToken: undefined })
  await world.finish()

  const session = new SqliteSession(world.database)
  const outbox = session.run(outboxOperations['outbox.after'].run({ id: 0, limit: 256 }))
  const events = outbox.map((event) => eventOfOutbox(SOURCE, event))
  assert.equal(
    outboxEventTypes.filter((type) => !outbox.some((event) => event.type === type)),
    [],
    'all kinds were told',
  )
  await world.engine.shutDown()
  const place = { disk: world.engine.disk.session(), journal: journalDirectory }
  const { sections } = JournalTailer.behind(place, { shards: 4 }).read(1_000_000)
  for (const section of sections) events.push(...eventsOfSection(SOURCE, section))
  for (const event of events) assertDescribed(JSON.parse(JSON.stringify(event)))
  const types = new Set(events.map(({ type }) => type))
  assert.ok(types.has('holdfast.split-reservation.settled.v1'), [...types].join())
})

test.run()
