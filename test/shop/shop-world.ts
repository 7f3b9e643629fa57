/**
 * The shop over real shards, real tables and the sandbox, in one thread, with time that stands still. Any call that the shop
 * makes of another part can be the last one of its process: before it takes effect, or after and without its reply.
 */
import Database from 'better-sqlite3'
import { pino } from 'pino'
import { SplitCoordinator } from '../../src/actors/split-coordinator.ts'
import type { CustomerId, ProductId } from '../../src/domain/ids.ts'
import { decimalOf } from '../../src/domain/money.ts'
import { migrate } from '../../src/persistence/tables/migrations.ts'
import type { Order } from '../../src/persistence/tables/orders/order-rows.ts'
import { schema } from '../../src/persistence/tables/schema.ts'
import { TablesClient } from '../../src/persistence/tables/tables-client.ts'
import type { FromTables, ToTables } from '../../src/persistence/tables/tables-protocol.ts'
import { TablesServer } from '../../src/persistence/tables/tables-server.ts'
import { type Random, realRandom, type Timers } from '../../src/seams.ts'
import { type CheckoutAsk, checkOut } from '../../src/shop/checkout/check-out.ts'
import { Sweeper } from '../../src/shop/orders/sweeper.ts'
import type { Gateway } from '../../src/shop/payments/gateway.ts'
import { hearGateway } from '../../src/shop/payments/hear-gateway.ts'
import { type Payment, payOrder } from '../../src/shop/payments/pay-order.ts'
import { SandboxCourier, type SandboxPost } from '../../src/shop/payments/sandbox-courier.ts'
import { SandboxGateway } from '../../src/shop/payments/sandbox-gateway.ts'
import type { ShopParts } from '../../src/shop/shop-parts.ts'
import { InProcessEngine } from '../support/in-process-engine.ts'
import { Wire } from '../support/wire.ts'

export const ANN = 'usr_ann' as CustomerId
export const BOB = 'usr_bob' as CustomerId
/** In different shards, as their ids happen to fall. */
export const PHONE = 'phone' as ProductId
export const CASE = 'case' as ProductId

export type Post = SandboxPost

/** The process is over: nothing of it goes on. */
export class Killed extends Error {
  override readonly name = 'Killed'
}

export type Kill = { readonly call: number; readonly when: 'before' | 'after' }

export const DELAYS = { shortMs: 3_000, longMs: 900_000 }
const PATIENCE_MS = 60_000
const STEP_MS = 50
/** More than any order takes, whatever befalls it. */
const ROUNDS_MAX = 400

export class ShopWorld {
  readonly engine: InProcessEngine
  readonly database = new Database(':memory:')
  readonly tables: TablesClient
  /** The sandbox, unless a test pays elsewhere. */
  gateway: Gateway
  /** What the sandbox posted, and whether the shop hears it at once. */
  readonly posts: Post[] = []
  hears = true
  /** How long a call of another part takes, before it gets there and again before its reply does. */
  lagMs: (call: string) => number = () => 0
  readonly errors: string[] = []
  readonly #log = pino({ level: 'error' }, { write: (line: string) => void this.errors.push(line) })
  readonly #server: TablesServer
  /** Names of the calls that the shop has made of other parts. */
  readonly calls: string[] = []
  #kill: Kill | undefined
  readonly #timers: Timers
  #isDead = false

  private constructor(engine: InProcessEngine, random: Random) {
    this.engine = engine
    const { timers } = engine
    const { clock } = timers
    this.#timers = timers.session()
    migrate(this.database, schema, clock.wallMs())
    this.#server = new TablesServer(this.database, {
      clock,
      timers: timers.session(),
      random,
    })
    this.tables = new TablesClient({ timers: timers.session(), onNotice: () => {} })
    const wire = new Wire<ToTables, FromTables>()
    this.#server.connect(wire.far)
    this.tables.connect(wire.near)
    this.gateway = new SandboxGateway({ tables: this.tables, clock, delays: DELAYS })
  }

  /** Where chance is given, everything that happens is the same in every run. */
  static async start(chance?: Random): Promise<ShopWorld> {
    const fraction = chance === undefined ? {} : { fraction: () => chance.fraction() }
    const engine = await new InProcessEngine({ shards: 4, workers: 1, ...fraction }).start()
    return new ShopWorld(engine, chance ?? realRandom())
  }

  /** A product with its stock. */
  async sell(productId: ProductId, priceMinor: number, units: number): Promise<void> {
    const nowMs = this.engine.timers.clock.wallMs()
    this.database
      .prepare(
        `INSERT INTO products (id, title, description, price_minor, currency, images, specifications, version,
           created_at_ms, updated_at_ms) VALUES (?, ?, '', ?, 'USD', '[]', '{}', 1, ?, ?)`,
      )
      .run(productId, `The ${productId}`, priceMinor, nowMs, nowMs)
    const change = { set: units, expectedVersion: undefined }
    await this.engine.ask({ type: 'adjust', productId, change, reason: 'delivery', reference: undefined })
  }

  /** The shop of a process that lives until its n-th call of another part. */
  parts(kill?: Kill): ShopParts {
    this.#kill = kill
    this.#isDead = false
    this.calls.length = 0
    const { timers, engine } = this.engine
    const { clock } = timers
    const splits = new SplitCoordinator(engine, { clock, timers: timers.session(), shards: 4 })
    const { tables, gateway } = this
    return {
      engine: {
        newReservationId: (productId) => engine.newReservationId(productId),
        execute: (request) => this.#call(request.type, () => engine.execute(request)),
      },
      splits: {
        reserve: (ask) => this.#call('reserveSeveral', () => splits.reserve(ask)),
        change: (request) => this.#call(request.type, () => splits.change(request)),
      },
      tables: {
        read: (name, args) => this.#call(name, () => tables.read(name, args)),
        write: (name, args, key) => this.#call(name, () => tables.write(name, args, key)),
      },
      gateway: {
        name: gateway.name,
        methods: gateway.methods,
        takesCardDetails: true,
        charge: (request) => this.#call('charge', () => gateway.charge(request)),
        find: (key, hint) => this.#call('find', () => gateway.find(key, hint)),
        refund: (request) => this.#call('refund', () => gateway.refund(request)),
        findRefund: (key, hint) => this.#call('findRefund', () => gateway.findRefund(key, hint)),
        listPayments: (query) => this.#call('listPayments', () => gateway.listPayments(query)),
        listRefunds: (query) => this.#call('listRefunds', () => gateway.listRefunds(query)),
        readWebhook: (raw, headers) => gateway.readWebhook(raw, headers),
      },
      clock,
      chargeTimeoutMs: 10_000,
      log: this.#log,
    }
  }

  async #call<T>(name: string, make: () => Promise<T>): Promise<T> {
    if (this.#isDead) throw new Killed(name)
    const call = this.calls.push(name)
    const dies = this.#kill?.call === call
    if (dies && this.#kill?.when === 'before') this.#die(name)
    await this.#lag(name)
    const reply = await make()
    await this.#lag(name)
    if (dies) this.#die(name)
    return reply
  }

  async #lag(name: string): Promise<void> {
    const ms = this.lagMs(name)
    if (ms > 0) await new Promise<void>((resolve) => void this.#timers.after(ms, resolve))
  }

  #die(name: string): never {
    this.#isDead = true
    throw new Killed(name)
  }

  /** Waits for it, letting as much time pass as it takes. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    let isDone = false
    const done = () => {
      isDone = true
    }
    promise.then(done, done)
    await this.engine.settle()
    for (let waited = 0; !isDone && waited < PATIENCE_MS; waited += STEP_MS)
      await this.engine.advance(STEP_MS)
    if (!isDone) throw new Error(`nothing came of it within ${PATIENCE_MS} ms`)
    return await promise
  }

  /** As `wait`, where the process may die of it. */
  async try<T>(promise: Promise<T>): Promise<T | undefined> {
    try {
      return await this.wait(promise)
    } catch (error) {
      if (error instanceof Killed) return undefined
      throw error
    }
  }

  async fillCart(customerId: CustomerId, lines: Readonly<Record<string, number>>): Promise<string> {
    let cartId = ''
    for (const [productId, quantity] of Object.entries(lines)) {
      const args = { customerId, productId: productId as ProductId, quantity, quantityMax: 1_000 }
      const cart = await this.wait(this.tables.write('cart.add', args))
      if (cart.type === 'cart') cartId = cart.cartId
    }
    return cartId
  }

  /** Checks a customer's cart out. */
  async checkOut(customerId: CustomerId, ask: Partial<CheckoutAsk> = {}, parts = this.parts()) {
    const cart = await this.wait(this.tables.read('cart.read', { customerId }))
    return await this.wait(checkOut(parts, askOf(customerId, cart?.cartId ?? 'cart_none', ask)))
  }

  /** An order of a full cart. */
  async order(customerId: CustomerId, lines: Readonly<Record<string, number>>): Promise<Order> {
    await this.fillCart(customerId, lines)
    const made = await this.checkOut(customerId)
    if (made.type === 'refused') throw new Error(`no order was made: ${made.reason}`)
    return made.order
  }

  async pay(order: Order, payment: Partial<Payment> = {}, parts = this.parts()) {
    return await this.wait(payOrder(parts, paymentOf(order, payment)))
  }

  find(orderId: string): Promise<Order> {
    return this.wait(this.tables.read('orders.find', { orderId })) as Promise<Order>
  }

  async stockOf(productId: ProductId) {
    const stock = await this.wait(this.engine.engine.execute({ type: 'readStock', productId }))
    if (stock.type === 'refused') throw new Error(`no stock of ${productId}`)
    return stock
  }

  /** Lets time pass, with a desk at work. Webhooks are carried to the shop unless it does not hear. */
  async pass(ms: number): Promise<void> {
    const { sweeper, courier } = this.#desk()
    sweeper.start()
    courier.start()
    await this.engine.advance(ms)
    courier.stop()
    await this.wait(sweeper.stop())
  }

  /** Lets a desk work until nothing is left to do, however long that takes. It may die of it, and is then replaced. */
  async finish(kill?: Kill): Promise<void> {
    let { sweeper, courier } = this.#desk(kill)
    for (let round = 0; round < ROUNDS_MAX; round++) {
      await this.wait(sweeper.sweep())
      await this.wait(courier.tick().catch(() => 0))
      if (this.#isDead) ({ sweeper, courier } = this.#desk())
      const nextMs = this.nextMs()
      if (nextMs === undefined) return
      const nowMs = this.engine.timers.clock.wallMs()
      await this.engine.advance(Math.max(STEP_MS, nextMs - nowMs))
    }
    throw new Error(`something is still left to do after ${ROUNDS_MAX} rounds`)
  }

  /** When the shop or the sandbox has something to do by itself. */
  nextMs(): number | undefined {
    const next = this.database
      .prepare<[], { readonly ms: number | null }>(
        `SELECT min(ms) AS ms FROM (SELECT look_at_ms AS ms FROM orders UNION ALL
           SELECT settles_at_ms FROM sandbox_charges UNION ALL SELECT settles_at_ms FROM sandbox_refunds)`,
      )
      .get()
    return next?.ms ?? undefined
  }

  #desk(kill?: Kill) {
    const parts = this.parts(kill)
    const { timers } = this.engine
    const sweeper = new Sweeper({ ...parts, timers: timers.session(), log: this.#log })
    const courier = new SandboxCourier({
      tables: this.tables,
      clock: timers.clock,
      timers: timers.session(),
      delays: DELAYS,
      post: async (post) => {
        this.posts.push(post)
        if (!this.hears) return { isReceived: false }
        await this.#hearWith(parts, post)
        return { isReceived: true }
      },
      onTrouble: (error) => void this.errors.push(String(error)),
    })
    return { sweeper, courier }
  }

  /** The shop is told what the sandbox says. */
  hear(post: Post, parts = this.parts()) {
    return this.#hearWith(parts, post)
  }

  #hearWith(parts: ShopParts, { body, headers }: Post) {
    const fields = new Headers(headers)
    return hearGateway(parts, { raw: Buffer.from(body), headers: { get: (name) => fields.get(name) } })
  }

  /** What the sandbox has really taken for an order and given back, by its own books. */
  books(orderId: string): {
    readonly captured: number
    readonly refunded: number
    readonly captures: number
  } {
    const charges = this.database
      .prepare<[string], { readonly key: string; readonly amount: number; readonly id: string }>(
        `SELECT key, amount_minor AS amount, transaction_id AS id FROM sandbox_charges
          WHERE order_id = ? AND status = 'succeeded'`,
      )
      .all(orderId)
    const refunded = charges.reduce((sum, { id }) => {
      const back = this.database
        .prepare<[string], { readonly sum: number | null }>(
          `SELECT sum(amount_minor) AS sum FROM sandbox_refunds WHERE transaction_id = ? AND status = 'succeeded'`,
        )
        .get(id)
      return sum + (back?.sum ?? 0)
    }, 0)
    return {
      captured: charges.reduce((sum, { amount }) => sum + amount, 0),
      refunded,
      captures: charges.length,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    await this.engine.shutDown()
  }
}

export function askOf(customerId: CustomerId, cartId: string, ask: Partial<CheckoutAsk> = {}): CheckoutAsk {
  return {
    customerId,
    source: { type: 'cart', cartId },
    address: undefined,
    discountCode: undefined,
    expectedTotal: undefined,
    key: undefined,
    ...ask,
  }
}

export function paymentOf(order: Order, payment: Partial<Payment> = {}): Payment {
  return {
    orderId: order.orderId,
    customerId: order.customerId,
    method: 'card',
    amount: decimalOf(order.totalMinor, order.currency),
    paymentToken: 'tok_visa',
    card: undefined,
    key: undefined,
    ...payment,
  }
}
