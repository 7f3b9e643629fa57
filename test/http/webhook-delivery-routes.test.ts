import * as assert from 'uvu/assert'
import { deliveriesReply, deliveryReply } from '../../src/http/webhook-schemas.ts'
import { answered, WebhookWorld } from '../shop/webhooks/webhook-world.ts'
import { suite } from '../support/suite.ts'
import { fakes } from './fake-parts.ts'

type Listed = { readonly id: string; readonly type: string; readonly status: string }

const test = suite('deliveries to a webhook')

async function within(
  use: (api: ReturnType<typeof fakes>, world: WebhookWorld, path: string) => Promise<void>,
): Promise<void> {
  const world = new WebhookWorld()
  try {
    const { id } = await world.subscribe()
    await use(fakes({ tables: world.tables }), world, `/v1/webhooks/${id}`)
  } finally {
    world.close()
  }
}

test('are listed by pages and by status, the newest first, with what became of them', () =>
  within(async ({ call }, world, path) => {
    for (const subject of ['ord_1', 'ord_2', 'ord_3']) {
      world.happens('order.confirmed', subject)
      world.answer = () => answered(subject === 'ord_2' ? 500 : 204)
      await world.courier.tick()
      await world.pass(5)
    }
    const first = await call('GET', `${path}/deliveries?limit=2`, { as: 'staff' })
    assert.ok(deliveriesReply.safeParse(first.body).success)
    const page = first.body.deliveries as Listed[]
    assert.equal(
      page.map(({ status }) => status),
      ['received', 'pending'],
    )
    const rest = await call('GET', `${path}/deliveries?cursor=${first.body.nextCursor}`, { as: 'staff' })
    assert.equal(
      (rest.body.deliveries as Listed[]).map(({ status }) => status),
      ['received'],
    )
    assert.is(rest.body.nextCursor, undefined)
    const pending = await call('GET', `${path}/deliveries?status=pending`, { as: 'staff' })
    const [only] = pending.body.deliveries as Record<string, unknown>[]
    assert.equal(
      [only?.id, only?.tries, only?.lastStatus, only?.lastTrouble],
      [page[1]?.id, 1, 500, 'answered-500'],
    )
    assert.match(String(only?.nextTryAt), /^2026-11-28T12:00:05/)
  }))

test('are sent again on demand, under the same id', () =>
  within(async ({ call }, world, path) => {
    world.happens('order.confirmed')
    await world.courier.tick()
    await world.pass(5)
    const { body } = await call('GET', `${path}/deliveries`, { as: 'staff' })
    const [{ id } = { id: '' }] = body.deliveries as Listed[]
    const headers = { 'idempotency-key': 'once' }
    const replay = () => call('POST', `${path}/deliveries/${id}/replay`, { as: 'staff', headers })
    const reply = await replay()
    assert.is(reply.status, 202)
    assert.ok(deliveryReply.safeParse(reply.body).success)
    assert.is((await replay()).headers.get('idempotency-replayed'), 'true')
    await world.courier.tick()
    await world.pass(5)
    assert.is(world.posts.length, 2)
    assert.is(world.posts[0]?.headers['webhook-id'], world.posts[1]?.headers['webhook-id'])
  }))

test('can be tests', () =>
  within(async ({ call }, world, path) => {
    const reply = await call('POST', `${path}/test`, { as: 'staff' })
    assert.equal([reply.status, reply.body.type], [202, 'webhook.test'])
    await world.courier.tick()
    await world.pass(5)
    assert.is(world.posts.length, 1)
  }))

test('of others, and of what is none, are not found', () =>
  within(async ({ call }, world, path) => {
    const { id: other } = await world.subscribe('https://b.example/')
    world.happens('order.confirmed')
    await world.courier.tick()
    await world.pass(5)
    const [delivery] = await world.deliveries(other)
    const unknown = '/v1/webhooks/whk_01K5ZC4N8XQ2M7V3H9R6T1B0DW'
    const cases = [
      ['GET', `${unknown}/deliveries`, 'unknown-webhook'],
      ['POST', `${unknown}/test`, 'unknown-webhook'],
      ['POST', `${unknown}/deliveries/${delivery?.id}/replay`, 'unknown-webhook'],
      ['POST', `${path}/deliveries/${delivery?.id}/replay`, 'unknown-delivery'],
      ['POST', `${path}/deliveries/__proto__/replay`, 'unknown-delivery'],
    ] as const
    for (const [method, target, code] of cases) {
      const reply = await call(method, target, { as: 'staff' })
      assert.equal([reply.status, reply.body.code], [404, code], `${method} ${target}`)
    }
    assert.is((await call('GET', `${path}/deliveries?cursor=x`, { as: 'staff' })).status, 400)
    assert.is((await call('GET', `${path}/deliveries?limit=101`, { as: 'staff' })).status, 400)
  }))

test.run()
