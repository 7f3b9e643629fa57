/**
 * Random steps of three shards and of the messages between them, against the rules and, beside them, against the model of
 * `shards-model.ts`: both must say the same after every step, the invariants of FAULTS.md must hold whatever either says,
 * and once every message has arrived all shards must agree.
 *
 * The seed is printed; `TEST_SEED=<it> npm test -- domain/shards-model` plays the same again.
 */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { Command } from '../../src/domain/commands.ts'
import type { Event } from '../../src/domain/events.ts'
import { evolve } from '../../src/domain/evolve.ts'
import { footprintOf } from '../../src/domain/footprint.ts'
import { homeOf, type ProductId, type ShardId } from '../../src/domain/ids.ts'
import { settlementFor } from '../../src/domain/split.ts'
import { availableOf, emptyShard, isLive, type ShardState } from '../../src/domain/stock.ts'
import { exitOf, serveLine } from '../../src/domain/waitlist.ts'
import { note, suite } from '../support/suite.ts'
import { type Booking, standOf, type Verdict } from './booking.ts'
import { noonMs } from './examples.ts'
import { isAsF1Says } from './growth.ts'
import { portraitOf } from './portrait.ts'
import { products, type ShardStep, shardOfProduct, shardStep } from './random-shard-steps.ts'
import { ShardsModel } from './shards-model.ts'
import { type Watcher, World, type WorldShard } from './shards-world.ts'

const RUNS = Number(process.env.TEST_RUNS ?? 1_000)
const STEPS_MAX = 120
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

const random = suite('random steps of three shards')

random('get the answers an independent model predicts, and end in agreement', () => {
  note(`TEST_SEED=${seed}`)
  const reached = new Map<string, number>()
  fc.assert(
    fc.property(fc.array(shardStep, { maxLength: STEPS_MAX, size: 'max' }), (steps) => {
      const run = new Run(reached)
      for (const step of steps) run.step(step)
      run.checkAgreement()
      run.checkReplay()
    }),
    { seed, numRuns: RUNS },
  )
  const missed = reachable.filter((answer) => !reached.has(answer))
  // A model test that never gets to a rule proves nothing about it.
  if (RUNS >= 1_000) assert.equal(missed, [], JSON.stringify([...reached].sort()))
})

/** Every command with every answer it can have here. */
const reachable = Object.entries({
  reserve:
    'done customerRequired productRetired saleNotOpen saleClosed maxPerReservation perCustomerLimit outOfStock',
  holdLines:
    'done nothing customerRequired productRetired saleNotOpen saleClosed maxPerReservation perCustomerLimit outOfStock',
  reserveSplit:
    'done reservationExists customerRequired productRetired saleNotOpen saleClosed maxPerReservation perCustomerLimit outOfStock',
  askOutcome: 'done nothing',
  settle: 'done nothing',
  acknowledge: 'done nothing',
  adjust: 'done stockBelowHeld',
  scheduleSale: 'done',
  retire: 'done',
  joinWaitlist:
    'done nothing reservationExists productRetired saleNotOpen saleClosed maxPerReservation perCustomerLimit alreadyWaiting stockAvailable',
  leaveWaitlist: 'done notWaiting',
  extend: 'done nothing reservationResolved paymentStarted lifetimeExceeded',
  startPayment: 'done nothing reservationResolved',
  release: 'done reservationResolved exceedsHeld',
  confirm: 'done reservationResolved exceedsHeld',
  expire: 'done reservationResolved',
  return: 'done notConfirmed reservationResolved returnWindowOver exceedsConfirmed',
  closeReturns: 'done broken',
  forget: 'done broken unknownReservation',
}).flatMap(([type, answers]) => answers.split(' ').map((answer) => `${type}: ${answer}`))

class Run implements Watcher {
  readonly #model = new ShardsModel(shardOfProduct)
  readonly #world: World
  readonly #story: string[] = []
  readonly #reached: Map<string, number>
  readonly #delivered = new Map<ProductId, number>()
  /** Who stands in line, by what the journal says. */
  readonly #joined = new Map<ProductId, string[]>()
  /** By shard and hash, in the order of recording. */
  readonly #keys = new Map<ShardId, Map<string, string>>()
  /** What the step before left: how many were available while somebody waited. */
  readonly #availableToNewcomers = new Map<ProductId, number>()
  /** Products whose line must hear of the command under way. */
  #unheard: readonly ProductId[] = []

  constructor(reached: Map<string, number>) {
    this.#reached = reached
    this.#world = new World(this)
  }

  step(step: ShardStep): void {
    this.#telling(() => {
      this.#story.push(`+${step.waitMs} max ${step.servedMax} ${JSON.stringify(step.draft)}`)
      this.#world.step(step)
      this.#compareWithModel()
      for (const productId of products) this.#checkRest(productId)
    })
  }

  decided(command: Command, verdict: Verdict, { nowMs }: { readonly nowMs: number }): void {
    this.#story.push(`    ${verdict} ${JSON.stringify(command)}`)
    const { verdict: predicted, touched } = this.#model.apply(command, nowMs)
    assert.is(verdict, predicted)
    const answer = `${command.type}: ${verdict}`
    this.#reached.set(answer, (this.#reached.get(answer) ?? 0) + 1)
    this.#unheard = touched.filter((of) => this.#model.products.get(of)?.line[0] !== undefined)
  }

  served(productId: ProductId, max: number, at: { readonly hasMore: boolean; readonly nowMs: number }): void {
    this.#story.push(`    serves ${productId}`)
    assert.is(at.hasMore, this.#model.serve(productId, max, at.nowMs))
    this.#unheard = this.#unheard.filter((other) => other !== productId)
  }

  evolved(shard: WorldShard, event: Event, grewBytes: number): void {
    this.#story.push(`        ${JSON.stringify(event)}`)
    isAsF1Says(event, grewBytes)
    if (event.type === 'AbortForgotten') this.#model.forgetAbort(event.reservationId)
    if (!('productId' in event)) {
      this.#noteKey(shard.id, event)
      return
    }
    const { productId } = event
    if (event.type === 'StockAdjusted')
      this.#delivered.set(productId, (this.#delivered.get(productId) ?? 0) + event.delta)
    const joined = this.#joined.get(productId) ?? []
    this.#joined.set(productId, joined)
    switch (event.type) {
      case 'WaitlistJoined':
        joined.push(event.customerId)
        return
      case 'WaitlistServed':
        assert.is(joined[0], event.customerId, 'W1: nobody who joined before still waits')
        joined.shift()
        return
      case 'WaitlistLeft':
        joined.splice(joined.indexOf(event.customerId), 1)
    }
  }

  #noteKey(id: ShardId, event: Event): void {
    const keys = this.#keys.get(id) ?? new Map<string, string>()
    this.#keys.set(id, keys)
    switch (event.type) {
      case 'KeyClaimed':
      case 'KeyAnswered':
        keys.delete(event.hash)
        keys.set(event.hash, event.type === 'KeyClaimed' ? event.reservationId : event.answer)
        return
      case 'KeyFreed':
        keys.delete(event.hash)
        return
      case 'KeysForgotten':
        for (const hash of [...keys.keys()].slice(0, event.count)) keys.delete(hash)
    }
  }

  restarted(shard: WorldShard, before: ShardState, waiting: ReadonlySet<ProductId>): void {
    assert.equal(portraitOf(shard.state), portraitOf(before), 'a replay gives the same state')
    for (const productId of shard.state.products.keys())
      assert.is(waiting.has(productId), this.#model.waitsToGoOn(productId, this.#world.nowMs))
  }

  /** Once every message has arrived, each hold stands at what its home says, and what never came to be holds nothing. */
  checkAgreement(): void {
    this.#telling(() => {
      this.#story.push('everything arrives')
      this.#world.settle()
      this.#compareWithModel()
      for (const { id: shard, state } of this.#world.shards) {
        for (const [id, holds] of state.holds) {
          const split = this.#world.shards[homeOf(id)]?.state.splits.get(id)
          assert.ok(split, `${id} holds units and is nothing`)
          for (const { stock, held, sold } of holds) {
            const said = settlementFor(split, shard).lines.find(
              ({ productId }) => productId === stock.productId,
            )
            assert.equal(
              { held, sold },
              { held: said?.held, sold: said?.sold },
              `${id} of ${stock.productId}`,
            )
          }
        }
        for (const split of state.splits.values()) {
          assert.is(split.unsettled.size, 0, 'everybody has heard')
          for (const { productId, quantity, returned, shard: of } of split.lines) {
            const holds = this.#world.shards[of]?.state.holds.get(split.id) ?? []
            const hold = holds.find(({ stock }) => stock.productId === productId)
            const has = isLive(split.status) || (split.status === 'confirmed' && !split.returnClosed)
            assert.is((hold?.held ?? 0) + (hold?.sold ?? 0), has ? quantity - returned : 0, split.id)
          }
        }
      }
    })
  }

  checkReplay(): void {
    for (const { state, journal } of this.#world.shards) {
      const replayed = emptyShard()
      for (const { event, atMs } of journal) evolve(replayed, event, atMs)
      assert.equal(portraitOf(replayed), portraitOf(state), 'a replay gives the same state')
      assert.is(replayed.footprintBytes, state.footprintBytes)
    }
  }

  /** Rests on events and state alone, so that it holds even where rules and model are wrong together. */
  #checkRest(productId: ProductId): void {
    const shard = this.#world.shards[shardOfProduct(productId)]
    const stock = shard?.state.products.get(productId)
    assert.ok(shard && stock)
    const { onHand, held, sold, earmarked, sale, customers } = stock
    assert.is(onHand + sold, this.#delivered.get(productId), 'I1: every unit is on hand or sold')
    assert.ok(held >= 0 && held <= onHand && sold >= 0, 'I1, I2: never negative, never oversold')
    assert.ok(earmarked >= 0 && earmarked <= onHand - held, 'only free units are put aside')
    let promised = 0
    for (const { stock: of, status, quantity } of shard.state.reservations.values())
      if (of === stock && isLive(status)) promised += quantity
    for (const hold of [...shard.state.holds.values()].flat()) if (hold.stock === stock) promised += hold.held
    assert.is(held, promised, 'what is held is held by somebody')
    assert.equal(customers === undefined, sale.perCustomerLimit === undefined)

    const line = this.#lineOf(productId)
    assert.equal(line, this.#joined.get(productId) ?? [])
    const isServed =
      !this.#world.stillWaiting.has(productId) && exitOf(stock, this.#world.nowMs) === undefined
    if (isServed)
      assert.equal(serveLine(stock, this.#world.nowMs, 32).events, [], 'W1: nobody waits for what is there')
    const before = this.#availableToNewcomers.get(productId)
    if (line.length > 0 && before !== undefined)
      assert.ok(availableOf(stock) <= before, 'W1: what comes is the line’s')
    this.#availableToNewcomers.delete(productId)
    if (line.length > 0) this.#availableToNewcomers.set(productId, availableOf(stock))
  }

  #compareWithModel(): void {
    assert.equal(this.#unheard, [], 'a line hears of what may serve it')
    for (const [productId, { retired, sale, line, aside }] of this.#model.products) {
      const stock = this.#world.stockOf(productId)
      assert.ok(stock)
      const { waitlist, customers } = stock
      assert.equal(
        [stock.onHand, stock.held, stock.sold, stock.retired, stock.sale, stock.earmarked],
        [
          this.#model.onHand(productId),
          this.#model.held(productId),
          this.#model.sold(productId),
          retired,
          sale,
          aside,
        ],
        productId,
      )
      assert.equal(
        [...(waitlist?.line.values() ?? [])].map((place) => [
          place.customerId,
          place.quantity,
          place.reservationId,
        ]),
        line.map(({ customerId, quantity, id }) => [customerId, quantity, id]),
      )
      assert.equal(waitlist?.served ?? new Map(), this.#model.servedOf(productId))
      assert.is(waitlist === undefined, line.length + this.#model.servedOf(productId).size === 0)
      const counted = sale.perCustomerLimit === undefined ? undefined : this.#model.customersOf(productId)
      assert.equal(customers && new Map(customers), counted)
    }
    for (const { id, state } of this.#world.shards) {
      const seen = [...state.holds].flatMap(([of, holds]) =>
        holds.map(({ stock, held, sold }) => ({ id: of, productId: stock.productId, held, sold })),
      )
      assert.equal(inOrder(seen), inOrder(this.#model.holdsOf(id)))
      assert.equal(new Set(state.aborted.keys()), this.#model.abortedAt(id))
      const known = this.#model.bookings.filter((booking) => booking.home === id && !booking.forgotten)
      assert.is(state.reservations.size + state.splits.size, known.length)
      for (const booking of known) this.#compareBooking(state, booking)
      assert.is(state.unserved.size, 0)
      assert.equal(
        [...state.keys.values()].map(({ hash, value }) => [hash, value]),
        [...(this.#keys.get(id) ?? [])],
      )
      assert.is(state.footprintBytes, footprintOf(state), 'what is added up is what is there')
    }
  }

  #compareBooking(state: ShardState, booking: Booking): void {
    const { id, isSeveral, endsMs, customerId } = booking
    const { status, closed, lines } = standOf(booking)
    const split = state.splits.get(id)
    const single = state.reservations.get(id)
    const found = isSeveral ? split : single
    assert.ok(found, id)
    assert.equal(
      [found.status, found.expiresAtMs, found.returnClosed, found.customerId],
      [status, endsMs, closed, customerId],
      id,
    )
    const seen = split?.lines ?? [
      { productId: single?.stock.productId, quantity: single?.quantity, returned: single?.returned },
    ]
    assert.equal(
      inOrder(seen.map(({ productId, quantity, returned }) => ({ productId, quantity, returned }))),
      inOrder(
        [...lines].map(([productId, { units, returned }]) => ({ productId, quantity: units, returned })),
      ),
      id,
    )
    if (split !== undefined) assert.equal(split.unsettled, this.#model.unsettled(booking), id)
  }

  #lineOf(productId: ProductId): readonly string[] {
    return [...(this.#world.stockOf(productId)?.waitlist?.line.keys() ?? [])]
  }

  #telling(act: () => void): void {
    try {
      act()
    } catch (cause) {
      throw new Error(`at noon + ${this.#world.nowMs - noonMs} ms:\n${this.#story.join('\n')}`, { cause })
    }
  }
}

function inOrder<T>(all: readonly T[]): string[] {
  return all.map((each) => JSON.stringify(each)).sort()
}

random.run()
