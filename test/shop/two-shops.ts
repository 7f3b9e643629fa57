/**
 * Two nodes' shops over the same engine, the same sandbox and one real PostgreSQL. Time of the engine stands still until the
 * test lets it pass; PostgreSQL's is real.
 */
import { pino } from 'pino'
import { SplitCoordinator } from '../../src/actors/split-coordinator.ts'
import type { CustomerId, ProductId } from '../../src/domain/ids.ts'
import type { Order } from '../../src/persistence/tables/orders/order-rows.ts'
import { checkOut } from '../../src/shop/checkout/check-out.ts'
import { Sweeper } from '../../src/shop/orders/sweeper.ts'
import { hearGateway } from '../../src/shop/payments/hear-gateway.ts'
import { type Payment, payOrder } from '../../src/shop/payments/pay-order.ts'
import { SandboxCourier } from '../../src/shop/payments/sandbox-courier.ts'
import { SandboxGateway } from '../../src/shop/payments/sandbox-gateway.ts'
import type { ShopParts } from '../../src/shop/shop-parts.ts'
import { fields } from '../persistence/tables/catalog/products.ts'
import { InProcessEngine } from '../support/in-process-engine.ts'
import type { PostgresServerProcess } from '../support/postgres-server.ts'
import { PostgresNode } from '../support/postgres-tables.ts'
import { askOf, DELAYS, paymentOf } from './shop-world.ts'

const STEP_MS = 5
const PATIENCE_STEPS = 20_000

export class TwoShops {
  readonly engine: InProcessEngine
  readonly shops: readonly [ShopParts, ShopParts]
  readonly nodes: readonly [PostgresNode, PostgresNode]
  readonly errors: string[] = []
  readonly #postgres: PostgresServerProcess
  readonly #database: string
  readonly #desks: readonly { readonly sweeper: Sweeper; readonly courier: SandboxCourier }[]

  private constructor(
    engine: InProcessEngine,
    nodes: readonly [PostgresNode, PostgresNode],
    place: { readonly postgres: PostgresServerProcess; readonly database: string },
  ) {
    this.engine = engine
    this.nodes = nodes
    this.#postgres = place.postgres
    this.#database = place.database
    const log = pino({ level: 'error' }, { write: (line: string) => void this.errors.push(line) })
    const { timers } = engine
    const { clock } = timers
    const shopAt = (node: PostgresNode): ShopParts => ({
      engine: engine.engine,
      splits: new SplitCoordinator(engine.engine, { clock, timers: timers.session(), shards: 4 }),
      tables: node,
      gateway: new SandboxGateway({ tables: node, clock, delays: DELAYS }),
      clock,
      chargeTimeoutMs: 10_000,
      log,
    })
    this.shops = [shopAt(nodes[0]), shopAt(nodes[1])]
    this.#desks = this.shops.map((parts, index) => ({
      sweeper: new Sweeper({ ...parts, timers: timers.session(), log, isOneOfSeveral: true }),
      courier: new SandboxCourier({
        tables: parts.tables,
        clock,
        timers: timers.session(),
        delays: DELAYS,
        // Balanced as anything else is: the other one hears it.
        post: async ({ body, headers }) => {
          const all = new Headers(headers)
          const heard = { raw: Buffer.from(body), headers: { get: (name: string) => all.get(name) } }
          await hearGateway(this.shops[1 - index] as ShopParts, heard)
          return { isReceived: true }
        },
        onTrouble: (error) => void this.errors.push(String(error)),
      }),
    }))
  }

  static async start(postgres: PostgresServerProcess): Promise<TwoShops> {
    const engine = await new InProcessEngine({ shards: 4, workers: 1 }).start()
    const target = await postgres.newTarget()
    const { clock } = engine.timers
    const nodes = [
      await PostgresNode.start(target, { clock }),
      await PostgresNode.start(target, { clock }),
    ] as const
    return new TwoShops(engine, nodes, { postgres, database: target.database })
  }

  async sell(productId: ProductId, priceMinor: number, units: number): Promise<void> {
    await this.nodes[0].write('catalog.create', { productId, fields: fields({ priceMinor }) })
    const change = { set: units, expectedVersion: undefined }
    await this.engine.ask({ type: 'adjust', productId, change, reason: 'delivery', reference: undefined })
  }

  /** Waits for it: time passes in the engine, a little at a time, and PostgreSQL is given its own. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    let isDone = false
    const done = () => {
      isDone = true
    }
    promise.then(done, done)
    for (let step = 0; !isDone; step++) {
      if (step > PATIENCE_STEPS) throw new Error('nothing has come of it')
      await this.engine.advance(STEP_MS)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    return await promise
  }

  /** An order of one piece, made and paid for at this shop; undefined where there was none left. */
  async buy(
    shop: ShopParts,
    customerId: CustomerId,
    { productId, ...payment }: Partial<Payment> & { readonly productId: ProductId },
  ): Promise<Order | undefined> {
    const line = { customerId, productId, quantity: 1, quantityMax: 9 }
    const cart = await shop.tables.write('cart.add', line)
    if (cart.type !== 'cart') throw new Error(cart.reason)
    const made = await checkOut(shop, askOf(customerId, cart.cartId))
    if (made.type === 'refused') return undefined
    await payOrder(shop, paymentOf(made.order, payment))
    return made.order
  }

  /** Both desks at work at the same time, until neither has anything left to do. */
  async finish(): Promise<void> {
    for (let round = 0; round < 400; round++) {
      const work = this.#desks.flatMap(({ sweeper, courier }) => [sweeper.sweep(), courier.tick()])
      await this.wait(Promise.all(work))
      const [next] = await this.ask(
        `SELECT min(ms) AS ms FROM (SELECT look_at_ms AS ms FROM orders UNION ALL SELECT settles_at_ms FROM sandbox_charges
           UNION ALL SELECT settles_at_ms FROM sandbox_refunds UNION ALL SELECT due_at_ms FROM sandbox_webhooks) AS all_of_them`,
      )
      if (next?.ms === null) return
      await this.engine.advance(Math.max(STEP_MS, Number(next?.ms) - this.engine.timers.clock.wallMs()))
    }
    throw new Error('something is still left to do')
  }

  ask(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return this.#postgres.ask(this.#database, sql)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.close()))
    await this.engine.shutDown()
  }
}
