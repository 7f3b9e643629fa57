/**
 * A shopper's whole way over HTTP, from the first visit to the door and back, with all that goes wrong on the way: a real
 * server, a real socket, the sandbox's own webhooks. The same wherever the tables are.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { type Answer, callServer } from '../support/http-call.ts'
import type { TestOptions } from '../support/recorder.ts'
import { adminKey, type ServerProcess, Site } from '../support/server-process.ts'
import { suite } from '../support/suite.ts'

const PASSWORD = 'seven herons at dawn'
const CARD = { number: '4242 4242 4242 4242', expiry: '12/39', cvc: '123' }
type Body = Readonly<Record<string, unknown>>

/** Settings by which a server keeps its tables there. */
export type OpenPlace = { readonly environment: Readonly<Record<string, string>>; close(): Promise<void> }

/** Declares the suite. */
export function shopJourneys(name: string, open: () => Promise<OpenPlace>, options: TestOptions = {}): void {
  const site = new Site()
  let server: ServerProcess
  let ann: string
  let bob: string
  let opened: OpenPlace | undefined

  const journey = suite(`a shopper’s way with ${name}`, { limitMs: 60_000, ...options })

  async function call(
    method: string,
    path: string,
    options: { readonly as?: string | undefined; readonly body?: unknown; readonly key?: string } = {},
  ): Promise<Answer> {
    const { as: token, body, key: idempotencyKey } = options
    const outcome = await callServer(server.port, [method, path], { token, body, idempotencyKey })
    assert.is(outcome.type, 'answered', `${method} ${path}`)
    return outcome as Answer
  }

  async function expect(status: number, ...asked: Parameters<typeof call>): Promise<Body> {
    const answer = await call(...asked)
    assert.is(answer.status, status, `${asked[0]} ${asked[1]}: ${JSON.stringify(answer.body)}`)
    return answer.body
  }

  /** A problem, by its code. */
  async function refuse(code: string, ...asked: Parameters<typeof call>): Promise<Body> {
    const { body, headers } = await call(...asked)
    assert.is(body.code, code, `${asked[0]} ${asked[1]}: ${JSON.stringify(body)}`)
    assert.is(headers['content-type'], 'application/problem+json')
    return body
  }

  async function order(as: string, productId: string, quantity = 1): Promise<Body> {
    const cart = await expect(200, 'POST', '/v1/cart/add', { as, body: { productId, quantity } })
    return await expect(201, 'POST', '/v1/checkout', { as, body: { cartId: cart.cartId } })
  }

  function pay(
    as: string,
    { orderId, totalAmount: amount }: Body,
    more: Body = { paymentToken: 'tok_visa' },
  ) {
    const body = { orderId, paymentMethod: 'card', amount, ...more }
    return call('POST', '/v1/payment', { as, body })
  }

  async function statusOf(orderId: unknown, as = ann): Promise<string> {
    return String((await expect(200, 'GET', `/v1/orders/${orderId}/status`, { as })).status)
  }

  async function stockOf(productId: string): Promise<string> {
    const { onHand, held, sold } = await expect(200, 'GET', `/v1/products/${productId}/stock`, {
      as: adminKey,
    })
    return [onHand, held, sold].join()
  }

  journey.before(async () => {
    opened = await open()
    const { environment } = opened
    server = await site.start({
      environment: { SANDBOX_PENDING_SECONDS: '1', RATE_CUSTOMER: '0', ...environment },
    })
    for (const [productId, price, units] of [
      ['phone', 999.99, 5],
      ['case', 25, 50],
    ] as const) {
      const body = { productId, title: `The ${productId}`, price, currency: 'USD', category: 'Phones > All' }
      await expect(201, 'POST', '/v1/products', { as: adminKey, body })
      const stock = { set: units, reason: 'delivery' }
      await expect(200, 'POST', `/v1/products/${productId}/stock/adjustments`, { as: adminKey, body: stock })
    }
    const register = async (name: string) => {
      const body = { name, email: `${name.toLowerCase()}@example.com`, password: PASSWORD }
      const { accessToken } = await expect(201, 'POST', '/v1/auth/register', { body })
      return accessToken as string
    }
    ann = await register('Ann')
    bob = await register('Bob')
  })

  journey('begins with looking, which needs nobody to be known', async () => {
    const page = await expect(200, 'GET', '/v1/products/phone')
    assert.equal([page.price, page.currency, page.availableQty], [999.99, 'USD', 5])
    assert.equal([page.rating, page.reviewCount].map(Number), [0, 0])
    await refuse('unknown-product', 'GET', '/v1/products/none')
    await refuse('unauthenticated', 'GET', '/v1/cart')
    await refuse('forbidden', 'GET', '/v1/cart', { as: adminKey })
  })

  journey('fills a cart that shows what it costs now and what cannot be bought', async () => {
    assert.equal(await expect(200, 'GET', '/v1/cart', { as: ann }), { items: [], totalAmount: 0 })
    await refuse('validation-failed', 'POST', '/v1/cart/add', {
      as: ann,
      body: { productId: 'phone', quantity: 0 },
    })
    const priced = { productId: 'phone', quantity: 1, price: 1 }
    await refuse('validation-failed', 'POST', '/v1/cart/add', { as: ann, body: priced })
    await refuse('unknown-product', 'POST', '/v1/cart/add', {
      as: ann,
      body: { productId: 'none', quantity: 1 },
    })
    await refuse('not-in-cart', 'PUT', '/v1/cart/update', {
      as: ann,
      body: { productId: 'case', quantity: 1 },
    })
    await expect(200, 'POST', '/v1/cart/add', { as: ann, body: { productId: 'phone', quantity: 9 } })
    const cart = await expect(200, 'POST', '/v1/cart/add', {
      as: ann,
      body: { productId: 'case', quantity: 2 },
    })
    assert.is(cart.totalAmount, 9_049.91)
    const [phone] = (cart.items as Body[]).filter(({ productId }) => productId === 'phone')
    assert.equal([phone?.available, phone?.problem], [5, 'insufficient-stock'])
    const short = await refuse('out-of-stock', 'POST', '/v1/checkout', {
      as: ann,
      body: { cartId: cart.cartId },
    })
    assert.equal(
      (short.items as Body[]).find(({ productId }) => productId === 'phone'),
      { productId: 'phone', requested: 9, available: 5 },
    )
    assert.is(await stockOf('case'), '50,0,0', 'all or nothing')
    await expect(200, 'PUT', '/v1/cart/update', { as: ann, body: { productId: 'phone', quantity: 1 } })
    const left = await expect(200, 'DELETE', '/v1/cart/remove?productId=case', { as: ann })
    assert.is(left.totalAmount, 999.99)
    await refuse('unknown-cart', 'POST', '/v1/checkout', { as: bob, body: { cartId: cart.cartId } })
  })

  journey('is charged once, for what was shown, and has an invoice and a letter', async () => {
    const address = { name: 'Ann', line1: '1 <High> Street', city: 'Leeds', postalCode: 'LS1', country: 'GB' }
    const { id: addressId } = await expect(201, 'POST', '/v1/me/addresses', { as: ann, body: address })
    await expect(201, 'POST', '/v1/discounts', {
      as: adminKey,
      body: { code: 'TEN', percent: 10, maxUses: 1 },
    })
    const { cartId } = await expect(200, 'GET', '/v1/cart', { as: ann })
    const body = { cartId, addressId, discountCode: 'ten', expectedTotal: 1 }
    const stale = await refuse('price-changed', 'POST', '/v1/checkout', { as: ann, body })
    assert.equal([stale.totalAmount, stale.currency], [899.99, 'USD'])
    const right = { ...body, expectedTotal: 899.99 }
    const made = await expect(201, 'POST', '/v1/checkout', { as: ann, body: right, key: 'once' })
    assert.equal([made.subtotal, made.discount, made.totalAmount], [999.99, 100, 899.99])
    assert.equal(await expect(201, 'POST', '/v1/checkout', { as: ann, body: right, key: 'once' }), made)
    await refuse('idempotency-mismatch', 'POST', '/v1/checkout', { as: ann, body, key: 'once' })
    assert.is(await stockOf('phone'), '5,1,0')

    const { orderId, totalAmount } = made
    await refuse('unknown-order', 'GET', `/v1/orders/${orderId}`, { as: bob })
    const wrong = { orderId, paymentMethod: 'card', amount: 1, cardDetails: CARD }
    await refuse('amount-mismatch', 'POST', '/v1/payment', { as: ann, body: wrong })
    const bare = { orderId, paymentMethod: 'card', amount: totalAmount }
    await refuse('validation-failed', 'POST', '/v1/payment', { as: ann, body: bare })
    const declined = await pay(ann, made, { cardDetails: { ...CARD, number: '4000 0000 0000 0002' } })
    assert.equal(
      [declined.body.status, declined.body.reason, declined.body.orderStatus],
      ['failed', 'declined', 'pending_payment'],
    )
    assert.is(await stockOf('phone'), '5,1,0', 'the hold lives for another try')
    const tries = await Promise.all([1, 2, 3].map(() => pay(ann, made, { cardDetails: CARD })))
    assert.ok(tries.every(({ status }) => status === 200))
    assert.is(await statusOf(orderId), 'confirmed')
    assert.is(await stockOf('phone'), '4,0,1')
    assert.equal((await expect(200, 'GET', '/v1/cart', { as: ann })).items, [])

    const invoice = await call('GET', `/v1/orders/${orderId}/invoice`, { as: ann })
    const text = String(invoice.body.text)
    assert.match(text, 'Invoice 1')
    assert.match(text, '899.99 USD')
    assert.match(text, '1 &lt;High&gt; Street')
    assert.is(invoice.headers['cache-control'], 'no-store')
    await server.until(
      async () => lettersTo(site, 'Invoice|confirmed').length > 0,
      'a letter says that it is confirmed',
    )
  })

  journey('is of nobody else’s business, and looks the same as if it were not there', async () => {
    const { orders } = await expect(200, 'GET', '/v1/orders', { as: ann })
    const [{ orderId } = {}] = orders as Body[]
    for (const path of ['', '/status', '/invoice', '/refunds', '/stream']) {
      const theirs = await refuse('unknown-order', 'GET', `/v1/orders/${orderId}${path}`, { as: bob })
      const none = await refuse('unknown-order', 'GET', `/v1/orders/ord_01K5ZC4N8XQ2M7V3H9R6T1B0DW${path}`, {
        as: bob,
      })
      assert.is(theirs.detail, none.detail)
    }
    await refuse('unknown-order', 'POST', `/v1/orders/${orderId}/cancel`, { as: bob })
    assert.equal((await expect(200, 'GET', '/v1/orders', { as: bob })).orders, [])
    await refuse('validation-failed', 'GET', '/v1/orders?customerId=usr_x', { as: bob })
    for (const path of ['fulfilment', 'refunds', 'returns'])
      await refuse('forbidden', 'POST', `/v1/orders/${orderId}/${path}`, { as: ann, body: {} })
    assert.ok(((await expect(200, 'GET', '/v1/orders', { as: adminKey })).orders as Body[]).length > 0)
  })

  journey('is followed to the door, reviewed, and can come back', async () => {
    const { orders } = await expect(200, 'GET', '/v1/orders', { as: ann })
    const [{ orderId } = {}] = orders as Body[]
    const fulfilment = `/v1/orders/${orderId}/fulfilment`
    await refuse('order-state', 'POST', fulfilment, { as: adminKey, body: { status: 'delivered' } })
    const shipment = {
      status: 'shipped',
      trackingNumber: 'T1',
      carrier: 'Post',
      estimatedDelivery: '2026-12-04',
    }
    await expect(200, 'POST', fulfilment, { as: adminKey, body: shipment })
    const on = await expect(200, 'GET', `/v1/orders/${orderId}/status`, { as: ann })
    assert.equal([on.status, on.trackingNumber, on.estimatedDelivery], ['shipped', 'T1', '2026-12-04'])
    await refuse('order-state', 'POST', `/v1/orders/${orderId}/cancel`, { as: ann })
    await expect(200, 'POST', fulfilment, { as: adminKey, body: { status: 'delivered' } })

    const review = { rating: 4, text: 'Good.' }
    await refuse('not-a-buyer', 'POST', '/v1/products/phone/reviews', { as: bob, body: review })
    await expect(201, 'POST', '/v1/products/phone/reviews', { as: ann, body: review })
    await refuse('already-reviewed', 'POST', '/v1/products/phone/reviews', { as: ann, body: review })
    const page = await expect(200, 'GET', '/v1/products/phone')
    assert.equal([page.rating, page.reviewCount, page.availableQty], [4, 1, 4])

    const tooMany = { items: [{ productId: 'phone', quantity: 2 }], reason: 'scratched' }
    await refuse('exceeds-confirmed', 'POST', `/v1/orders/${orderId}/returns`, {
      as: adminKey,
      body: tooMany,
    })
    await expect(200, 'POST', `/v1/orders/${orderId}/returns`, {
      as: adminKey,
      body: { reason: 'scratched' },
    })
    await server.until(async () => (await statusOf(orderId)) === 'refunded', 'the money is back')
    assert.is(await stockOf('phone'), '5,0,0')
    const { history } = await expect(200, 'GET', `/v1/orders/${orderId}`, { as: adminKey })
    const types = (history as Body[]).map(({ type }) => type)
    assert.equal(types.slice(0, 3), ['created', 'payment-failed', 'confirmed'])
    assert.is('history' in (await expect(200, 'GET', `/v1/orders/${orderId}`, { as: ann })), false)
    const { refunds } = await expect(200, 'GET', `/v1/orders/${orderId}/refunds`, { as: ann })
    assert.equal(
      (refunds as Body[]).map(({ amount, status }) => [amount, status]),
      [[899.99, 'succeeded']],
    )
    const again = { amount: 1, reason: 'kindness' }
    await refuse('exceeds-captured', 'POST', `/v1/orders/${orderId}/refunds`, { as: adminKey, body: again })
  })

  journey('by UPI waits for the bank, and is told as it happens', async () => {
    const made = await order(ann, 'phone')
    const pending = await pay(ann, made, { paymentMethod: 'upi' })
    assert.equal([pending.body.status, pending.body.orderStatus], ['pending', 'pending_payment'])
    await server.until(async () => (await statusOf(made.orderId)) === 'confirmed', 'the webhook came')
    const failing = await order(bob, 'phone')
    await pay(bob, failing, { paymentMethod: 'upi', paymentToken: 'failure@upi' })
    await server.until(async () => {
      const again = await pay(bob, failing, { paymentMethod: 'upi', paymentToken: 'failure@upi' })
      return again.body.status === 'failed' || again.body.status === 'pending'
    }, 'another try can be made')
    assert.is(await statusOf(failing.orderId, bob), 'pending_payment')
    const cancelled = await expect(200, 'POST', `/v1/orders/${failing.orderId}/cancel`, { as: bob })
    assert.is(cancelled.status, 'cancelled')
    assert.is(await stockOf('phone'), '4,0,1')
  })

  journey('on delivery is paid at the door', async () => {
    // What was called off is in the cart still.
    await expect(200, 'DELETE', '/v1/cart/remove?productId=phone', { as: bob })
    const made = await order(bob, 'case', 3)
    const paid = await pay(bob, made, { paymentMethod: 'cod', paymentToken: undefined })
    assert.equal([paid.body.status, paid.body.orderStatus], ['success', 'confirmed'])
    const { orderId } = made
    assert.is((await expect(200, 'GET', `/v1/orders/${orderId}`, { as: bob })).paid, 0)
    for (const status of ['shipped', 'delivered'])
      await expect(200, 'POST', `/v1/orders/${orderId}/fulfilment`, { as: adminKey, body: { status } })
    assert.is((await expect(200, 'GET', `/v1/orders/${orderId}`, { as: bob })).paid, 75)
  })

  journey('that is called off gives units and money back, and its coupon too', async () => {
    const { usesLeft } = await expect(200, 'GET', '/v1/discounts/TEN', { as: adminKey })
    assert.is(usesLeft, 0, 'the one use was bought with')
    const made = await order(bob, 'phone', 2)
    await pay(bob, made)
    const { orderId } = made
    const cancel = `/v1/orders/${orderId}/cancel`
    const first = await expect(200, 'POST', cancel, { as: bob, body: { reason: 'no need' }, key: 'off' })
    assert.is(first.status, 'cancelled')
    assert.equal(
      await expect(200, 'POST', cancel, { as: bob, body: { reason: 'no need' }, key: 'off' }),
      first,
    )
    await server.until(async () => (await statusOf(orderId, bob)) === 'refunded', 'the money is back')
    assert.is(await stockOf('phone'), '4,0,1')
  })

  journey('with a reservation goes on with it, and it is the order’s from then on', async () => {
    const reserve = { items: [{ productId: 'phone', quantity: 1 }] }
    const { reservationId } = await expect(201, 'POST', '/v1/reservations', { as: ann, body: reserve })
    await refuse('unknown-reservation', 'POST', '/v1/checkout', { as: bob, body: { reservationId } })
    const made = await expect(201, 'POST', '/v1/checkout', { as: ann, body: { reservationId } })
    assert.is(await stockOf('phone'), '4,1,1', 'adopted, not repeated')
    for (const as of [ann, adminKey]) {
      const owned = await refuse('owned-by-order', 'POST', `/v1/reservations/${reservationId}/release`, {
        as,
      })
      assert.is(owned.orderId, made.orderId)
    }
    await expect(200, 'POST', `/v1/orders/${made.orderId}/cancel`, { as: ann })
    await refuse('order-state', 'POST', '/v1/payment', {
      as: ann,
      body: { orderId: made.orderId, paymentMethod: 'cod', amount: made.totalAmount },
    })
  })

  journey('is not for forgers', async () => {
    const body = { id: 'evt_1', createdAtMs: 1, type: 'charge.succeeded', data: {} }
    await refuse('forged-webhook', 'POST', '/v1/payments/webhooks/sandbox', { body })
    await refuse('unknown-provider', 'POST', '/v1/payments/webhooks/stripe', { body })
  })

  journey('leaves no number of a card, no password and no token in any file or line', async () => {
    await server.stop()
    const written = [server.output, ...filesIn(site.directory)].join('\n')
    for (const secret of ['4242424242424242', '4242 4242', '4000000000000002', PASSWORD, ann, bob])
      assert.not(written.includes(secret), secret.slice(0, 12))
  })

  journey.after(async () => {
    await site[Symbol.asyncDispose]()
    await opened?.close()
  })
  journey.run()
}

function lettersTo(site: Site, pattern: string): readonly string[] {
  const directory = join(site.directory, 'mail')
  if (!existsSync(directory)) return []
  const letters = readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8'))
  return letters.filter((letter) => new RegExp(`^Subject:.*(?:${pattern})`, 'im').test(letter))
}

/** As bytes, one a character, so that nothing hides in what is no text. */
function filesIn(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
}
