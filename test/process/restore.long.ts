/** FAULTS.md, 80, as a whole: sold from, backed up, sold from on, killed, restored, decided about, and sold from again. */
import { cpSync, rmSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { command } from '../support/commands.ts'
import { LongFigure } from '../support/long-figure.ts'
import { PRICE_MINOR, RestoreDrill, reserve } from '../support/restore-drill.ts'
import { suite } from '../support/suite.ts'

const test = suite('a shop that is restored from a backup', { limitMs: 180_000 })
const COMMAND = 'node test/support/run.ts --long test/process/restore.long.ts'
const UNITS = 8

test('sells nothing until every payment since has an order or went back, and then no unit twice', async () => {
  const drill = await RestoreDrill.begin()
  const { site, backup, stripe } = drill
  const figure = new LongFigure('restore')
  try {
    let server = await drill.start()
    await drill.stock(UNITS)
    const ann = await drill.buy('ann')
    const bob = await drill.checkOut('bob')
    assert.is((await server.stop()).code, 0)
    cpSync(site.directory, backup, { recursive: true })

    // What the backup lacks: a payment of an order that it knows, orders that it does not, one that was called off.
    server = await drill.start()
    await drill.pay(bob)
    const lost = { dan: await drill.buy('dan'), eve: await drill.buy('eve'), fay: await drill.buy('fay') }
    const { orderId, token } = lost.fay
    assert.is((await server.request('POST', `/v1/orders/${orderId}/cancel`, {}, { token })).status, 200)
    await server.until(() => drill.kept(orderId) === 0, 'fay has her money back')
    stripe.takeFor({
      amount: 5,
      metadata: { madeBy: 'holdfast', shop: 'shp_another', key: 'ord_x:1', orderId: 'ord_x' },
    })
    stripe.takeFor({ amount: 6, metadata: { invoice: '7' } })
    await server.kill()
    rmSync(site.directory, { recursive: true })

    figure.say('the shop is lost')
    const restored = await command('restore', ['--from', backup, '--to', site.directory])
    assert.is(restored.code, 0, restored.err)
    assert.match(restored.out, /journal +good/)
    server = await drill.start()
    assert.equal(await reserve(server), [503, 'not-reconciled'])
    await server.until(async () => (await drill.statusOf(bob)) === 'confirmed', 'bob has what he paid for')
    await server.until(() => drill.hasCompared(), 'the list was gone through')
    assert.is(await drill.undecided(), 2)
    const parts = (await server.request('GET', '/readyz')).body.parts as readonly Record<string, unknown>[]
    const sales = parts.find(({ name }) => name === 'sales')
    assert.match(String(sales?.reason), /2 payments are to be decided about/)
    const told = await drill.reconcile('status')
    assert.is(told.code, 1)
    for (const { orderId: unknown } of [lost.dan, lost.eve]) assert.ok(told.out.includes(unknown), told.out)
    assert.not(told.out.includes('ord_x'), 'another shop’s')

    figure.say('two payments are unknown')
    // Decided, and lost before it was done: the next start goes on.
    stripe.weather = 'broken'
    assert.is((await drill.reconcile('refund', drill.paymentOf(lost.dan))).code, 0)
    await server.kill()
    stripe.weather = 'fair'
    server = await drill.start()
    assert.equal(await reserve(server), [503, 'not-reconciled'])
    await server.until(() => drill.kept(lost.dan.orderId) === 0, 'dan has his money back')
    const note = 'sent by hand; stock of phone adjusted by -1'
    const sent = { delta: -1, reason: 'order of eve, sent by hand' }
    assert.is((await server.request('POST', '/v1/products/phone/stock/adjustments', sent)).status, 200)
    assert.is((await drill.reconcile('accept', drill.paymentOf(lost.eve), '--note', note)).code, 0)
    await server.until(async () => (await reserve(server))[0] === 201, 'it sells again by itself')

    const taken = { ann: 1, bob: 1, eve: 1, walkIn: 1 }
    const left = UNITS - Object.values(taken).length
    for (let i = 0; i < left; i++) assert.equal(await reserve(server), [201])
    assert.equal(await reserve(server), [409, 'out-of-stock'])
    const { onHand, held, sold } = (await server.request('GET', '/v1/products/phone/stock')).body
    assert.equal([onHand, held, sold], [UNITS - 3, left + 1, 2], 'no unit twice, none lost')
    const money = [ann, bob, lost.dan, lost.eve, lost.fay].map((order) => drill.kept(order.orderId))
    assert.equal(money, [PRICE_MINOR, PRICE_MINOR, 0, PRICE_MINOR, 0], 'an order or a refund each')
    assert.is(stripe.refunds.length, 2, 'each once')
    const { selling, restoration } = (await server.request('GET', '/v1/reconciliation')).body
    assert.equal([selling, (restoration as Record<string, unknown>).liftedBy], [true, 'reconciliation'])
    await server.kill()

    figure.say('it sells again')
    // The same backup, copied back by hand.
    rmSync(site.directory, { recursive: true })
    cpSync(backup, site.directory, { recursive: true })
    server = await drill.start()
    await server.until(() => server.logged('restoration.noticed').length > 0, 'it is noticed')
    await server.until(async () => (await reserve(server))[1] === 'not-reconciled', 'it stops selling')
    await server.until(async () => (await drill.undecided()) === 1, 'eve’s is unknown again')
    const seed = 'none: what happens is always the same'
    figure.end({ command: COMMAND, units: UNITS, kept: money.length, soldTwice: 0, seed })
  } finally {
    await drill.end()
  }
})

test.run()
