/** FAULTS.md, 80, where several nodes share the tables: both compare the list at the same time, and each thing is done once. */
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import type { CustomerId, ProductId } from '../../../src/domain/ids.ts'
import { reconcile } from '../../../src/shop/restoration/reconcile.ts'
import { LongFigure } from '../../support/long-figure.ts'
import { PostgresServerProcess } from '../../support/postgres-server.ts'
import { suite } from '../../support/suite.ts'
import { TwoShops } from '../two-shops.ts'
import { ListedProvider } from './listed-provider.ts'

const COMMAND = 'node test/support/run.ts --long test/shop/restoration/two-nodes.long.ts'
const PHONE = 'phone' as ProductId
const PRICE = 99_999
const PAID = 8
const LOST = 6
const UNITS = 20

const test = suite('two nodes that reconcile at the same time', { needs: ['postgres'], limitMs: 120_000 })

test('make each order and each refund once, and lift the mark once', async () => {
  const figure = new LongFigure('restoration-two-nodes')
  const postgres = await PostgresServerProcess.start()
  try {
    await using world = await TwoShops.start(postgres)
    await world.sell(PHONE, PRICE, UNITS)
    const provider = new ListedProvider()
    const [first, second] = world.shops
    const nowMs = first.clock.wallMs()
    for (let i = 0; i < PAID; i++) {
      const asked = { productId: PHONE, paymentToken: 'tok_chargeDeclined' }
      const order = await world.wait(world.buy(first, `usr_${i}` as CustomerId, asked))
      assert.ok(order !== undefined)
      provider.take({ key: `${order.orderId}:2`, madeAtMs: nowMs })
    }
    for (let i = 0; i < LOST; i++) provider.take({ key: `ord_lost${i}:1`, madeAtMs: nowMs })
    const times = { tablesAtMs: nowMs, journalAtMs: nowMs }
    const mark = { cause: 'restored', ...times, takesAny: false } as const
    const marks = await Promise.all(
      [first, second].map(({ tables }) => tables.write('restorations.mark', mark)),
    )
    const [restoration] = marks.map((each) => each.restoration)
    assert.ok(restoration !== undefined)
    assert.is(new Set(marks.map((each) => each.restoration.restorationId)).size, 1)
    const log = pino({ level: 'silent' })
    const both = () =>
      world.wait(
        Promise.all(
          [first, second].map((shop) => reconcile({ ...shop, gateway: provider, log }, restoration)),
        ),
      )
    assert.equal(await both(), ['open', 'open'])
    figure.say('both have gone through the list')
    const { restorationId } = restoration
    assert.is(await first.tables.read('unknownPayments.undecided', { restorationId }), LOST)
    for (let i = 0; i < LOST; i++) {
      const transactionId = `pi_${PAID + i + 1}`
      const decision = { transactionId, decision: 'refund', by: 'ann', note: undefined } as const
      await second.tables.write('unknownPayments.decide', decision)
    }
    assert.equal(await both(), ['lifted', 'lifted'])
    assert.is(provider.refunds.length, LOST)
    const found = await world.ask(
      'SELECT status, captured_minor AS captured, refunded_minor AS refunded FROM orders',
    )
    assert.is(found.length, PAID)
    for (const { status, captured, refunded } of found)
      assert.equal([status, Number(captured), Number(refunded)], ['confirmed', PRICE, 0])
    const stock = await world.wait(world.engine.engine.execute({ type: 'readStock', productId: PHONE }))
    assert.ok(stock.type !== 'refused')
    assert.equal([stock.onHand, stock.held, stock.sold], [UNITS - PAID, 0, PAID])
    const lifts = await world.ask('SELECT lifted_by FROM restorations')
    assert.equal(lifts, [{ lifted_by: 'reconciliation' }])
    figure.end({ command: COMMAND, orders: PAID, refunds: LOST, seed: 'none' })
  } finally {
    await postgres.stop()
  }
})

test.run()
