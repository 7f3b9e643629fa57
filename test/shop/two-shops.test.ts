/** What two nodes do with the same orders, money and units, each as if it were alone: one effect of everything. */
import * as assert from 'uvu/assert'
import type { CustomerId } from '../../src/domain/ids.ts'
import { suite } from '../support/suite.ts'
import { sharedServer } from '../support/two-nodes.ts'
import { PHONE } from './shop-world.ts'
import { TwoShops } from './two-shops.ts'

const BUYERS = 24
const UNITS = 18
const PRICE = 1_000
/** Approved, declined, captured and never answered, pending at first, told three times. */
const WAYS = [
  { paymentToken: 'tok_visa' },
  { paymentToken: 'tok_chargeDeclined' },
  { paymentToken: 'tok_timeoutAfterCapture' },
  { method: 'upi', paymentToken: 'success@upi' },
  { paymentToken: 'tok_duplicateWebhook' },
  { method: 'upi', paymentToken: 'failure@upi' },
  { paymentToken: 'tok_slowRefund' },
] as const

const test = suite('two shops over one PostgreSQL', { needs: ['postgres'], limitMs: 240_000 })
const server = sharedServer()

test('sell each unit once, charge each order once, and give back what is owed once, whoever sees to it', async () => {
  await using world = await TwoShops.start(await server.start())
  await world.wait(world.sell(PHONE, PRICE, UNITS))
  const bought = await world.wait(
    Promise.all(
      Array.from({ length: BUYERS }, (_, buyer) => {
        const shop = world.shops[buyer % 2] ?? assert.unreachable()
        const way = WAYS[(buyer >> 1) % WAYS.length] ?? {}
        return world.buy(shop as (typeof world.shops)[0], `usr_${buyer}` as CustomerId, {
          productId: PHONE,
          ...way,
        })
      }),
    ),
  )
  const orders = bought.filter((order) => order !== undefined)
  assert.is(orders.length, UNITS, 'as many as there are units')
  // Some are called off at both nodes at once, and paid back while both look.
  await world.wait(
    Promise.all(
      orders
        .filter((_, index) => index % 3 === 0)
        .flatMap(({ orderId }) =>
          world.nodes.map((node) =>
            node.write('orders.cancel', { orderId, by: 'usr', reason: 'changed my mind' }),
          ),
        ),
    ),
  )
  await world.finish()

  assert.equal(world.errors, [])
  const found = await world.ask(
    `SELECT o.status, o.captured_minor AS captured, o.refunded_minor AS promised,
            coalesce((SELECT sum(amount_minor) FROM sandbox_charges c WHERE c.order_id = o.id AND c.status = 'succeeded'), 0) AS charged,
            coalesce((SELECT sum(r.amount_minor) FROM sandbox_refunds r JOIN sandbox_charges c USING (transaction_id)
                       WHERE c.order_id = o.id AND r.status = 'succeeded'), 0) AS returned
       FROM orders o`,
  )
  for (const { status, captured, promised, charged, returned } of found) {
    assert.is(Number(captured), Number(charged), `${status}: what was taken is what is known`)
    assert.is(Number(promised), Number(returned), `${status}: what was promised has gone back`)
    const kept = Number(charged) - Number(returned)
    assert.is(kept, status === 'confirmed' ? PRICE : 0, String(status))
  }
  const confirmed = found.filter(({ status }) => status === 'confirmed').length
  assert.ok(confirmed >= 4 && confirmed < UNITS)
  const stock = await world.wait(world.engine.engine.execute({ type: 'readStock', productId: PHONE }))
  assert.ok(stock.type !== 'refused')
  assert.equal([stock.sold, stock.held], [confirmed, 0])
  const invoices = await world.ask(
    'SELECT count(DISTINCT invoice_number)::integer AS n, max(invoice_number)::integer AS last FROM orders',
  )
  assert.equal(invoices[0]?.n, invoices[0]?.last)
})

test.after(() => server.stop())
test.run()
