/**
 * Random commands against the rules and, beside them, against the small model of `model.ts`: both must say the same and
 * count the same after every step, and the invariants of FAULTS.md must hold whatever either says.
 *
 * The seed is printed; `TEST_SEED=<it> npm test -- domain/model` plays the same again.
 */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { ProductCommand, ReservationCommand } from '../../src/domain/commands.ts'
import { decide } from '../../src/domain/decide.ts'
import type { Event, ProductEvent, StockAdjusted } from '../../src/domain/events.ts'
import { evolve } from '../../src/domain/evolve.ts'
import { footprintOf } from '../../src/domain/footprint.ts'
import type { ReservationId } from '../../src/domain/ids.ts'
import { availableOf, emptyShard, isLive } from '../../src/domain/stock.ts'
import { note, suite } from '../support/suite.ts'
import {
  adjustTo,
  cable,
  confirm,
  giveBack,
  holdExpired,
  idOf,
  noonMs,
  paymentStarted,
  phone,
  release,
  stockAdjusted,
  unitsConfirmed,
  unitsHeld,
} from './examples.ts'
import { given, isBroken } from './given.ts'
import { isAsF1Says } from './growth.ts'
import { Model, type Verdict } from './model.ts'
import { portraitOf } from './portrait.ts'
import { commandOf, type RandomStep, randomProducts, randomStep } from './random-commands.ts'

const RUNS = Number(process.env.TEST_RUNS ?? 2_000)
const STEPS_MAX = 100
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

type Command = ProductCommand | ReservationCommand

const random = suite('random commands')

random('get the answers and leave the counters that an independent model predicts', () => {
  note(`TEST_SEED=${seed}`)
  const reached = new Map<string, number>()
  const runs = fc.array(randomStep, { maxLength: STEPS_MAX, size: 'max' })
  fc.assert(
    fc.property(runs, (steps) => {
      const run = new Run()
      for (const step of steps) {
        const answer = run.step(step)
        reached.set(answer, (reached.get(answer) ?? 0) + 1)
      }
      run.checkReplay()
    }),
    { seed, numRuns: RUNS },
  )
  // A model test that never gets to a rule proves nothing about it; few runs do not get everywhere.
  if (RUNS >= 2_000)
    assert.equal([...reached.keys()].sort(), [...reachable].sort(), JSON.stringify([...reached]))
})

/** Every command with every answer it can have. */
const reachable = Object.entries({
  reserve:
    'done reservationExists unknownProduct customerRequired productRetired saleNotOpen saleClosed maxPerReservation perCustomerLimit outOfStock',
  adjust: 'done unknownProduct stockVersionMismatch stockBelowHeld stockAboveMax',
  scheduleSale: 'done unknownProduct',
  retire: 'done nothing unknownProduct',
  extend: 'done nothing unknownReservation reservationResolved paymentStarted lifetimeExceeded',
  startPayment: 'done nothing unknownReservation reservationResolved',
  release: 'done unknownReservation reservationResolved exceedsHeld',
  confirm: 'done unknownReservation reservationResolved exceedsHeld',
  expire: 'done unknownReservation reservationResolved',
  return: 'done unknownReservation notConfirmed reservationResolved returnWindowOver exceedsConfirmed',
  closeReturns: 'done unknownReservation broken',
  forget: 'done unknownReservation broken',
}).flatMap(([type, answers]) => answers.split(' ').map((answer) => `${type}: ${answer}`))

class Run {
  readonly #shard = emptyShard()
  readonly #model = new Model()
  readonly #commands: Command[] = []
  readonly #journal: { readonly event: Event; readonly atMs: number }[] = []
  readonly #ended = new Set<ReservationId>()
  #nowMs = noonMs

  /** Two of the products have stock, so that a short run already gets somewhere. */
  constructor() {
    for (const [productId, set] of [[phone, 12] as const, [cable, 5] as const])
      this.#apply({ ...adjustTo(set), productId })
  }

  /** Answers what was asked and how it went. */
  step({ waitMs, draft }: RandomStep): string {
    this.#nowMs += waitMs
    const command = commandOf(draft, {
      nowMs: this.#nowMs,
      nextId: idOf(this.#model.entries.length),
      versionOf: this.#model.version,
      reservations: this.#model.entries,
    })
    return this.#apply(command)
  }

  #apply(command: Command): string {
    this.#commands.push(command)
    try {
      const predicted = this.#model.apply(command, this.#nowMs)
      assert.is(this.#perform(command), predicted)
      this.#compareWithModel()
      return `${command.type}: ${predicted}`
    } catch (cause) {
      const commands = this.#commands.map((each) => JSON.stringify(each)).join('\n')
      throw new Error(`after these commands, the last at noon + ${this.#nowMs - noonMs} ms:\n${commands}`, {
        cause,
      })
    }
  }

  #perform(command: Command): Verdict {
    const before = JSON.stringify(portraitOf(this.#shard))
    const decision = this.#decide(command)
    assert.is(JSON.stringify(portraitOf(this.#shard)), before, 'deciding changes nothing')
    if (decision === undefined) return 'broken'
    if (decision.type === 'refused') return decision.refusal.reason
    for (const event of decision.events) {
      const { footprintBytes } = this.#shard
      evolve(this.#shard, event, this.#nowMs)
      this.#journal.push({ event, atMs: this.#nowMs })
      this.#checkInvariants(event)
      isAsF1Says(event, this.#shard.footprintBytes - footprintBytes)
    }
    assert.is(this.#shard.footprintBytes, footprintOf(this.#shard), 'what is added up is what is there')
    return decision.events.length === 0 ? 'nothing' : 'done'
  }

  #decide(command: Command) {
    try {
      return decide(this.#shard, command, this.#nowMs)
    } catch (error) {
      if (error instanceof Error && isBroken(/./)(error)) return undefined
      throw error
    }
  }

  /** Rests on events and state alone, so that it holds even where rules and model are wrong together. */
  #checkInvariants(event: Event): void {
    assert.ok(isOfProduct(event))
    const stock = this.#shard.products.get(event.productId)
    assert.ok(stock)
    const { onHand, held, sold, sale, customers } = stock
    const brought = this.#journal
      .map((entry) => entry.event)
      .reduce((sum, each) => sum + (isAdjustmentOf(event.productId, each) ? each.delta : 0), 0)
    assert.is(availableOf(stock) + held + sold, brought, 'I1: every unit is available, held or sold')
    for (const units of [availableOf(stock), onHand, held, sold]) assert.ok(units >= 0, 'I1: never negative')
    assert.ok(sold + held <= brought, 'I2: never oversold')
    if (event.type === 'UnitsHeld') {
      const { customerId, quantity } = event
      assert.ok(quantity <= (sale.maxPerReservation ?? Infinity), 'I8: the maximum per reservation')
      const has = customerId === undefined ? 0 : (customers?.get(customerId) ?? 0)
      assert.ok(has <= (sale.perCustomerLimit ?? Infinity), 'I8: the limit per customer')
    }
    if (event.type === 'UnitsHeld' || !('reservationId' in event)) return
    const { reservationId } = event
    const reservation = this.#shard.reservations.get(reservationId)
    const isAfterEnd = ['UnitsReturned', 'ReturnsClosed', 'ReservationForgotten'].includes(event.type)
    assert.is(
      this.#ended.has(reservationId),
      isAfterEnd,
      'I6: one end, and only after it what follows an end',
    )
    if (reservation === undefined) return
    if (!isLive(reservation.status)) this.#ended.add(reservationId)
    assert.ok(reservation.returned <= reservation.quantity, 'I6: never more returned than confirmed')
  }

  #compareWithModel(): void {
    for (const productId of randomProducts) {
      const stock = this.#shard.products.get(productId)
      assert.is(stock?.version ?? 0, this.#model.version(productId))
      if (stock === undefined) continue
      const { onHand, held, sold, retired, sale, customers } = stock
      assert.equal({ onHand, held, sold, retired, sale }, this.#model.productOf(productId))
      const counted = sale.perCustomerLimit === undefined ? undefined : this.#model.customersOf(productId)
      assert.equal(customers && new Map(customers), counted)
    }
    const known = this.#model.entries.filter(({ forgotten }) => !forgotten)
    assert.equal(
      [...this.#shard.reservations.values()].map(({ id }) => id),
      known.map(({ id }) => id),
    )
    for (const { id, status, units, returned, endsMs, closed } of known) {
      const reservation = this.#shard.reservations.get(id as ReservationId)
      assert.ok(reservation)
      const { status: seen, quantity, returned: seenReturned, expiresAtMs, returnClosed } = reservation
      assert.equal(
        { status: seen, units: quantity, returned: seenReturned, endsMs: expiresAtMs, closed: returnClosed },
        { status, units, returned, endsMs, closed },
      )
    }
  }

  checkReplay(): void {
    const replayed = emptyShard()
    for (const { event, atMs } of this.#journal) evolve(replayed, event, atMs)
    assert.equal(portraitOf(replayed), portraitOf(this.#shard), 'a replay gives the same state')
  }
}

function isOfProduct(event: Event): event is ProductEvent {
  return 'productId' in event
}

function isAdjustmentOf(productId: string, event: Event): event is StockAdjusted {
  return event.type === 'StockAdjusted' && event.productId === productId
}

random.run()

const merged = suite('lines of the same product')

const quantities = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 8 })
const heldUnits = fc.integer({ min: 1, max: 24 })

merged('are one line with their sum, to every command that takes lines and in every state', () => {
  note(`TEST_SEED=${seed}`)
  fc.assert(
    fc.property(quantities, heldUnits, (parts, units) => {
      const sum = parts.reduce((total, part) => total + part, 0)
      const held = [stockAdjusted(30), unitsHeld(units)]
      for (const history of [
        held,
        [...held, paymentStarted()],
        [...held, unitsConfirmed(units)],
        [...held, holdExpired(units)],
      ]) {
        for (const command of [release, confirm, giveBack]) {
          const apart = given(...history)
            .when(command(...parts))
            .decide()
          const together = given(...history)
            .when(command(sum))
            .decide()
          assert.equal(apart, together)
        }
      }
    }),
    { seed, numRuns: Math.min(500, RUNS) },
  )
})

merged.run()
