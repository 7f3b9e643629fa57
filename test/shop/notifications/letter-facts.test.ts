import * as assert from 'uvu/assert'
import type { CustomerId, ProductId, ReservationId } from '../../../src/domain/ids.ts'
import type { CurrencyCode } from '../../../src/domain/money.ts'
import { insertProduct } from '../../../src/persistence/tables/catalog/product-writes.ts'
import type { MailEvent } from '../../../src/persistence/tables/mail/mail-operations.ts'
import type { Moment } from '../../../src/persistence/tables/operation.ts'
import { SqliteSession } from '../../../src/persistence/tables/sqlite-session.ts'
import { realRandom } from '../../../src/seams.ts'
import { factsIn } from '../../../src/shop/notifications/letter-facts.ts'
import { fields } from '../../persistence/tables/catalog/products.ts'
import { InProcessTables } from '../../support/in-process-tables.ts'
import { ManualClock } from '../../support/manual-time.ts'
import { suite } from '../../support/suite.ts'
import { NOW_MS } from './letter-examples.ts'

const ORDER_ID = 'ord_01K5ZC4N8XQ2M7V3H9R6T1B0DW'
const test = suite('what is known of who is told')

async function within(use: (tables: InProcessTables, userId: string) => Promise<void>): Promise<void> {
  const tables = new InProcessTables(new ManualClock(NOW_MS))
  try {
    const reply = await tables.write('users.register', {
      name: 'Ann',
      email: 'ann@shop.example',
      emailKey: 'ann@shop.example',
      passwordHash: 'x'.repeat(60),
      refreshMs: 60_000,
    })
    if (reply.type === 'refused') throw new Error(reply.reason)
    await use(tables, reply.user.id)
  } finally {
    tables.close()
  }
}

function event(type: MailEvent['type'], subjectId: string): MailEvent {
  return { id: 1, type, subjectId, payload: {}, atMs: NOW_MS }
}

async function order(tables: InProcessTables, customerId: string): Promise<void> {
  const moment: Moment = { nowMs: NOW_MS, random: realRandom(), notify: () => {} }
  const product = fields({ title: 'Phone', priceMinor: 1_500, currency: 'EUR' as CurrencyCode })
  new SqliteSession(tables.database).run(insertProduct('phone' as ProductId, product, moment))
  const reply = await tables.write('orders.create', {
    orderId: ORDER_ID,
    customerId: customerId as CustomerId,
    cartId: undefined,
    fingerprint: 'f'.repeat(64),
    reservationId: 'res_01K5ZC4N8XQ2M7V3H9R6T1B0DW00' as ReservationId,
    currency: 'EUR' as CurrencyCode,
    subtotalMinor: 3_000,
    discountMinor: 500,
    discountCode: undefined,
    address: undefined,
    expiresAtMs: NOW_MS + 600_000,
    lookAtMs: NOW_MS + 600_000,
    lines: [{ productId: 'phone' as ProductId, title: 'Phone', unitPriceMinor: 1_500, quantity: 2 }],
  })
  assert.is(reply.type, 'order')
}

test('is the account, for a registration', () =>
  within(async (tables, userId) => {
    const facts = await factsIn(tables)(event('user.registered', userId))
    assert.equal(facts, { type: 'account', to: { name: 'Ann', email: 'ann@shop.example' } })
  }))

test('is the order as it stands, and the account that it is of', () =>
  within(async (tables, userId) => {
    await order(tables, userId)
    const facts = await factsIn(tables)(event('payment.failed', ORDER_ID))
    assert.equal(facts, {
      type: 'order',
      to: { name: 'Ann', email: 'ann@shop.example' },
      order: {
        orderId: ORDER_ID,
        currency: 'EUR',
        lines: [{ title: 'Phone', quantity: 2, amountMinor: 3_000 }],
        discountMinor: 500,
        totalMinor: 2_500,
        refundMinor: 0,
        isPaidOnDelivery: false,
        isHeld: true,
        invoiceNumber: undefined,
        carrier: undefined,
        trackingNumber: undefined,
        estimatedDelivery: undefined,
      },
    })
  }))

test('is nothing of buyers without an account, and of what is not there', () =>
  within(async (tables) => {
    await order(tables, 'till-4')
    assert.is(await factsIn(tables)(event('order.confirmed', ORDER_ID)), undefined)
    assert.is(await factsIn(tables)(event('order.confirmed', 'ord_none')), undefined)
    assert.is(await factsIn(tables)(event('user.registered', 'usr_none')), undefined)
  }))

test.run()
