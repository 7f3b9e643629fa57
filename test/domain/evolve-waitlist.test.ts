/** Events of lines: those that fit no history stop the shard, and the others leave what they say. */
import * as assert from 'uvu/assert'
import { evolve } from '../../src/domain/evolve.ts'
import { availableOf } from '../../src/domain/stock.ts'
import { suite } from '../support/suite.ts'
import { ann, bob, noonMs, phone, res2, res3, stockAdjusted, unitsHeld, unitsReleased } from './examples.ts'
import { complete, given, type Happened, isBroken } from './given.ts'
import { portraitOf } from './portrait.ts'
import {
  cleo,
  idFor,
  unitsEarmarked,
  waitlistJoined,
  waitlistLeft,
  waitlistServed,
} from './waitlist-examples.ts'

/** Six phones, all held; Bob waits for two, Cleo for three. */
const waiting: readonly Happened[] = [
  stockAdjusted(6),
  unitsHeld(3),
  unitsHeld(3, { reservationId: res2 }),
  waitlistJoined(bob, 2),
  waitlistJoined(cleo, 3),
]
const freed = [...waiting, unitsReleased(3)]

const fitting = suite('an event of a line that does not fit')

const misfits: readonly [name: string, history: readonly Happened[], event: Happened, message: RegExp][] = [
  ['a line for an unknown product', [], waitlistJoined(bob, 1), /names what exists/],
  ['a second place in the line', waiting, waitlistJoined(bob, 1), /stands in line once/],
  ['the leaving of nobody', waiting, waitlistLeft(ann), /who leaves stood in line/],
  ['the leaving of no line', [stockAdjusted(1)], waitlistLeft(ann), /names what exists/],
  ['a hold for nobody in line', [stockAdjusted(1)], waitlistServed(ann, 1), /names what exists/],
  ['a hold for the second in line', freed, waitlistServed(cleo, 3), /served in order/],
  ['a hold of more than the head waits for', freed, waitlistServed(bob, 3), /what it waits for/],
  ['a hold of less than the head waits for', freed, waitlistServed(bob, 1), /what it waits for/],
  [
    'a hold by another name than the head was given',
    freed,
    waitlistServed(bob, 2, { reservationId: idFor(cleo) }),
    /what it waits for/,
  ],
  ['a hold of what is not there', waiting, waitlistServed(bob, 2), /more held than on hand/],
  ['a hold that says too many are left', freed, waitlistServed(bob, 2, { available: 2 }), /many are left/],
  [
    'a hold by the name of a known one',
    [...freed.slice(0, -3), waitlistJoined(bob, 2, { reservationId: res2 }), unitsReleased(3)],
    waitlistServed(bob, 2, { reservationId: res2 }),
    /made once/,
  ],
  ['more put aside than is free', freed, unitsEarmarked(4), /free units are put aside/],
  ['units put aside for nobody', [stockAdjusted(1)], unitsEarmarked(1), /names what exists/],
]

for (const [name, history, happened, message] of misfits) {
  fitting(`stops the shard: ${name}`, () => {
    const { shard } = given(...history)
    const event = complete(shard, happened)
    assert.throws(() => evolve(shard, event, noonMs), isBroken(message))
  })
}

for (const happened of [
  waitlistJoined(ann, 1),
  waitlistLeft(bob),
  waitlistServed(bob, 2),
  unitsEarmarked(3),
]) {
  fitting(`stops the shard: ${happened.type} at a version not next (R3)`, () => {
    for (const off of [-1, 1, 2]) {
      const { shard } = given(...freed)
      const event = complete(shard, happened)
      assert.ok('version' in event)
      assert.throws(
        () => evolve(shard, { ...event, version: event.version + off }, noonMs),
        isBroken(/versions have no gaps/),
      )
    }
    const { shard } = given(...freed)
    evolve(shard, complete(shard, happened), noonMs)
  })
}

fitting.run()

const state = suite('the state after events of a line')

state('has the line in its order, who was served, and what is put aside', () => {
  const { shard } = given(...freed, waitlistServed(bob, 2), unitsEarmarked(1))
  const [stock] = portraitOf(shard).products
  assert.equal(stock?.waitlist, {
    line: [[cleo, { customerId: cleo, quantity: 3, reservationId: idFor(cleo) }]],
    served: [[bob, idFor(bob)]],
  })
  assert.equal([stock?.held, stock?.earmarked], [5, 1])
})

state('has a place at the end for who leaves and joins again', () => {
  const { shard } = given(...waiting, waitlistLeft(bob), waitlistJoined(bob, 2))
  assert.equal([...(shard.products.get(phone)?.waitlist?.line.keys() ?? [])], [cleo, bob])
})

state('has nothing put aside once its head has gone, served or not', () => {
  for (const gone of [waitlistLeft(bob), waitlistServed(bob, 2)]) {
    const { shard } = given(...freed, unitsEarmarked(3))
    evolve(shard, complete(shard, gone), noonMs)
    const stock = shard.products.get(phone)
    assert.ok(stock)
    assert.is(stock.earmarked, 0)
    assert.is(availableOf(stock), gone.type === 'WaitlistServed' ? 1 : 3)
  }
})

state(
  'knows who was served until that very hold ends, whatever else of theirs does, and whoever comes and goes',
  () => {
    const { shard } = given(...freed, waitlistServed(bob, 2), waitlistLeft(cleo))
    const served = () => [...(shard.products.get(phone)?.waitlist?.served ?? [])]
    for (const event of [
      unitsHeld(1, { reservationId: res3, customerId: bob }),
      { ...unitsReleased(1), reservationId: res3 } as Happened,
      waitlistJoined(cleo, 9),
      waitlistLeft(cleo),
    ]) {
      evolve(shard, complete(shard, event), noonMs)
      assert.equal(served(), [[bob, idFor(bob)]], event.type)
    }
    evolve(shard, complete(shard, { ...unitsReleased(2), reservationId: idFor(bob) } as Happened), noonMs)
    assert.is(shard.products.get(phone)?.waitlist, undefined)
  },
)

state('has no line where nobody waits and nobody who did holds anything', () => {
  const { shard } = given(...waiting, waitlistLeft(cleo), waitlistLeft(bob))
  assert.is(shard.products.get(phone)?.waitlist, undefined)
})

state.run()
