/** What shards say to each other of a reservation of several products: in any order, twice, late, or never (P3, P4). */
import * as assert from 'uvu/assert'
import type { Settle } from '../../src/domain/commands.ts'
import { abortedStep, settlementFor, shardsOf } from '../../src/domain/split.ts'
import { suite } from '../support/suite.ts'
import {
  bob,
  cable,
  confirm,
  expire,
  giveBack,
  noonMs,
  phone,
  release,
  reserve,
  saleScheduled,
  stockAdjusted,
} from './examples.ts'
import { given, type Happened, isBroken } from './given.ts'
import {
  abortForgotten,
  acknowledge,
  askOutcome,
  elsewhere,
  farAway,
  holdPlaced,
  holdSettled,
  home,
  itemsOf,
  madeAtHome,
  ofSplit,
  ownSettled,
  screen,
  settle,
  settleAborted,
  shell,
  split1,
  split2,
  splitAborted,
  splitAcknowledged,
  splitForgotten,
  splitHeld,
  splitPaymentStarted,
  splitSettled,
  threeLines,
} from './split-examples.ts'

const gone = { held: 0, sold: 0 }
/** Ten phones elsewhere, three of them held. */
const holding: readonly Happened[] = [stockAdjusted(10), holdPlaced(3)]

const told = suite('a hold that its home settles')

told('is sold, wholly or in part', () => {
  given(...holding)
    .when(settle(1, { sold: 3 }))
    .accepts(holdSettled(1, { sold: 3 }))
    .leaves({ onHand: 7, held: 0, sold: 3 })
  given(...holding)
    .when(settle(1, { sold: 1 }))
    .accepts(holdSettled(1, { sold: 1 }))
    .leaves({ onHand: 9, held: 0, sold: 1 })
})

told('goes back, wholly or in part', () => {
  const { shard } = given(...holding)
    .when(settle(1, {}))
    .accepts(holdSettled(1, {}))
    .leaves({ onHand: 10, held: 0, sold: 0 })
  assert.is(shard.holds.size, 0)
  given(...holding)
    .when(settle(1, { held: 2 }))
    .accepts(holdSettled(1, { held: 2 }))
    .leaves({ onHand: 10, held: 2, sold: 0 })
    .when(settle(2, { held: 1 }))
    .accepts(holdSettled(2, { held: 1 }))
    .when(settle(3, { sold: 1 }))
    .accepts(holdSettled(3, { sold: 1 }))
    .leaves({ onHand: 9, held: 0, sold: 1 })
})

told('comes back after it was sold, and with the last unit is not known any more', () => {
  const { shard } = given(...holding, holdSettled(1, { sold: 3 }))
    .when(settle(2, { sold: 1 }))
    .accepts(holdSettled(2, { sold: 1 }))
    .leaves({ onHand: 9, held: 0, sold: 1 })
    .when(settle(3, {}))
    .accepts(holdSettled(3, {}))
    .leaves({ onHand: 10, held: 0, sold: 0 })
  assert.is(shard.holds.size, 0)
})

told('stays as it is where the settlement is about other lines', () => {
  given(...holding)
    .when(settle(1, { held: 3 }))
    .acceptsWithoutEvents()
    .when(settle(2, { held: 2 }))
    .accepts(holdSettled(2, { held: 2 }))
})

told('is not known any more once its return window is over, and what was sold stays sold', () => {
  const { shard } = given(...holding, holdSettled(1, { sold: 3 }))
    .when(settle(2, { sold: 3, closed: true }))
    .accepts(holdSettled(2, { sold: 3, closed: true }))
    .leaves({ onHand: 7, held: 0, sold: 3 })
  assert.is(shard.holds.size, 0)
})

told('is settled with every other line of the same shard at once', () => {
  const lines = [
    { productId: phone, holdVersion: 2, held: 0, sold: 2 },
    { productId: screen, holdVersion: 2, held: 0, sold: 0 },
  ]
  given(...holding, stockAdjusted(5, { productId: screen }), holdPlaced(1, { productId: screen }))
    .when(settle(1, {}, { lines }))
    .accepts(holdSettled(1, { sold: 2 }), holdSettled(1, gone, { productId: screen }))
    .leaves({ onHand: 8, held: 0, sold: 2 }, phone)
    .leaves({ onHand: 5, held: 0, sold: 0 }, screen)
})

told(
  'and that the settlement does not name holds nothing: its line was never part of the reservation',
  () => {
    const lines = [{ productId: screen, holdVersion: 2, held: 1, sold: 0 }]
    given(...holding, stockAdjusted(5, { productId: screen }), holdPlaced(1, { productId: screen }))
      .when(settle(1, {}, { lines }))
      .accepts(holdSettled(1, gone))
      .leaves({ onHand: 10, held: 0, sold: 0 }, phone)
      .leaves({ onHand: 5, held: 1, sold: 0 }, screen)
  },
)

told(
  'and that was placed after the one its home speaks of holds nothing, whatever was sold of that one',
  () => {
    const again = [holdSettled(1, { sold: 3 }), holdSettled(2, gone), holdPlaced(3)]
    for (const command of [settle(1, { sold: 3 }), settle(2, {}), settle(1, { held: 2 })]) {
      given(...holding, ...again)
        .when(command)
        .accepts(holdSettled(command.step, gone))
        .leaves({ onHand: 10, held: 0, sold: 0 })
    }
    given(...holding, holdSettled(1, { sold: 3 }), holdSettled(2, { sold: 3, closed: true }), holdPlaced(1))
      .when(settle(2, { sold: 3, closed: true }))
      .accepts(holdSettled(2, { closed: true }))
      .leaves({ onHand: 7, held: 0, sold: 3 })
  },
)

told.run()

const orders = suite('a settlement')

orders('that comes again says nothing new', () => {
  for (const [step, stands] of [
    [1, { sold: 2 }],
    [1, { held: 2 }],
    [7, { held: 2 }],
  ] as const) {
    given(...holding, holdSettled(step, stands))
      .when(settle(step, stands))
      .acceptsWithoutEvents()
  }
})

orders('that comes late says nothing, whatever it says', () => {
  const partly = given(...holding, holdSettled(3, { held: 1 }))
  partly.when(settle(2, { held: 2 })).acceptsWithoutEvents()
  partly.when(settle(1, { held: 3 })).acceptsWithoutEvents()
  const sold = given(...holding, holdSettled(3, { sold: 2 }))
  sold.when(settle(2, { held: 2 })).acceptsWithoutEvents()
  sold.when(settle(1, {})).acceptsWithoutEvents()
})

orders('that comes after the hold is gone says nothing', () => {
  const after: Settle[] = [settle(1, { sold: 3 }), settle(2, {}), settle(9, { sold: 3, closed: true })]
  for (const command of [...after, settleAborted()]) {
    given(stockAdjusted(10)).when(command).acceptsWithoutEvents()
    given(...holding, holdSettled(2, gone))
      .when(command)
      .acceptsWithoutEvents()
    given(...holding, holdSettled(2, { sold: 3 }), holdSettled(8, { sold: 3, closed: true }))
      .when(command)
      .acceptsWithoutEvents()
      .leaves({ onHand: 7, held: 0, sold: 3 })
  }
})

orders('is not missed where the ones before it were lost', () => {
  given(...holding)
    .when(settle(4, { sold: 1 }))
    .accepts(holdSettled(4, { sold: 1 }))
    .leaves({ onHand: 9, held: 0, sold: 1 })
  given(...holding)
    .when(settle(5, { sold: 2, closed: true }))
    .accepts(holdSettled(5, { sold: 2, closed: true }))
    .leaves({ onHand: 8, held: 0, sold: 2 })
  given(...holding, holdSettled(1, { sold: 3 }))
    .when(settle(4, { sold: 1, closed: true }))
    .accepts(holdSettled(4, { sold: 1, closed: true }))
    .leaves({ onHand: 9, held: 0, sold: 1 })
})

orders('of another reservation touches no hold of this one', () => {
  given(...holding, holdPlaced(1, { reservationId: split2 }))
    .when(settle(1, {}, { reservationId: split2 }))
    .accepts(holdSettled(1, gone, { reservationId: split2 }))
    .leaves({ onHand: 10, held: 3, sold: 0 })
})

orders('that would hold or sell more than was held is a bug of the home, and stops the shard', () => {
  for (const [history, command, message] of [
    [holding, settle(1, { held: 4 }), /never holds more/],
    [holding, settle(1, { sold: 4 }), /sold was held/],
    [holding, settle(1, { held: 2, sold: 2 }), /sold was held/],
    [[...holding, holdSettled(1, { sold: 1 })], settle(2, { sold: 2 }), /sold was held/],
    [[...holding, holdSettled(1, { held: 1 })], settle(2, { held: 2 }), /never holds more/],
  ] as const) {
    assert.throws(
      () =>
        given(...history)
          .when(command)
          .accepts(eventOf(command)),
      isBroken(message),
    )
  }
})

orders.run()

/** The event of a settlement of phones. */
function eventOf({ step, lines, closed }: Settle): Happened {
  const [stands] = lines
  return holdSettled(step, { held: stands?.held ?? 0, sold: stands?.sold ?? 0, closed })
}

const counted = suite('a customer of a hold')

const limited = [stockAdjusted(10), holdPlaced(3), saleScheduled({ perCustomerLimit: 5 })]

counted('has what the hold stands at, and nothing once its returns are closed', () => {
  for (const [commands, remaining] of [
    [[], 2],
    [[settle(1, { held: 1 })], 4],
    [[settle(1, { sold: 2 })], 3],
    [[settle(1, { sold: 3 }), settle(2, { sold: 1 })], 4],
    [[settle(1, { sold: 3 }), settle(2, { sold: 3, closed: true })], 5],
    [[settle(2, { sold: 3, closed: true })], 5],
    [[settle(1, {})], 5],
    [[settleAborted()], 5],
  ] as const) {
    const { shard } = given(...limited)
    let { when } = given(...limited)
    for (const command of commands) ({ when } = when(command).accepts(eventOf(command)))
    when(reserve(6)).refuses({ reason: 'perCustomerLimit', productId: phone, limit: 5, remaining })
    when(reserve(6, { customerId: bob })).refuses({
      reason: 'perCustomerLimit',
      productId: phone,
      limit: 5,
      remaining: 5,
    })
    assert.equal([...(shard.products.get(phone)?.customers ?? [])], [['ann', 3]])
  }
})

counted.run()

const asking = suite('a shard that asks what became of a reservation')

asking('of which its home knows nothing has it aborted, once', () => {
  given(stockAdjusted(1)).when(askOutcome()).accepts(splitAborted()).when(askOutcome()).acceptsWithoutEvents()
  given(...madeAtHome)
    .when(askOutcome(split2))
    .accepts({ type: 'SplitAborted', reservationId: split2 })
})

asking('that its home knows changes nothing', () => {
  for (const history of [
    madeAtHome,
    [...madeAtHome, splitSettled(1, { status: 'released' }), ...ownSettled(1, gone, gone)],
  ]) {
    given(...history)
      .when(askOutcome())
      .acceptsWithoutEvents()
  }
})

asking('after its abort was forgotten has it aborted anew', () => {
  given(splitAborted(), abortForgotten()).when(askOutcome()).accepts(splitAborted())
})

asking('lets go of what it holds where it was aborted, and whatever comes later', () => {
  given(...holding, stockAdjusted(5, { productId: screen }), holdPlaced(1, { productId: screen }))
    .when(settleAborted())
    .accepts(holdSettled(abortedStep, gone), holdSettled(abortedStep, gone, { productId: screen }))
    .leaves({ onHand: 10, held: 0, sold: 0 }, phone)
    .leaves({ onHand: 5, held: 0, sold: 0 }, screen)
    .when(settleAborted())
    .acceptsWithoutEvents()
})

asking.run()

const hearing = suite('a home that hears a settlement was applied')

const settledOnce = [...madeAtHome, splitSettled(1, { quantities: [1, 2, 2] })]
const settledTwice = [...settledOnce, splitSettled(2, { quantities: [1, 2, 1] })]

hearing('knows that this shard has no other to hear of', () => {
  given(...settledOnce)
    .when(acknowledge(1))
    .accepts(splitAcknowledged(1))
    .leavesSplit({ unsettled: new Set() })
    .when(acknowledge(1))
    .acceptsWithoutEvents()
})

hearing('of an older step goes on waiting for the newest', () => {
  given(...settledTwice)
    .when(acknowledge(1))
    .acceptsWithoutEvents()
    .leavesSplit({ unsettled: new Set([elsewhere]) })
    .when(acknowledge(2))
    .accepts(splitAcknowledged(2))
})

hearing(
  'before there was one, of a step to come, of no shard of it, or of nothing known changes nothing',
  () => {
    given(...madeAtHome)
      .when(acknowledge(0))
      .acceptsWithoutEvents()
    given(...settledOnce)
      .when(acknowledge(2))
      .acceptsWithoutEvents()
    given(...settledOnce)
      .when(acknowledge(abortedStep))
      .acceptsWithoutEvents()
    given(...settledOnce)
      .when(acknowledge(1, farAway))
      .acceptsWithoutEvents()
    given(...settledOnce)
      .when(acknowledge(1, home))
      .acceptsWithoutEvents()
    given(stockAdjusted(1)).when(acknowledge(1)).acceptsWithoutEvents()
    given(splitAborted()).when(acknowledge(1)).acceptsWithoutEvents()
  },
)

hearing('after the reservation was forgotten changes nothing', () => {
  const released = [splitSettled(1, { status: 'released' }), ...ownSettled(1, gone, gone)]
  given(...madeAtHome, ...released, splitAcknowledged(1), splitForgotten())
    .when(acknowledge(1))
    .acceptsWithoutEvents()
})

hearing('has a shard that acknowledged waiting again with the next settlement', () => {
  given(...settledOnce, splitAcknowledged(1))
    .when(ofSplit(expire()))
    .accepts(splitSettled(2, { status: 'expired', quantities: [1, 2, 2] }), ...ownSettled(2, gone, gone))
    .leavesSplit({ unsettled: new Set([elsewhere]) })
})

hearing('waits for every other shard', () => {
  const far = { productId: screen, shard: farAway, quantity: 1, available: 0, holdVersion: 2 }
  const [made] = [splitHeld({ lines: [...threeLines, far] })]
  given(...madeAtHome.slice(0, -1), made)
    .when(ofSplit(confirm()))
    .accepts(
      splitSettled(1, { status: 'confirmed', quantities: [1, 2, 3, 1], returned: [0, 0, 0, 0] }),
      ...ownSettled(1, { sold: 1 }, { sold: 2 }),
    )
    .leavesSplit({ unsettled: new Set([elsewhere, farAway]) })
    .when(acknowledge(1, farAway))
    .accepts(splitAcknowledged(1, farAway))
    .leavesSplit({ unsettled: new Set([elsewhere]) })
})

hearing.run()

const words = suite('what a home says to a shard')

words('is what each of its lines stands at', () => {
  const after = (...history: readonly Happened[]) => {
    const split = given(...madeAtHome, ...history).shard.splits.get(split1)
    assert.ok(split)
    const { step, lines, closed } = settlementFor(split, elsewhere)
    return [step, lines[0]?.held, lines[0]?.sold, closed]
  }
  assert.equal(after(), [0, 3, 0, false])
  assert.equal(after(splitPaymentStarted()), [0, 3, 0, false])
  assert.equal(after(splitSettled(1, { quantities: [1, 2, 2] })), [1, 2, 0, false])
  assert.equal(after(splitSettled(1, { status: 'released' })), [1, 0, 0, false])
  assert.equal(after(splitSettled(1, { status: 'expired' })), [1, 0, 0, false])
  const confirmed = splitSettled(1, { status: 'confirmed', quantities: [0, 0, 2] })
  assert.equal(after(confirmed), [1, 0, 2, false])
  const fields = { status: 'confirmed', quantities: [0, 0, 2], returned: [0, 0, 1] } as const
  assert.equal(after(confirmed, splitSettled(2, fields)), [2, 0, 1, false])
  assert.equal(after(confirmed, splitSettled(2, { ...fields, closed: true })), [2, 0, 1, true])
})

words('goes only where there are lines', () => {
  const { shard } = given(...madeAtHome)
  const split = shard.splits.get(split1)
  assert.ok(split)
  assert.equal([...shardsOf(split)], [home, elsewhere])
  assert.equal(
    settlementFor(split, home).lines.map(({ productId }) => productId),
    [cable, shell],
  )
  assert.throws(() => settlementFor(split, farAway), isBroken(/where there are lines/))
})

words.run()

const waiting = suite('a command while a settlement is on its way')

waiting('goes on from what the home says, not from what a shard has heard', () => {
  given(...madeAtHome)
    .when({ ...ofSplit(release()), items: itemsOf([phone, 2]) })
    .accepts(splitSettled(1, { quantities: [1, 2, 1] }))
    .when({ ...ofSplit(confirm()), items: itemsOf([phone, 1]) })
    .accepts(splitSettled(2, { status: 'confirmed', quantities: [0, 0, 1] }), ...ownSettled(2, gone, gone))
    .when({ ...ofSplit(giveBack()), items: itemsOf([phone, 1]) }, noonMs + 1)
    .accepts(
      splitSettled(3, {
        status: 'confirmed',
        quantities: [0, 0, 1],
        returned: [0, 0, 1],
        reason: 'too small',
      }),
    )
})

waiting.run()
