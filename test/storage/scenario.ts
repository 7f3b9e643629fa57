/**
 * One scenario that touches everything the journal does, the whole engine behind its HTTP app, run again and again with
 * another fault each time.
 *
 * Two workers: deliveries, a sale with a limit, reservations of one and of several products in all shards, under keys and
 * without, refusals, all their ends in whole and in part, a waitlist that is served and left, rolls of both journals,
 * snapshots while they are written, expiry, an orderly end. One worker: more of it, and a kill in the middle of things.
 * Three: a day in which what has ended is forgotten. It ends as a kill leaves it.
 */
import { productOf } from '../actors/asking.ts'
import { SHARDS } from '../simulation/simulated-machine.ts'
import type { MemoryDisk } from '../support/memory-disk.ts'
import type { Held, Line } from '../support/request-ledger.ts'
import { Execution } from './execute.ts'
import { Ledger } from './ledger.ts'

const SECOND = 1_000
const MINUTE = 60_000
const QUIET_MS = 20_000
const goods: readonly string[] = [0, 1, 2, 3, 4].map((shard) => productOf(shard, SHARDS))
const scarce: string = productOf(5, SHARDS)
const limited: string = productOf(6, SHARDS)
/** Behind a tag: so long that a few dozen events fill a segment. Trimming takes it away. */
const PADDING = '\u3000'
const REFERENCE_MAX = 128
/** A delivery that did not come is sent again. */
const DELIVERIES_MAX = 3
const LONG_TOGETHER = 5
const LONG_ROUNDS = 7

type Ask = { readonly customerId?: string; readonly isKeyed?: boolean; readonly isLong?: boolean }

export class Scenario {
  readonly execution: Execution
  readonly ledger = new Ledger()
  /** Called when all was asked, and the last process still runs. */
  beforeEnd: (() => void) | undefined

  constructor(disk?: MemoryDisk) {
    this.execution = new Execution(disk)
  }

  get disk(): MemoryDisk {
    return this.execution.disk
  }

  /** All of it, or up to where the execution is cut. */
  run(): Promise<void> {
    return this.execution.run(async () => {
      await this.#first()
      await this.#second()
      await this.#third()
      this.beforeEnd?.()
    })
  }

  /** Only the start of a process, with whatever is on the disk. */
  startOnly(): Promise<void> {
    return this.execution.run(() => this.execution.start(2))
  }

  /**
   * A start after all faults are over: it sells again, and after a quiet moment its shards owe each other nothing (I11).
   * Ends in order.
   */
  recovers(disk: MemoryDisk): Promise<void> {
    const { execution } = this
    execution.resume(disk)
    return execution.run(async () => {
      await execution.start(2)
      await this.#all(goods.map((good) => () => this.#deliver(good, 1)))
      const sold = await this.#all(goods.map((good) => () => this.#reserve([line(good, 1)])))
      if (sold.some((held) => held === undefined)) throw new Error('it does not sell again (I11)')
      await execution.advance(QUIET_MS)
      await execution.stop()
    })
  }

  async #first(): Promise<void> {
    const { execution } = this
    await execution.start(2)
    await this.#openShop()
    const single = await this.#all(goods.map((good) => () => this.#reserve([line(good, 2)])))
    const several = await this.#all([
      () => this.#reserve(lines(goods.slice(0, 3), 2), { isKeyed: true }),
      () => this.#reserve(lines(goods.slice(2, 5), 1)),
      () => this.#reserve(lines([goods[1], goods[4]], 3), { isKeyed: true }),
      () => this.#reserve(lines([goods[0], goods[1], goods[2], scarce], 5), { isKeyed: true }),
      () => this.#reserve([line(limited, 3)], { customerId: 'ann' }),
      () => this.#reserve([line(limited, 3)], { customerId: 'ann' }),
    ])
    await this.#all([
      () => this.#settle('confirm', single[0]),
      () => this.#settle('release', single[1], [1]),
      () => this.#deed('paying', single[2]),
      () => this.#deed('extend', single[3], { ttlSeconds: 900 }),
      () => this.#settle('confirm', several[0], [1, 2, 0], true),
      () => this.#deed('paying', several[1]),
      () => this.#settle('release', several[2]),
    ])
    await this.#all([
      () => this.#deed('return', single[0], { reason: 'too small' }),
      () => this.#deed('return', several[0], { reason: 'too large' }),
      () => this.#settle('confirm', several[1]),
      () => this.#show(goods[0] as string),
    ])
    await this.#repeat()
    await this.#standInLine()
    await this.#fill()
    await execution.advance(16 * MINUTE)
    await this.#all([() => this.#reserve([line(goods[0] as string, 1)]), () => this.#show(scarce)])
    await execution.stop()
  }

  async #second(): Promise<void> {
    const { execution } = this
    await execution.start(1)
    const [held, several] = await this.#all([
      () => this.#reserve([line(goods[0] as string, 1)], { isKeyed: true }),
      () => this.#reserve(lines(goods, 1), { isKeyed: true }),
    ])
    await this.#repeat()
    // It is killed with these under way.
    const left = [
      this.#settle('confirm', held),
      this.#settle('release', several, [1, 0, 1, 0, 0]),
      this.#reserve(lines(goods.slice(1, 3), 1), { isKeyed: true }),
      this.#deliver(goods[3] as string, 5),
    ]
    for (let turn = 0; turn < 3; turn++) await execution.machine.timers.step()
    execution.kill()
    await execution.answers(left)
  }

  async #third(): Promise<void> {
    const { execution } = this
    await execution.start(3)
    await this.#askAgain()
    await this.#repeat()
    const [several] = await this.#all([
      () => this.#reserve(lines(goods.slice(0, 4), 1)),
      ...goods.map((good) => () => this.#reserve([line(good, 1)], { isKeyed: true })),
    ])
    await this.#all([() => this.#settle('confirm', several)])
    for (let third = 0; third < 3; third++) await execution.sleep(9 * 60 * MINUTE)
    await this.#all([
      ...goods.map((good) => () => this.#show(good)),
      () => this.#reserve(lines(goods.slice(1, 4), 1), { isKeyed: true }),
      () => this.#reserve([line(limited, 1)], { customerId: 'bob' }),
    ])
    await this.#all([() => this.#deliver(limited, 2)])
  }

  async #openShop(): Promise<void> {
    const { execution, ledger } = this
    for (let times = 0; times < DELIVERIES_MAX; times++) {
      const deliveries = [...goods.map((good) => [good, 100] as const), [scarce, 3], [limited, 20]] as const
      const missing = deliveries.filter(([productId]) => !this.#isStocked(productId))
      await this.#all(
        missing.map(
          ([productId, delta]) =>
            () =>
              this.#deliver(productId, delta),
        ),
      )
      if (missing.length > 0) await execution.advance(SECOND)
    }
    const deed = `sale ${limited}`
    ledger.begin(deed)
    const body = { perCustomerLimit: 4, holdTtlSeconds: 300 }
    await execution.answers([
      execution
        .call(['PUT', `/v1/products/${limited}/sale`], { body })
        .then((outcome) => ledger.end(deed, outcome)),
    ])
  }

  /** Customers who wait for what is sold out, are served by what comes back, and one who goes away. */
  async #standInLine(): Promise<void> {
    const [first, second] = await this.#all([
      () => this.#reserve([line(scarce, 2)], { customerId: 'ann' }),
      () => this.#reserve([line(scarce, 1)], { customerId: 'bob' }),
    ])
    for (const [customerId, quantity] of [
      ['cem', 2],
      ['dora', 1],
      ['eve', 1],
    ] as const)
      await this.#all([() => this.#join(customerId, quantity)])
    await this.#all([() => this.#leave('dora')])
    await this.#all([() => this.#settle('release', second)])
    await this.#all([() => this.#settle('release', first)])
  }

  /** Long reservations, so that the journals roll, and roll again. */
  async #fill(): Promise<void> {
    for (let round = 0; round < LONG_ROUNDS; round++) {
      const asks = goods.map((good) => () => this.#reserve([line(good, 1)], { isLong: true }))
      const made = await this.#all(asks.slice(0, LONG_TOGETHER))
      if (round % 3 === 0) await this.#all(made.map((held) => () => this.#settle('confirm', held)))
    }
  }

  /** What was not answered is asked again under its key. */
  async #askAgain(): Promise<void> {
    for (const doubtful of this.ledger.requests.doubtful()) {
      if (doubtful.type !== 'reserve') continue
      await this.#all([() => this.#askReserve(doubtful.asked, false)])
    }
  }

  /** What was answered under a key is told again, and to nobody who asks for something else. */
  async #repeat(): Promise<void> {
    const { execution } = this
    const { requests } = this.ledger
    const keyed = [...requests.reserves.values()].filter(
      ({ key, known }) => key !== undefined && known === 'acknowledged',
    )
    for (const asked of keyed.slice(-2)) {
      const other = asked.lines.map(({ productId, quantity }) => ({ productId, quantity: quantity + 1 }))
      await execution.answers([
        this.#callReserve(asked, asked.lines).then((outcome) => requests.repeatedReserve(asked, outcome)),
      ])
      await execution.answers([
        this.#callReserve(asked, other).then((outcome) => requests.misusedKey(asked, outcome)),
      ])
    }
  }

  #all<T>(asks: readonly (() => Promise<T>)[]): Promise<T[]> {
    return this.execution.answers(asks.map((ask) => ask()))
  }

  async #deliver(productId: string, delta: number): Promise<undefined> {
    const { requests } = this.ledger
    const asked = requests.adjust(productId, delta)
    const body = { delta, reason: asked.tag }
    const path = `/v1/products/${productId}/stock/adjustments`
    requests.answeredAdjustment(asked, await this.execution.call(['POST', path], { body }))
    return undefined
  }

  #isStocked(productId: string): boolean {
    const deliveries = [...this.ledger.requests.adjustments.values()]
    return deliveries.some((one) => one.productId === productId && one.known === 'acknowledged')
  }

  /** Reserves, unless it is for something of which nobody knows whether it was ever delivered. */
  async #reserve(wanted: readonly Line[], ask: Ask = {}): Promise<Held | undefined> {
    if (wanted.some(({ productId }) => !this.#isStocked(productId))) return undefined
    const { customerId = 'zoe', isKeyed = false, isLong = false } = ask
    const asked = this.ledger.requests.reserveSeveral(wanted, { customerId, isKeyed })
    return this.#askReserve(asked, isLong)
  }

  async #askReserve(asked: Asked, isLong: boolean): Promise<Held | undefined> {
    return this.ledger.requests.answeredReserve(asked, await this.#callReserve(asked, asked.lines, isLong))
  }

  #callReserve({ tag, customerId, key }: Asked, items: readonly Line[], isLong = false) {
    const reference = isLong ? tag.padEnd(REFERENCE_MAX, PADDING) : tag
    const body = { items, customerId, reference }
    return this.execution.call(['POST', '/v1/reservations'], { body, idempotencyKey: key })
  }

  /** Settles what is held, unless something about it is in doubt. */
  async #settle(
    kind: 'confirm' | 'release',
    held: Held | undefined,
    quantities?: readonly number[],
    isKeyed = false,
  ): Promise<undefined> {
    const { requests } = this.ledger
    const now = requests.settleable().find(({ reservationId }) => reservationId === held?.reservationId)
    if (now === undefined) return undefined
    const asked = requests.settle(kind, now, { ...(quantities && { quantities }), isKeyed })
    const path = `/v1/reservations/${now.reservationId}/${kind}`
    const body = asked.items === undefined ? undefined : { items: asked.items }
    requests.answeredSettlement(
      asked,
      await this.execution.call(['POST', path], { body, idempotencyKey: asked.key }),
    )
    return undefined
  }

  async #deed(
    what: 'paying' | 'extend' | 'return',
    held: Held | undefined,
    body?: unknown,
  ): Promise<undefined> {
    if (held === undefined) return undefined
    await this.#do(`${what} ${held.reservationId}`, [
      'POST',
      `/v1/reservations/${held.reservationId}/${what}`,
      body,
    ])
    return undefined
  }

  #join(customerId: string, quantity: number): Promise<undefined> {
    const body = { customerId, quantity }
    return this.#do(`join ${scarce} ${customerId}`, ['POST', `/v1/products/${scarce}/waitlist`, body])
  }

  #leave(customerId: string): Promise<undefined> {
    const path = `/v1/products/${scarce}/waitlist?customerId=${customerId}`
    return this.#do(`leave ${scarce} ${customerId}`, ['DELETE', path])
  }

  async #do(
    deed: string,
    [method, path, body]: readonly [method: string, path: string, body?: unknown],
  ): Promise<undefined> {
    this.ledger.begin(deed)
    this.ledger.end(deed, await this.execution.call([method, path], { body }))
    return undefined
  }

  async #show(productId: string): Promise<undefined> {
    this.ledger.show(productId, await this.execution.call(['GET', `/v1/products/${productId}/stock`]))
    return undefined
  }
}

type Asked = Ledger['requests']['reserves'] extends Map<string, infer One> ? One : never

function line(productId: string, quantity: number): Line {
  return { productId, quantity }
}

function lines(products: readonly (string | undefined)[], quantity: number): Line[] {
  return products.flatMap((productId) => (productId === undefined ? [] : [line(productId, quantity)]))
}
