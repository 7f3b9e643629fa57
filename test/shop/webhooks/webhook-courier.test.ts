import { Webhook } from 'standardwebhooks'
import * as assert from 'uvu/assert'
import {
  deliveriesKeptMax,
  retryWaitsMs,
} from '../../../src/persistence/tables/webhooks/delivery-operations.ts'
import { deliveriesPendingMax } from '../../../src/persistence/tables/webhooks/fan-out.ts'
import type { PostAnswer } from '../../../src/shop/webhooks/http-post.ts'
import { suite } from '../../support/suite.ts'
import { answered, NOW_MS, WebhookWorld } from './webhook-world.ts'

const HOUR_MS = 3_600_000
const test = suite('what subscribers are told')

async function within(use: (world: WebhookWorld) => Promise<void>): Promise<void> {
  const world = new WebhookWorld()
  try {
    await use(world)
    assert.equal(world.troubles, [])
  } finally {
    world.close()
  }
}

test('is each event of a type they asked for, once, signed so that the specification’s package believes it', () =>
  within(async (world) => {
    world.happens('order.confirmed', 'ord_before')
    const { id, secret } = await world.subscribe()
    const { secret: other } = await world.subscribe('https://b.example/', ['user.registered'])
    world.courier.start()
    const eventId = world.happens('order.confirmed', 'ord_1', { total: 999.99 })
    world.happens('order.created', 'ord_2')
    world.happens('user.registered', 'usr_1')
    await world.pass(3_000)
    assert.equal(world.posts.map(({ destination }) => destination.url.href).sort(), [
      'https://a.example/hooks',
      'https://b.example/',
    ])
    const post = world.posts.find(({ destination }) => destination.url.host === 'a.example')
    if (post === undefined) throw new Error('no post')
    assert.is(post.headers['webhook-id'], `evt_${eventId}`)
    assert.equal(JSON.parse(post.body), {
      type: 'order.confirmed',
      timestamp: new Date(NOW_MS).toISOString(),
      data: { id: 'ord_1', total: 999.99 },
    })
    assert.is(post.destination.address, '1.1.1.1')
    assert.is(post.timeoutMs, 15_000)
    const signed = { ...post.headers, 'webhook-timestamp': post.headers['webhook-timestamp'] ?? '' }
    const realNow = Date.now
    Date.now = () => world.timers.clock.wallMs()
    try {
      assert.ok(new Webhook(secret).verify(post.body, signed))
      assert.throws(() => new Webhook(other).verify(post.body, signed))
    } finally {
      Date.now = realNow
    }
    const [delivery] = await world.deliveries(id)
    assert.equal([delivery?.state, delivery?.tries, delivery?.answerStatus], ['received', 1, 200])
  }))

test('is tried again by the schedule, ten times, under one id and signed anew', () =>
  within(async (world) => {
    const { id } = await world.subscribe()
    world.answer = () => answered(500)
    const triedAtMs: number[] = []
    world.courier.start()
    world.happens('order.confirmed')
    let seen = 0
    for (let hour = 0; hour < 90; hour++) {
      // The first hour in small steps, for waits of seconds and minutes.
      await world.pass(HOUR_MS, hour === 0 ? 5_000 : 600_000)
      for (; seen < world.posts.length; seen++) {
        triedAtMs.push(Number(world.posts[seen]?.headers['webhook-timestamp']) * 1_000)
      }
    }
    assert.is(triedAtMs.length, 10)
    for (const [index, waitMs] of retryWaitsMs.entries()) {
      const waitedMs = (triedAtMs[index + 1] ?? 0) - (triedAtMs[index] ?? 0)
      const message = `after try ${index + 1} it waited ${waitedMs} ms`
      assert.ok(
        waitedMs >= waitMs - 1_000 && waitedMs <= waitMs * 1.1 + (index < 3 ? 7_000 : 602_000),
        message,
      )
    }
    assert.is(new Set(world.posts.map(({ headers }) => headers['webhook-id'])).size, 1)
    const [delivery] = await world.deliveries(id)
    assert.equal([delivery?.state, delivery?.tries, delivery?.trouble], ['failed', 10, 'answered-500'])
    assert.equal(world.disabled, [`${id} failing`])
  }))

test('is received with any 2xx and with nothing else; what moves elsewhere is not followed', () =>
  within(async (world) => {
    const { id } = await world.subscribe()
    const cases: readonly (readonly [PostAnswer, string, string | null])[] = [
      [answered(201), 'received', null],
      [answered(299), 'received', null],
      [answered(301), 'pending', 'redirected'],
      [answered(307), 'pending', 'redirected'],
      [answered(400), 'pending', 'answered-400'],
      [{ type: 'unreached', why: 'ECONNREFUSED' }, 'pending', 'ECONNREFUSED'],
      [{ type: 'unreached', why: 'timed-out' }, 'pending', 'timed-out'],
    ]
    for (const [answer, state, trouble] of cases) {
      world.answer = () => answer
      world.happens('order.confirmed')
      const before = world.posts.length
      await world.courier.tick()
      await world.pass(1)
      assert.is(world.posts.length, before + 1)
      const [delivery] = await world.deliveries(id)
      assert.equal([delivery?.state, delivery?.trouble], [state, trouble], JSON.stringify(answer))
    }
  }))

test('ends for good when the subscriber says that it is gone', () =>
  within(async (world) => {
    const { id } = await world.subscribe()
    world.answer = () => answered(410)
    world.courier.start()
    world.happens('order.confirmed')
    world.happens('order.shipped')
    await world.pass(2_000)
    assert.equal(world.disabled, [`${id} gone`])
    const told = world.posts.length
    world.happens('order.confirmed')
    await world.pass(HOUR_MS, 60_000)
    assert.is(world.posts.length, told)
    const webhook = await world.tables.read('webhooks.find', { id })
    assert.equal([webhook?.state, webhook?.disabledBecause], ['disabled', 'gone'])
    assert.ok((await world.deliveries(id)).every(({ state }) => state === 'failed'))
  }))

test('waits as long as the subscriber asks, and all of it waits where it could not cope', () =>
  within(async (world) => {
    await world.subscribe()
    world.answer = () => answered(429, '120')
    world.courier.start()
    world.happens('order.confirmed')
    await world.pass(2_000)
    assert.is(world.posts.length, 1)
    world.answer = () => answered(200)
    world.happens('order.shipped')
    await world.pass(110_000, 5_000)
    assert.is(world.posts.length, 1)
    await world.pass(30_000, 5_000)
    assert.is(world.posts.length, 3)
  }))

test('waits alone where only this one was refused', () =>
  within(async (world) => {
    await world.subscribe()
    world.answer = () => answered(500, '120')
    world.courier.start()
    world.happens('order.confirmed')
    await world.pass(2_000)
    world.answer = () => answered(200)
    world.happens('order.shipped')
    await world.pass(100_000, 5_000)
    assert.is(world.posts.length, 2)
    await world.pass(40_000, 5_000)
    assert.is(world.posts.length, 3)
  }))

test('goes out again, under its id, where somebody died between the post and its record', () =>
  within(async (world) => {
    await world.subscribe()
    world.happens('order.confirmed')
    world.answer = () => new Promise(() => {})
    await world.courier.tick()
    await world.pass(1)
    assert.is(world.posts.length, 1)
    world.answer = () => answered(200)
    const successor = world.newCourier()
    successor.start()
    await world.pass(50_000, 5_000)
    assert.is(world.posts.length, 1, 'not while it may still be under way')
    await world.pass(20_000, 5_000)
    assert.is(world.posts.length, 2)
    assert.is(world.posts[0]?.headers['webhook-id'], world.posts[1]?.headers['webhook-id'])
    await world.pass(HOUR_MS, 60_000)
    assert.is(world.posts.length, 2)
    successor.stop()
  }))

test('reaches the others while one of them answers nothing', () =>
  within(async (world) => {
    await world.subscribe('https://mute.example/')
    await world.subscribe('https://b.example/')
    world.answer = ({ destination }) =>
      destination.url.host === 'mute.example' ? new Promise(() => {}) : answered(200)
    world.courier.start()
    for (let i = 0; i < 100; i++) world.happens('order.confirmed', `ord_${i}`)
    await world.pass(20_000)
    const reached = world.posts.filter(({ destination }) => destination.url.host === 'b.example')
    assert.is(reached.length, 100)
    assert.is(world.posts.length, 104)
  }))

test('goes nowhere but to public addresses, whatever the name says by the time it is tried (attack 41)', () =>
  within(async (world) => {
    const { id } = await world.subscribe()
    world.happens('order.confirmed')
    world.addresses = ['1.1.1.1', '127.0.0.1']
    await world.courier.tick()
    await world.pass(1)
    assert.is(world.posts.length, 0)
    const [delivery] = await world.deliveries(id)
    assert.equal([delivery?.state, delivery?.trouble], ['pending', 'private-address'])
  }))

test('can be replayed, under its id, and a disabled subscriber that receives it is enabled again', () =>
  within(async (world) => {
    const { id } = await world.subscribe()
    world.answer = () => answered(410)
    world.happens('order.confirmed')
    await world.courier.tick()
    await world.pass(1)
    const [failed] = await world.deliveries(id)
    world.answer = () => answered(200)
    const args = { webhookId: id, id: failed?.id ?? '' }
    assert.is((await world.tables.write('webhooks.replay', args)).type, 'queued')
    await world.courier.tick()
    await world.pass(1)
    assert.is(world.posts.length, 2)
    assert.is(world.posts[1]?.headers['webhook-id'], world.posts[0]?.headers['webhook-id'])
    assert.is((await world.deliveries(id))[0]?.state, 'received')
    assert.is((await world.tables.read('webhooks.find', { id }))?.state, 'enabled')
    const elsewhere = await world.tables.write('webhooks.replay', { ...args, webhookId: 'whk_other' })
    assert.equal(elsewhere, { type: 'refused', reason: 'unknown-webhook' })
  }))

test('can be a test that means nothing', () =>
  within(async (world) => {
    const { id } = await world.subscribe()
    await world.tables.write('webhooks.test', { webhookId: id })
    await world.courier.tick()
    await world.pass(1)
    assert.is(JSON.parse(world.posts[0]?.body ?? '{}').type, 'webhook.test')
    assert.equal(await world.tables.write('webhooks.test', { webhookId: 'whk_x' }), {
      type: 'refused',
      reason: 'unknown-webhook',
    })
  }))

test('is never longer than 20 kB: who needs more asks', () =>
  within(async (world) => {
    await world.subscribe()
    world.happens('order.confirmed', 'ord_1', { lines: '汉'.repeat(7_000) })
    world.happens('order.confirmed', 'ord_2', { lines: 'x'.repeat(18_000) })
    await world.courier.tick()
    await world.pass(1)
    const bodies = world.posts.map(({ body }) => body).sort((a, b) => a.length - b.length)
    for (const body of bodies) assert.ok(Buffer.byteLength(body) < 20_000)
    assert.equal(JSON.parse(bodies[0] ?? '').data, { id: 'ord_1', isPartial: true })
    assert.is(JSON.parse(bodies[1] ?? '').data.lines.length, 18_000)
  }))

test('is kept in a log that does not grow for ever', () =>
  within(async (world) => {
    const { id } = await world.subscribe()
    for (let i = 0; i < deliveriesKeptMax + 30; i++) world.happens('order.confirmed', `ord_${i}`)
    world.courier.start()
    await world.pass(30_000, 100)
    assert.is(world.posts.length, deliveriesKeptMax + 30)
    const { kept } = world.tables.database
      .prepare<[], { kept: number }>('SELECT count(*) AS kept FROM webhook_deliveries')
      .get() ?? { kept: 0 }
    assert.is(kept, deliveriesKeptMax)
    assert.is((await world.deliveries(id)).length, 100)
  }))

test('ends where more waits for a subscriber than may', () =>
  within(async (world) => {
    const { id } = await world.subscribe()
    world.answer = () => answered(503, '86400')
    world.happens('order.confirmed')
    await world.courier.tick()
    await world.pass(1)
    world.tables.database.exec('BEGIN')
    for (let i = 0; i < deliveriesPendingMax; i++) world.happens('order.confirmed', `ord_${i}`)
    world.tables.database.exec('COMMIT')
    await world.courier.tick()
    assert.equal(world.disabled, [`${id} behind`])
    const { pending } = world.tables.database
      .prepare<[], { pending: number }>(
        `SELECT count(*) AS pending FROM webhook_deliveries WHERE state = 'pending'`,
      )
      .get() ?? { pending: -1 }
    assert.is(pending, 0)
  }))

test.run()
