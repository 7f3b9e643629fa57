/** Who else is at the same order, and what they must not spoil: mostly what deliveries.test.ts has found. */
import * as assert from 'uvu/assert'
import type { Order } from '../../../src/persistence/tables/orders/order-rows.ts'
import { cancelOrder } from '../../../src/shop/orders/cancel-order.ts'
import { returnItems } from '../../../src/shop/orders/return-items.ts'
import type { ChargeOutcome } from '../../../src/shop/payments/gateway.ts'
import { suite } from '../../support/suite.ts'
import { signed } from '../payments/forgeries.ts'
import type { Letter } from '../payments/postbag.ts'
import { Provider } from '../payments/provider.ts'
import { ANN, BOB, type Kill, PHONE, ShopWorld } from '../shop-world.ts'

const MINUTE_MS = 60_000
const PRICE = 1_000
const declined = { paymentToken: 'tok_chargeDeclined' } as const

class Scene {
  readonly world: ShopWorld
  readonly provider: Provider
  readonly order: Order

  private constructor(world: ShopWorld, order: Order) {
    this.world = world
    this.provider = new Provider(world)
    this.order = order
  }

  /** One phone is ordered. */
  static async open(units = 5): Promise<Scene> {
    const world = await ShopWorld.start()
    await world.sell(PHONE, PRICE, units)
    return new Scene(world, await world.order(ANN, { [PHONE]: 1 }))
  }

  /** The order's hold has ended, and its one payment was declined. */
  static async expired(units = 5): Promise<Scene> {
    const scene = await Scene.open(units)
    await scene.world.pay(scene.order, declined)
    await scene.world.finish()
    assert.is((await scene.now()).status, 'expired')
    return scene
  }

  now(): Promise<Order> {
    return this.world.find(this.order.orderId)
  }

  /** The declined payment was captured all the same. */
  captureAfterAll(): Letter {
    return this.provider.captureAfterAll((keys) => keys.find((key) => key.endsWith(':1')) ?? '') as Letter
  }

  async hear(letter: Letter, times = 1, parts = this.world.parts()): Promise<void> {
    const secret = await this.provider.secret()
    const post = signed(letter.body, { secret, nowMs: this.world.engine.timers.clock.wallMs() })
    const heard = Array.from({ length: times }, () => this.world.hear(post, parts))
    await this.world.try(Promise.all(heard))
  }

  /** Of the sandbox's charge, from now on. */
  behaves(attempt: number, scenario: string): void {
    const key = `${this.order.orderId}:${attempt}`
    this.world.database.prepare('UPDATE sandbox_charges SET scenario = ? WHERE key = ?').run(scenario, key)
  }

  refunds() {
    return this.world.wait(this.world.tables.read('refunds.ofOrder', this.order))
  }

  async stock() {
    const { available, held, sold } = await this.world.stockOf(PHONE)
    return { available, held, sold }
  }

  cancel() {
    const { orderId } = this.order
    return this.world.wait(
      cancelOrder(this.world.parts(), { orderId, by: ANN, reason: 'no', key: undefined }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]()
  }
}

const late = suite('an order that is paid after it has expired')

late('is confirmed with the last unit, however many hear of it at once', async () => {
  await using scene = await Scene.expired(1)
  await scene.hear(scene.captureAfterAll(), 20)
  await scene.world.pass(MINUTE_MS)
  assert.is((await scene.now()).status, 'confirmed')
  assert.equal(await scene.stock(), { available: 0, held: 0, sold: 1 })
})

late('is confirmed with the last unit by two who are at it, each in the other’s way', async () => {
  await using scene = await Scene.expired(1)
  const { world } = scene
  // While one makes the hold, the other one is told that there is none, and acts on it when there is.
  const reserve = [200, 1_000]
  const confirm = [0, 500]
  world.lagMs = (call) => {
    if (call === 'reserve') return reserve.shift() ?? 0
    return call === 'confirm' && reserve.length < 2 ? (confirm.shift() ?? 0) : 0
  }
  await scene.hear(scene.captureAfterAll(), 2)
  await world.pass(MINUTE_MS)
  assert.is((await scene.now()).status, 'confirmed')
  assert.equal(await scene.stock(), { available: 0, held: 0, sold: 1 })
  assert.is(confirm.length, 0, 'they were')
})

late('and finds no unit is told once that it has expired', async () => {
  await using scene = await Scene.expired(1)
  const { world } = scene
  const bought = await world.order(BOB, { [PHONE]: 1 })
  await world.pay(bought)
  await scene.hear(scene.captureAfterAll())
  const { status, events } = await scene.now()
  assert.is(status, 'refunded')
  assert.is(events.filter((event) => event.status === 'expired').length, 1)
  const told = world.database
    .prepare<[string], number>(`SELECT count(*) FROM outbox WHERE subject_id = ? AND type = 'order.expired'`)
    .pluck()
    .get(scene.order.orderId)
  assert.is(told, 1)
})

late('is heard of anew where the shop died while it heard', async () => {
  const { calls } = await dyingAt(undefined)
  assert.ok(calls > 5, `${calls} calls were made`)
  for (let call = 1; call <= calls; call++) {
    for (const when of ['before', 'after'] as const) {
      const { status, sold } = await dyingAt({ call, when })
      assert.equal([status, sold], ['confirmed', 1], `${when} call ${call}`)
    }
  }
})

/** Who hears of a late capture dies at one of its calls, and hears of it again. */
async function dyingAt(kill: Kill | undefined) {
  await using scene = await Scene.expired()
  const { world } = scene
  const letter = scene.captureAfterAll()
  await scene.hear(letter, 1, world.parts(kill))
  const calls = world.calls.length
  await scene.hear(letter)
  await world.finish()
  return { calls, status: (await scene.now()).status, sold: (await scene.stock()).sold }
}

late.run()

const surplus = suite('a payment of an order that another one pays')

surplus('that cannot go back does not keep back the other one when that is called off', async () => {
  await using scene = await Scene.open()
  await scene.world.pay(scene.order, declined)
  await scene.world.pay(scene.order)
  scene.behaves(1, 'failing-refund')
  await scene.hear(scene.captureAfterAll())
  await scene.world.pass(MINUTE_MS)
  await scene.cancel()
  await scene.world.pass(MINUTE_MS)
  const { capturedMinor, refundedMinor } = await scene.now()
  assert.equal([capturedMinor, refundedMinor], [2 * PRICE, PRICE])
  assert.equal(scene.world.books(scene.order.orderId), {
    captured: 2 * PRICE,
    refunded: PRICE,
    captures: 2,
  })
})

surplus('that cannot go back does not keep back the other one when all is returned', async () => {
  await using scene = await Scene.open()
  await scene.world.pay(scene.order, declined)
  await scene.world.pay(scene.order)
  scene.behaves(1, 'failing-refund')
  await scene.hear(scene.captureAfterAll())
  await scene.world.pass(MINUTE_MS)
  const { orderId } = scene.order
  const all = { orderId, items: undefined, reason: 'broken', gives: true, by: 'usr_staff', key: undefined }
  await scene.world.wait(returnItems(scene.world.parts(), all))
  await scene.world.pass(MINUTE_MS)
  assert.is(scene.world.books(orderId).refunded, PRICE)
})

surplus.run()

const owed = suite('a refund that is owed')

owed('is asked about although its order is confirmed meanwhile', async () => {
  await using scene = await Scene.open()
  const { world, provider } = scene
  world.hears = false
  await world.pay(scene.order, { method: 'upi', paymentToken: 'success@upi' })
  await world.engine.advance(3_000)
  const [letter] = await provider.takeLetters()
  scene.behaves(1, 'slow-refund')
  await scene.hear(provider.captureOtherwise(letter as Letter, { amountMinor: 900 }))
  await world.pay(scene.order)
  assert.equal(
    (await scene.refunds()).map(({ status }) => status),
    ['pending'],
  )
  await world.pass(10 * MINUTE_MS)
  assert.is((await scene.now()).status, 'confirmed')
  assert.equal(
    (await scene.refunds()).map(({ status, amountMinor }) => [status, amountMinor]),
    [['succeeded', 900]],
  )
})

for (const [who, lookAtMs] of [
  ['nothing is left to do', undefined],
  ['it has time', 3_600_000],
] as const) {
  owed(`is made although somebody says, having seen less, that ${who}`, async () => {
    await using scene = await Scene.open()
    const { world } = scene
    await world.pay(scene.order)
    world.hears = false
    const { orderId, updatedAtMs } = await scene.now()
    await world.engine.advance(1_000)
    const why = { reason: 'a gesture', by: 'usr_staff' }
    await world.wait(world.tables.write('refunds.request', { orderId, amountMinor: PRICE, ...why }))
    const nowMs = world.engine.timers.clock.wallMs()
    const later = lookAtMs === undefined ? undefined : nowMs + lookAtMs
    await world.wait(world.tables.write('orders.lookAgain', { orderId, lookAtMs: later, updatedAtMs }))
    await world.pass(MINUTE_MS)
    assert.is((await scene.now()).status, 'refunded')
  })
}

owed('is made although somebody says in the same millisecond that nothing is left to do', async () => {
  await using scene = await Scene.open()
  const { world } = scene
  await world.pay(scene.order)
  world.hears = false
  const { orderId, updatedAtMs } = await scene.now()
  const why = { reason: 'a gesture', by: 'usr_staff' }
  await world.wait(world.tables.write('refunds.request', { orderId, amountMinor: PRICE, ...why }))
  await world.wait(world.tables.write('orders.lookAgain', { orderId, lookAtMs: undefined, updatedAtMs }))
  await world.pass(MINUTE_MS)
  assert.is((await scene.now()).status, 'refunded')
})

owed.run()

const other = suite('a capture of another amount than was asked for')

other('that is told once it was paid changes nothing, and calls somebody', async () => {
  await using scene = await Scene.open()
  const { world, provider } = scene
  world.hears = false
  await world.pay(scene.order)
  const before = await scene.now()
  const [letter] = await provider.takeLetters()
  await scene.hear(provider.contradict(letter as Letter))
  assert.equal(await scene.now(), before)
  assert.equal(
    world.errors.map((line) => JSON.parse(line).msg),
    ['payment.mismatch'],
  )
})

other(
  'is no payment by the answer that tells of it: it goes back, and the order can still be paid',
  async () => {
    await using scene = await Scene.open()
    const { world, provider } = scene
    const parts = world.parts()
    const gateway = parts.gateway as NonNullable<typeof parts.gateway>
    const charge: typeof gateway.charge = async (request) => {
      await gateway.charge(request)
      provider.hasCaptured({ ...request, amountMinor: 900 })
      return (await gateway.find(request.key, request)) as ChargeOutcome
    }
    const reply = await world.pay(scene.order, {}, { ...parts, gateway: { ...gateway, charge } })
    assert.is(reply.type === 'payment' && reply.orderStatus, 'pending_payment')
    await isNoPayment(scene)
  },
)

other('is no payment where the gateway is asked before its webhook comes', async () => {
  await using scene = await Scene.open()
  const { world, provider } = scene
  world.hears = false
  await world.pay(scene.order, { method: 'upi', paymentToken: 'success@upi' })
  await world.engine.advance(3_000)
  const [letter] = await provider.takeLetters()
  const told = provider.captureOtherwise(letter as Letter, { amountMinor: 1_100, currency: 'EUR' })
  await world.pass(MINUTE_MS)
  await scene.hear(told)
  await isNoPayment(scene, [1_100, 'EUR'])
})

/** All of it goes back, somebody is called once, and another payment counts. */
async function isNoPayment(scene: Scene, [amountMinor, currency] = [900, 'USD']): Promise<void> {
  const { world } = scene
  await world.pass(MINUTE_MS)
  const before = await scene.now()
  assert.equal([before.status, before.capturedMinor], ['pending_payment', 0])
  assert.equal(
    (await scene.refunds()).map((each) => [each.status, each.amountMinor, each.currency]),
    [['succeeded', amountMinor, currency]],
  )
  assert.equal(
    world.errors.map((line) => JSON.parse(line).msg),
    ['payment.mismatch'],
  )
  await world.pay(scene.order)
  const { status, capturedMinor, refundedMinor } = await scene.now()
  assert.equal([status, capturedMinor, refundedMinor], ['confirmed', PRICE, 0])
}

other.run()

const shipping = suite('an order that is shipped again')

shipping('tells where it is now, and where nothing has changed nothing', async () => {
  await using scene = await Scene.open()
  const { world } = scene
  await world.pay(scene.order)
  const { orderId } = scene.order
  const none = { carrier: undefined, estimatedDelivery: undefined }
  for (const trackingNumber of ['T1', undefined, 'T1', 'T2'])
    await world.wait(world.tables.write('orders.ship', { orderId, trackingNumber, ...none }))
  const { events, trackingNumber } = await scene.now()
  assert.equal(
    events.slice(2).map(({ type, status }) => [type, status]),
    [
      ['shipped', 'shipped'],
      ['tracking-changed', null],
    ],
  )
  assert.is(trackingNumber, 'T2')
})

shipping.run()
