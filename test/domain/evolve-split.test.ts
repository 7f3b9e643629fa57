/** Events of reservations of several products and of their holds: those that fit no history stop the shard. */
import * as assert from 'uvu/assert'
import { evolve } from '../../src/domain/evolve.ts'
import { abortedStep } from '../../src/domain/split.ts'
import { suite } from '../support/suite.ts'
import { ann, bob, cable, minuteMs, noonMs, phone, saleScheduled, stockAdjusted } from './examples.ts'
import { complete, given, type Happened, isBroken } from './given.ts'
import { portraitOf } from './portrait.ts'
import {
  abortForgotten,
  elsewhere,
  farAway,
  holdPlaced,
  holdSettled,
  home,
  madeAtHome,
  ownSettled,
  screen,
  split1,
  split2,
  splitAborted,
  splitAcknowledged,
  splitExtended,
  splitForgotten,
  splitHeld,
  splitIdOf,
  splitPaymentStarted,
  splitSettled,
  threeLines,
} from './split-examples.ts'

const gone = { held: 0, sold: 0 }
const holding: readonly Happened[] = [stockAdjusted(10), holdPlaced(3)]
const released = [...madeAtHome, splitSettled(1, { status: 'released' }), ...ownSettled(1, gone, gone)]
const confirmed = [
  ...madeAtHome,
  splitSettled(1, { status: 'confirmed' }),
  ...ownSettled(1, { sold: 1 }, { sold: 2 }),
]

const fitting = suite('an event of several products that does not fit')

const misfits: readonly [name: string, history: readonly Happened[], event: Happened, message: RegExp][] = [
  ['a hold of an unknown product', [], holdPlaced(1), /names what exists/],
  ['a hold of nothing', [stockAdjusted(1)], holdPlaced(0), /holds something/],
  ['a hold of less than nothing', [stockAdjusted(1)], holdPlaced(-1), /holds something/],
  ['more held than on hand', holding, holdPlaced(8, { reservationId: split2 }), /more held than on hand/],
  [
    'a hold that says too many are left',
    [stockAdjusted(5)],
    holdPlaced(1, { available: 5 }),
    /many are left/,
  ],
  ['a hold that says too few are left', [stockAdjusted(5)], holdPlaced(1, { available: 3 }), /many are left/],
  ['a second hold of the same product', holding, holdPlaced(1), /one hold of a product/],

  ['a settlement of an unknown hold', [stockAdjusted(1)], holdSettled(1, gone), /names what exists/],
  [
    'a settlement of another product',
    [...holding, stockAdjusted(1, { productId: screen })],
    holdSettled(1, gone, { productId: screen }),
    /names what exists/,
  ],
  ['a settlement before the first', holding, holdSettled(0, { held: 2 }), /in order, each once/],
  [
    'a settlement again',
    [...holding, holdSettled(2, { held: 2 })],
    holdSettled(2, { held: 1 }),
    /in order, each once/,
  ],
  [
    'a settlement too late',
    [...holding, holdSettled(2, { held: 2 })],
    holdSettled(1, { held: 1 }),
    /in order, each once/,
  ],
  ['more held than before', holding, holdSettled(1, { held: 4 }), /never holds more/],
  ['more sold than held', holding, holdSettled(1, { sold: 4 }), /sold was held/],
  ['more sold than was let go', holding, holdSettled(1, { held: 2, sold: 2 }), /sold was held/],
  ['less sold than nothing', holding, holdSettled(1, { sold: -1 }), /confirmed once/],
  [
    'a second confirmation',
    [...holding, holdSettled(1, { held: 1, sold: 1 })],
    holdSettled(2, { sold: 2 }),
    /confirmed once/,
  ],
  ['less held than nothing', holding, holdSettled(1, { held: -1 }), /fewer than none held/],
  [
    'returns closed of what is held',
    holding,
    holdSettled(1, { held: 1, closed: true }),
    /closed holds nothing/,
  ],

  ['a second reservation by the same name', madeAtHome, splitHeld(), /made once/],
  ['a reservation by the name of an ended one', released, splitHeld(), /made once/],
  ['a reservation that was given up', [splitAborted()], splitHeld(), /made once/],
  ['a reservation of nothing', [], splitHeld({ lines: [] }), /has a line/],
  [
    'an extension of a payment',
    [...madeAtHome, splitPaymentStarted()],
    splitExtended(noonMs),
    /only a hold is extended/,
  ],
  ['an extension of an ended one', released, splitExtended(noonMs), /only a hold is extended/],
  ['a second payment', [...madeAtHome, splitPaymentStarted()], splitPaymentStarted(), /payment starts once/],
  ['a payment of an ended one', released, splitPaymentStarted(), /payment starts once/],
  ['a step again', [...madeAtHome, splitSettled(1)], splitSettled(1), /steps have no gaps/],
  ['a step left out', madeAtHome, splitSettled(2), /steps have no gaps/],
  ['a second end', released, splitSettled(2, { status: 'expired' }), /ends once/],
  ['a confirmation of an ended one', released, splitSettled(2, { status: 'confirmed' }), /ends once/],
  ['a payment by settlement', madeAtHome, splitSettled(1, { status: 'paying' }), /leaves it as it is/],
  [
    'a payment undone',
    [...madeAtHome, splitPaymentStarted()],
    splitSettled(1, { status: 'held' }),
    /leaves it as it is/,
  ],
  ['a life after the end', released, splitSettled(2, { status: 'held' }), /ends once/],
  ['more than the line has', madeAtHome, splitSettled(1, { quantities: [1, 2, 4] }), /never gives more/],
  ['a line left out', madeAtHome, splitSettled(1, { quantities: [1, 2] }), /names what exists/],
  [
    'a return left out',
    confirmed,
    splitSettled(2, { status: 'confirmed', returned: [0] }),
    /names what exists/,
  ],
  [
    'more returned than confirmed',
    confirmed,
    splitSettled(2, { status: 'confirmed', returned: [0, 0, 4] }),
    /more returned than confirmed/,
  ],
  [
    'less returned than before',
    [...confirmed, splitSettled(2, { status: 'confirmed', returned: [0, 0, 2] })],
    splitSettled(3, { status: 'confirmed', returned: [0, 0, 1] }),
    /more returned than confirmed/,
  ],
  ['an acknowledgement before any step', madeAtHome, splitAcknowledged(0), /acknowledges once/],
  ['an acknowledgement of a step to come', released, splitAcknowledged(2), /newest settlement/],
  ['an acknowledgement of an older step', released, splitAcknowledged(0), /newest settlement/],
  [
    'a second acknowledgement',
    [...released, splitAcknowledged(1)],
    splitAcknowledged(1),
    /acknowledges once/,
  ],
  ['the acknowledgement of a stranger', released, splitAcknowledged(1, farAway), /acknowledges once/],
  ['the acknowledgement of the home', released, splitAcknowledged(1, home), /acknowledges once/],
  ['a hold forgotten', madeAtHome, splitForgotten(), /what is settled is forgotten/],
  ['one forgotten before all have heard', released, splitForgotten(), /what is settled is forgotten/],
  [
    'one forgotten before its returns are closed',
    [...confirmed, splitAcknowledged(1)],
    splitForgotten(),
    /first closed/,
  ],
  ['a known one aborted', madeAtHome, splitAborted(), /unknown reservation is aborted/],
  ['an ended one aborted', released, splitAborted(), /unknown reservation is aborted/],
  ['one aborted again', [splitAborted()], splitAborted(), /aborted once/],
  ['an abort forgotten that never was', [], abortForgotten(), /names what exists/],
  ['an abort forgotten twice', [splitAborted(), abortForgotten()], abortForgotten(), /names what exists/],
]

for (const [name, history, event, message] of misfits) {
  fitting(`stops the shard: ${name}`, () => breaks(history, event, message))
}

for (const event of [
  splitExtended(noonMs),
  splitPaymentStarted(),
  splitSettled(1),
  splitAcknowledged(1),
  splitForgotten(),
]) {
  fitting(`stops the shard: ${event.type} of a reservation nobody knows`, () => {
    breaks([], event, /names what exists/)
    breaks([splitAborted()], event, /names what exists/)
    breaks([...released, splitAcknowledged(1), splitForgotten()], event, /names what exists/)
  })
}

for (const [history, happened] of [
  [[stockAdjusted(10)], holdPlaced(1)],
  [holding, holdSettled(1, { sold: 3 })],
] as const) {
  fitting(`stops the shard: ${happened.type} at a version not next (R3)`, () => {
    for (const off of [-1, 1, 2]) {
      const { shard } = given(...history)
      const event = complete(shard, happened)
      assert.ok('version' in event)
      assert.throws(
        () => evolve(shard, { ...event, version: event.version + off }, noonMs),
        isBroken(/versions have no gaps/),
      )
    }
  })
}

fitting.run()

function breaks(history: readonly Happened[], happened: Happened, message: RegExp): void {
  const { shard } = given(...history)
  const event = complete(shard, happened)
  assert.throws(() => evolve(shard, event, noonMs), isBroken(message))
}

const state = suite('the state after events of several products')

state('says of a hold what it stands at, since when, and by which step', () => {
  const { shard } = given(stockAdjusted(10))
  evolve(shard, complete(shard, holdPlaced(3)), noonMs + 7)
  const hold = {
    reservationId: split1,
    stock: phone,
    ofShard: true,
    customerId: ann,
    heldAtMs: noonMs + 7,
    holdVersion: 2,
  }
  assert.equal(portraitOf(shard).holds, [{ key: split1, holds: [{ ...hold, held: 3, sold: 0, step: 0 }] }])
  evolve(shard, complete(shard, holdSettled(4, { sold: 2 })), noonMs + 9)
  assert.equal(portraitOf(shard).holds, [{ key: split1, holds: [{ ...hold, held: 0, sold: 2, step: 4 }] }])
})

state('keeps the other holds of a reservation in their order, and nothing of the last one', () => {
  const products = [phone, screen, cable]
  const { shard } = given(
    ...products.map((productId) => stockAdjusted(5, { productId })),
    holdPlaced(1, { reservationId: split2 }),
    ...products.map((productId) => holdPlaced(1, { productId })),
  )
  const names = () => shard.holds.get(split1)?.map(({ stock }) => stock.productId)
  evolve(shard, complete(shard, holdSettled(1, gone, { productId: screen })), noonMs)
  assert.equal(names(), [phone, cable])
  evolve(shard, complete(shard, holdSettled(1, gone)), noonMs)
  assert.equal(names(), [cable])
  evolve(shard, complete(shard, holdSettled(abortedStep, gone, { productId: cable })), noonMs)
  assert.equal([...shard.holds.keys()], [split2])
})

state('says of a reservation what was settled, and which shards have not heard', () => {
  const far = { productId: screen, shard: farAway, quantity: 1, available: 0, holdVersion: 2 }
  const { shard } = given(...madeAtHome.slice(0, -1), splitHeld({ lines: [...threeLines, far] }))
  const at = (ms: number, event: Happened) => evolve(shard, complete(shard, event), noonMs + ms)
  at(1, splitExtended(noonMs + 20 * minuteMs))
  at(2, splitPaymentStarted(noonMs + 30 * minuteMs))
  at(3, splitSettled(1, { status: 'paying', quantities: [1, 2, 3, 0], returned: [0, 0, 0, 0] }))
  const [paying] = portraitOf(shard).splits
  assert.equal([paying?.status, paying?.expiresAtMs], ['paying', noonMs + 30 * minuteMs])
  assert.equal([paying?.resolvedAtMs, paying?.unsettled], [0, [elsewhere, farAway]])
  at(4, splitAcknowledged(1, farAway))
  at(
    5,
    splitSettled(2, {
      status: 'confirmed',
      quantities: [1, 0, 2, 0],
      returned: [0, 0, 0, 0],
      reference: 'order 7',
    }),
  )
  at(6, splitSettled(3, { status: 'confirmed', quantities: [1, 0, 2, 0], returned: [1, 0, 1, 0] }))
  const [sold] = portraitOf(shard).splits
  assert.equal(
    sold?.lines.map(({ quantity, returned }) => [quantity, returned]),
    [
      [1, 1],
      [0, 0],
      [2, 1],
      [0, 0],
    ],
  )
  assert.equal([sold?.resolvedAtMs, sold?.reference, sold?.step], [noonMs + 5, 'order 7', 3])
  assert.equal(sold?.unsettled, [elsewhere, farAway])
})

state('knows since when one is aborted, as long as anybody can ask', () => {
  const { shard } = given()
  evolve(shard, complete(shard, splitAborted()), noonMs + 3)
  assert.equal([...shard.aborted], [[split1, noonMs + 3]])
  evolve(shard, complete(shard, abortForgotten()), noonMs + 4)
  assert.equal([...shard.aborted], [])
})

state('has no entry for a customer who has nothing', () => {
  const limited = [stockAdjusted(10), saleScheduled({ perCustomerLimit: 9 })]
  const customersAfter = (...events: readonly Happened[]) => {
    const both = [holdPlaced(3), holdPlaced(2, { reservationId: splitIdOf(3), customerId: bob })]
    const [along] = portraitOf(given(...limited, ...both, ...events).shard).products
    const [late] = portraitOf(
      given(stockAdjusted(10), ...both, ...events, ...limited.slice(1)).shard,
    ).products
    assert.equal(
      [...(late?.customers ?? [])],
      [...(along?.customers ?? [])],
      'a limit set late counts what was held before',
    )
    return along?.customers
  }
  const bobs = ['bob', 2]
  const nobodys = holdPlaced(1, { reservationId: splitIdOf(4), customerId: undefined })
  assert.equal(customersAfter(nobodys), [['ann', 3], bobs])
  assert.equal(customersAfter(), [['ann', 3], bobs])
  assert.equal(customersAfter(holdSettled(1, { held: 1 })), [['ann', 1], bobs])
  assert.equal(customersAfter(holdSettled(1, { sold: 2 })), [['ann', 2], bobs])
  assert.equal(customersAfter(holdSettled(1, gone)), [bobs])
  assert.equal(customersAfter(holdSettled(1, { sold: 2 }), holdSettled(2, gone)), [bobs])
  assert.equal(customersAfter(holdSettled(1, { sold: 2 }), holdSettled(2, { sold: 2, closed: true })), [bobs])
})

state.run()
