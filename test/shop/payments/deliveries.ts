/**
 * A provider's webhooks by the thousand, as badly carried as post can be, while customers buy, pay twice and call off, staff
 * refunds and ships, time passes and the shop's process dies: at the end each order has one outcome, and the shop's books
 * are the provider's (FAULTS.md, 57 to 64).
 */
import { pino } from 'pino'
import * as assert from 'uvu/assert'
import { driveOrder } from '../../../src/shop/orders/drive-order.ts'
import { Sweeper } from '../../../src/shop/orders/sweeper.ts'
import { type Hearing, hearGateway } from '../../../src/shop/payments/hear-gateway.ts'
import type { ShopParts } from '../../../src/shop/shop-parts.ts'
import { Dice } from '../../support/dice.ts'
import { Killed, type Post, ShopWorld } from '../shop-world.ts'
import { checkBooks, type Outcomes } from './deliveries-oracle.ts'
import { forge, signed } from './forgeries.ts'
import { type Letter, Postbag } from './postbag.ts'
import { Provider, type Told } from './provider.ts'
import { Shoppers } from './shoppers.ts'

export type Figures = Outcomes &
  Postbag['counts'] & {
    readonly deliveries: number
    readonly forged: number
    readonly mismatches: number
    readonly capturedAfterAll: number
    readonly deaths: number
  }

export type Run = {
  readonly seed: number
  readonly deliveries: number
  readonly onProgress?: (deliveries: number) => void
}

/** Of all that is delivered until the last of it is; 1 % in the end. */
const FORGED = 0.011
const MISMATCHED = 0.08
const AFTER_ALL = 0.2
/** Calls that take long, and how long: meanwhile others come first. */
const SLOW = 0.01
const SLOW_MS = 1_500
const SHOPPERS_AT_ONCE = 8
const RUSH = 40
const RESTOCK_STEPS = 5
/** Of a process, if it does not die before. */
const LIFE_STEPS = 40
const CALLS_MAX = 2_000
const SECOND_MS = 1_000
const MINUTE_MS = 60_000
/** Longer than any hold lives. */
const HOLDS_END_MS = 7_300_000
const ROUNDS_MAX = 5_000

/** Delivers so many, and checks what became of it all; throws where an invariant is broken. */
export async function deliver({ seed, deliveries, onProgress }: Run): Promise<Figures> {
  const dice = new Dice(seed)
  await using world = await ShopWorld.start(dice)
  world.engine.timers.random = () => dice.fraction()
  world.lagMs = () => (dice.hits(SLOW) ? dice.between(1, SLOW_MS) : 0)
  const office = new PostOffice(world, dice)
  await office.open()
  while (office.deliveries < deliveries) {
    await office.step()
    onProgress?.(office.deliveries)
  }
  return await office.close()
}

class PostOffice {
  deliveries = 0
  readonly #world: ShopWorld
  readonly #dice: Dice
  readonly #bag: Postbag
  readonly #provider: Provider
  readonly #shoppers: Shoppers
  readonly #troubles: unknown[] = []
  readonly #heard = new Set<string>()
  readonly #counts = { forged: 0, mismatches: 0, capturedAfterAll: 0, deaths: 0 }
  #alarms = 0
  #isClosing = false
  /** Others come for what has been freed, before it is heard who has paid for it. */
  #holdsHaveEnded = false
  #secret = ''
  #process: { readonly parts: ShopParts; readonly sweeper: Sweeper; steps: number; isDead: boolean }
  #steps = 0

  constructor(world: ShopWorld, dice: Dice) {
    this.#world = world
    this.#dice = dice
    this.#bag = new Postbag(dice)
    this.#provider = new Provider(world)
    this.#shoppers = new Shoppers(world, dice)
    this.#process = this.#start('lives')
  }

  async open(): Promise<void> {
    this.#secret = await this.#provider.secret()
  }

  /** What many do at the same time, and then some time. */
  async step(): Promise<void> {
    const dice = this.#dice
    if (this.#steps % RESTOCK_STEPS === 0) await this.#shoppers.restock()
    this.#steps += 1
    this.#process.steps += 1
    if (this.#process.isDead || this.#process.steps > LIFE_STEPS) this.#process = this.#start('may die')
    const { parts, sweeper } = this.#process
    if (this.#holdsHaveEnded) await this.#atOnce(Array(RUSH).fill(() => this.#shoppers.shop(parts)))
    this.#holdsHaveEnded = false
    const doings = this.#dueDeliveries()
    for (let shopper = 0; shopper < SHOPPERS_AT_ONCE; shopper++)
      doings.push(dice.hits(0.6) ? () => this.#shoppers.shop(parts) : () => this.#shoppers.meddle(parts))
    if (dice.hits(0.7)) doings.push(async () => void (await sweeper.sweep()))
    await this.#atOnce(dice.shuffled(doings))
    await this.#collect()
    if (this.#counts.forged < this.deliveries * FORGED) await this.#forge()
    await this.#world.engine.advance(this.#pauseMs())
  }

  /** All that is still to come comes, and time passes until nothing is left to do; then everything is counted. */
  async close(): Promise<Figures> {
    this.#isClosing = true
    this.#process = this.#start('lives')
    for (let round = 0; ; round++) {
      assert.ok(round < ROUNDS_MAX, `something is still left to do after ${ROUNDS_MAX} rounds`)
      await this.#atOnce(this.#dueDeliveries())
      while ((await this.#world.wait(this.#process.sweeper.sweep())) > 0);
      await this.#collect()
      const nextMs = Math.min(
        this.#world.nextMs() ?? Number.MAX_VALUE,
        this.#bag.nextAtMs ?? Number.MAX_VALUE,
      )
      if (nextMs === Number.MAX_VALUE) break
      await this.#world.engine.advance(Math.max(SECOND_MS, nextMs - this.#nowMs))
    }
    await this.#world.engine.advance(HOLDS_END_MS)
    assert.equal(this.#troubles.map(String), [])
    const { stock } = this.#shoppers
    const outcomes = await checkBooks(this.#world, { stock, heard: this.#heard })
    return { ...outcomes, ...this.#bag.counts, ...this.#counts, deliveries: this.deliveries }
  }

  get #nowMs(): number {
    return this.#world.engine.timers.clock.wallMs()
  }

  #start(fate: 'lives' | 'may die') {
    const dice = this.#dice
    const dies = fate === 'may die' && dice.hits(0.5)
    const kill = { call: dice.between(1, CALLS_MAX), when: dice.pick(['before', 'after'] as const) }
    const parts = this.#world.parts(dies ? kill : undefined)
    const log = pino({ level: 'error' }, { write: (line: string) => this.#readLog(JSON.parse(line)) })
    const sweeper = new Sweeper({ ...parts, timers: this.#world.engine.timers.session(), log })
    return { parts: { ...parts, log }, sweeper, steps: 0, isDead: false }
  }

  #readLog({ msg, err }: { readonly msg: string; readonly err?: { readonly type: string } }): void {
    if (msg === 'payment.mismatch') this.#alarms += 1
    else if (msg === 'order.failed' && err?.type === Killed.name) this.#die()
    else if (msg === 'order.failed') this.#troubles.push(JSON.stringify(err))
  }

  #dueDeliveries(): (() => Promise<void>)[] {
    return this.#bag.take(this.#nowMs).map((letter) => () => this.#bring(letter))
  }

  async #bring(letter: Letter): Promise<void> {
    this.deliveries += 1
    try {
      const { type } = await this.#hear(signed(letter.body, { secret: this.#secret, nowMs: this.#nowMs }))
      assert.ok(type === 'heard' || type === 'heard-before', `${letter.body} was ${type}`)
      this.#heard.add(letter.eventId)
    } catch (error) {
      this.#bag.again(letter, this.#nowMs)
      throw error
    }
  }

  #hear({ body, headers }: Post): Promise<Hearing> {
    const fields = new Headers(headers)
    const message = { raw: Buffer.from(body), headers: { get: (name: string) => fields.get(name) } }
    return hearGateway(this.#process.parts, message)
  }

  async #atOnce(doings: readonly (() => Promise<void>)[]): Promise<void> {
    const all = doings.map(async (doing) => {
      try {
        await doing()
      } catch (error) {
        this.#complain(error)
      }
    })
    await this.#world.wait(Promise.all(all))
  }

  /** A process that dies is no trouble; all else is. */
  #complain(error: unknown): void {
    if (error instanceof Killed) this.#die()
    else this.#troubles.push(error instanceof Error ? (error.stack ?? error.message) : error)
  }

  #die(): void {
    if (!this.#process.isDead) this.#counts.deaths += 1
    this.#process.isDead = true
  }

  /** What the provider posts goes into the bag; now and then it captures what it should not have. */
  async #collect(): Promise<void> {
    const dice = this.#dice
    for (const taken of await this.#provider.takeLetters()) {
      const letter = this.#provider.asCaptured(taken)
      if (!this.#isClosing && dice.hits(MISMATCHED) && this.#isNews(letter))
        await this.#captureOtherwise(letter)
      else this.#bag.put(letter, this.#nowMs)
    }
    if (this.#isClosing || !dice.hits(AFTER_ALL)) return
    const letter = this.#provider.captureAfterAll((several) => dice.pick(several))
    if (letter === undefined) return
    this.#counts.capturedAfterAll += 1
    this.#bag.put(letter, this.#nowMs)
    // Now and then by two of its servers at once.
    if (dice.hits(0.5)) this.#bag.again(letter, this.#nowMs)
  }

  /** Whether it tells of a capture that the shop does not know of. */
  #isNews({ body }: Letter): boolean {
    const { type, data } = JSON.parse(body) as { readonly type: string; readonly data: Told }
    return type === 'charge.succeeded' && !['succeeded', 'surplus'].includes(this.#attemptOf(data.key))
  }

  #attemptOf(key: string): string {
    const attempt = this.#world.database
      .prepare<[string], { readonly status: string }>('SELECT status FROM payment_attempts WHERE key = ?')
      .get(key)
    return attempt?.status ?? 'none'
  }

  /** FAULTS.md, 62: it is no payment of the order, somebody is called, and all of it goes back. */
  async #captureOtherwise(letter: Letter): Promise<void> {
    const { amountMinor } = JSON.parse(letter.body).data as Told
    const change = this.#dice.pick([
      { amountMinor: amountMinor + 1 },
      { amountMinor: Math.max(1, amountMinor - 1), currency: 'EUR' },
      { currency: 'INR' },
    ])
    const told = this.#provider.captureOtherwise(letter, change)
    const { data } = JSON.parse(told.body) as { readonly data: Told }
    const isUntold = !this.#bag.events.has(letter.eventId)
    this.#counts.mismatches += 1
    this.#bag.put(told, this.#nowMs)
    // Now and then whoever asks is told first.
    if (isUntold && this.#dice.hits(0.5)) return
    await this.#alone(async () => {
      const alarms = this.#alarms
      await this.#bring(told)
      assert.is(this.#attemptOf(data.key), 'surplus', 'another amount than was asked for pays nothing')
      assert.is(this.#alarms, alarms + 1, 'somebody is called')
    })
  }

  async #forge(): Promise<void> {
    const dice = this.#dice
    if (this.#bag.seen.length === 0) return
    this.#counts.forged += 1
    this.deliveries += 1
    const letter = dice.pick(this.#bag.seen)
    const { type, data } = JSON.parse(letter.body) as { readonly type: string; readonly data: Told }
    const isPaid = type === 'charge.succeeded' && this.#attemptOf(data.key) === 'succeeded'
    if (isPaid && dice.hits(0.3)) return await this.#contradict(letter)
    const { post, answer } = forge(letter, { secret: this.#secret, nowMs: this.#nowMs }, dice)
    await this.#alone(async () => {
      const changes = this.#changes()
      const heard = await this.#hear(post)
      assert.is(heard.type, answer, `${JSON.stringify(post)} was ${heard.type}`)
      assert.is(this.#changes(), changes, `${JSON.stringify(post)} changed something`)
    })
  }

  /** What is paid stays paid, and somebody is called. */
  async #contradict(letter: Letter): Promise<void> {
    const told = this.#provider.contradict(letter)
    const { data } = JSON.parse(told.body) as { readonly data: Told }
    await this.#alone(async () => {
      // What the order is owed already comes to it whoever looks at it next.
      await driveOrder(this.#process.parts, data.key.split(':')[0] ?? '')
      const before = this.#sums()
      const alarms = this.#alarms
      const { type } = await this.#hear(signed(told.body, { secret: this.#secret, nowMs: this.#nowMs }))
      assert.equal([type, this.#alarms], ['heard', alarms + 1])
      assert.equal(this.#sums(), before)
      this.#heard.add(told.eventId)
    })
  }

  /** With nobody else at work, and nobody dying. */
  async #alone(doing: () => Promise<void>): Promise<void> {
    this.#process = this.#start('lives')
    await this.#world.wait(doing())
    this.#process = this.#start('may die')
  }

  /** Rows that were ever written. */
  #changes(): number {
    return this.#world.database.prepare<[], number>('SELECT total_changes()').pluck().get() ?? 0
  }

  #sums(): unknown {
    return this.#world.database
      .prepare(
        'SELECT sum(captured_minor), count(invoice_number), (SELECT count(*) FROM refunds) FROM orders',
      )
      .get()
  }

  #pauseMs(): number {
    const dice = this.#dice
    const pause = dice.fraction()
    if (pause < 0.9) return dice.between(0, 4 * SECOND_MS)
    if (pause < 0.99) return dice.between(SECOND_MS, 2 * MINUTE_MS)
    this.#holdsHaveEnded = true
    return dice.between(5, 20) * MINUTE_MS
  }
}
