/** FAULTS.md, 80: a real shop on a fake Stripe, its customers, its backup, and who runs it. */
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { FakeStripe } from '../shop/payments/fake-stripe.ts'
import { type CommandEnded, command } from './commands.ts'
import { adminKey, type ServerProcess, Site } from './server-process.ts'

const ELSEWHERE = join(import.meta.dirname, 'fixtures/stripe-elsewhere.ts')
export const PRICE_MINOR = 999
const PRICE = 9.99

export type Order = { readonly orderId: string; readonly token: string }

/** A shop on a fake Stripe, and what its customers do. */
export class RestoreDrill {
  readonly stripe: FakeStripe
  readonly site = new Site()
  readonly backup = `${this.site.directory}-backup`
  server: ServerProcess | undefined

  private constructor(stripe: FakeStripe) {
    this.stripe = stripe
  }

  static async begin(): Promise<RestoreDrill> {
    return new RestoreDrill(await FakeStripe.start(() => Date.now()))
  }

  async start(): Promise<ServerProcess> {
    this.server = await startOn(this.site, this.stripe)
    return this.server
  }

  get #running(): ServerProcess {
    assert.ok(this.server !== undefined)
    return this.server
  }

  async stock(units: number): Promise<void> {
    const product = { productId: 'phone', title: 'The phone', price: PRICE, currency: 'USD' }
    assert.is((await this.#running.request('POST', '/v1/products', product)).status, 201)
    const stock = { set: units, reason: 'delivery' }
    await this.#running.request('POST', '/v1/products/phone/stock/adjustments', stock)
  }

  async checkOut(name: string): Promise<Order> {
    const account = { name, email: `${name}@example.com`, password: 'seven herons at dawn' }
    const { body } = await this.#running.request('POST', '/v1/auth/register', account)
    const token = body.accessToken as string
    const line = { productId: 'phone', quantity: 1 }
    const { cartId } = (await this.#running.request('POST', '/v1/cart/add', line, { token })).body
    const made = await this.#running.request('POST', '/v1/checkout', { cartId }, { token })
    assert.is(made.status, 201, JSON.stringify(made.body))
    return { orderId: made.body.orderId as string, token }
  }

  async pay({ orderId, token }: Order): Promise<void> {
    const body = { orderId, paymentMethod: 'card', amount: PRICE, paymentToken: 'pm_card_visa' }
    const paid = await this.#running.request('POST', '/v1/payment', body, { token })
    assert.equal([paid.status, paid.body.status], [200, 'success'], JSON.stringify(paid.body))
  }

  async buy(name: string): Promise<Order> {
    const order = await this.checkOut(name)
    await this.pay(order)
    return order
  }

  /** What Stripe has of a shop's payments and has not given back. */
  kept(orderId: string): number {
    return this.stripe.intents
      .filter(({ metadata }) => metadata.orderId === orderId)
      .reduce((sum, { amount_received: taken, latest_charge: charge }) => {
        return sum + taken - (charge?.amount_refunded ?? 0)
      }, 0)
  }

  paymentOf({ orderId }: Order): string {
    const found = this.stripe.intents.find(({ metadata }) => metadata.orderId === orderId)
    assert.ok(found !== undefined)
    return found.id
  }

  async statusOf({ orderId }: Order): Promise<unknown> {
    return (await this.#running.request('GET', `/v1/orders/${orderId}`)).body.status
  }

  async undecided(): Promise<unknown> {
    return (await this.#running.request('GET', '/v1/reconciliation')).body.undecided
  }

  async hasCompared(): Promise<boolean> {
    const { restoration } = (await this.#running.request('GET', '/v1/reconciliation')).body
    return (restoration as Record<string, unknown>).comparedAt !== undefined
  }

  reconcile(...args: readonly string[]): Promise<CommandEnded> {
    const { port } = this.#running
    return command('reconcile', args, { ADMIN_KEY: adminKey, HOLDFAST_URL: `http://127.0.0.1:${port}` })
  }

  async end(): Promise<void> {
    await this.site[Symbol.asyncDispose]()
    await this.stripe.close()
  }
}

function startOn(site: Site, { port }: FakeStripe): Promise<ServerProcess> {
  const environment = {
    PAYMENT_GATEWAY: 'stripe',
    STRIPE_SECRET_KEY: 'sk_test_51HoldfastHoldfastHoldfast',
    STRIPE_WEBHOOK_SECRET: 'whsec_holdfastholdfastholdfast',
    TEST_STRIPE_PORT: String(port),
    RATE_REGISTRATION: '0',
  }
  return site.start({ environment, nodeArguments: ['--import', ELSEWHERE] })
}

export async function reserve(server: ServerProcess): Promise<readonly unknown[]> {
  const body = { customerId: 'usr_walk_in', items: [{ productId: 'phone', quantity: 1 }] }
  const answer = await server.request('POST', '/v1/reservations', body)
  return answer.status === 201 ? [201] : [answer.status, answer.body.code]
}
