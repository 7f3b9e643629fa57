/** FAULTS.md, attack 29: who reserves, never pays and comes again. */
import * as assert from 'uvu/assert'
import type { CustomerId } from '../../src/domain/ids.ts'
import { cooldownMemory, SharedCooldowns } from '../../src/http/cooldowns.ts'
import { cooldownPlaces, cooldownWindowMs } from '../../src/limits.ts'
import { realRandom } from '../../src/seams.ts'
import { ManualClock } from '../support/manual-time.ts'
import { suite } from '../support/suite.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = cooldownWindowMs
const ann = 'ann' as CustomerId
const bob = 'bob' as CustomerId

class World {
  readonly clock = new ManualClock(0)
  readonly memory
  /** Main's end, which alone writes, and a listener's. */
  readonly main: SharedCooldowns
  readonly listener: SharedCooldowns

  constructor(places = 1_024) {
    this.memory = cooldownMemory(realRandom(), places)
    this.main = new SharedCooldowns(this.memory, this.clock)
    this.listener = new SharedCooldowns(structuredClone(this.memory), this.clock)
  }

  expire(customerId: CustomerId, times = 1): void {
    for (let i = 0; i < times; i++) this.main.note([customerId])
  }

  leftMs(customerId: CustomerId): number {
    return this.listener.leftMs(customerId)
  }
}

const test = suite('a customer’s cool-down')

test('begins with the third expiry within an hour, and ends when the first of them is an hour old', () => {
  const world = new World()
  world.expire(ann)
  world.clock.pass(10 * MINUTE)
  world.expire(ann)
  world.clock.pass(10 * MINUTE)
  assert.is(world.leftMs(ann), 0)
  world.expire(ann)
  assert.is(world.leftMs(ann), 40 * MINUTE)
  assert.is(world.leftMs(bob), 0)
  world.clock.pass(40 * MINUTE - SECOND)
  assert.is(world.leftMs(ann), SECOND)
  world.clock.pass(SECOND)
  assert.is(world.leftMs(ann), 0)
})

test('is over when it said so, wherever in a second it was asked', () => {
  for (const ms of [0, 1, 500, 999]) {
    const world = new World()
    world.clock.pass(ms)
    world.expire(ann, 3)
    world.clock.pass(777)
    const leftMs = world.leftMs(ann)
    assert.ok(leftMs > 0 && leftMs <= HOUR)
    world.clock.pass(Math.ceil(leftMs / SECOND) * SECOND)
    assert.is(world.leftMs(ann), 0)
  }
})

test('does not come of expiries that lie further apart', () => {
  const world = new World()
  for (let i = 0; i < 20; i++) {
    world.expire(ann)
    assert.is(world.leftMs(ann), 0)
    world.clock.pass(HOUR / 2)
  }
})

test('goes on while more expires, by the last three', () => {
  const world = new World()
  world.expire(ann, 3)
  world.clock.pass(30 * MINUTE)
  world.expire(ann)
  assert.is(world.leftMs(ann), 30 * MINUTE, 'two of the first are left')
  world.expire(ann, 2)
  assert.is(world.leftMs(ann), HOUR)
})

test('comes of three expiries told of at once, as of one each', () => {
  const world = new World()
  world.main.note([ann, bob, ann, bob, ann])
  assert.is(world.leftMs(ann), HOUR)
  assert.is(world.leftMs(bob), 0)
})

test('counts from the first second of the machine on', () => {
  const world = new World()
  world.expire(ann, 2)
  assert.is(world.leftMs(ann), 0, 'what has not been is not an expiry')
  assert.equal(world.main.sizes(), { known: 1, coolingDown: 0, max: 1_024 })
})

test('is counted as long as it lasts', () => {
  const world = new World()
  world.expire(ann, 3)
  world.expire(bob)
  assert.equal(world.listener.sizes(), { known: 2, coolingDown: 1, max: 1_024 })
  world.clock.pass(HOUR)
  assert.equal(world.listener.sizes(), { known: 0, coolingDown: 0, max: 1_024 })
})

test('ends for nobody because others expire, a million of them', () => {
  const world = new World(cooldownPlaces)
  const hoarders = Array.from({ length: 300 }, (_, i) => `hoarder ${i}` as CustomerId)
  for (const hoarder of hoarders) world.expire(hoarder, 3)
  for (let i = 0; i < 1_000_000; i++) world.main.note([`made up ${i}` as CustomerId])
  for (const hoarder of hoarders) assert.is(world.leftMs(hoarder), HOUR, hoarder)
  assert.equal(world.main.sizes(), { known: cooldownPlaces, coolingDown: 300, max: cooldownPlaces })
})

test('where eight share a set, the one with the fewest expiries is forgotten, and of those the oldest', () => {
  const world = new World(8)
  const [first, second, ...others] = Array.from({ length: 8 }, (_, i) => `customer ${i}` as CustomerId)
  if (first === undefined || second === undefined) throw new Error('there are eight')
  world.expire(first)
  world.clock.pass(SECOND)
  world.expire(second)
  for (const other of others) world.expire(other, 2)
  world.clock.pass(SECOND)
  world.expire(ann)
  assert.equal(
    [first, second, ...others, ann].filter((who) => {
      world.expire(who, 1)
      return world.leftMs(who) > 0
    }),
    others,
    'these had two',
  )
})

test('where all eight of a set cool down, one more must wait for a place', () => {
  const world = new World(8)
  const eight = Array.from({ length: 8 }, (_, i) => `customer ${i}` as CustomerId)
  for (const customer of eight) world.expire(customer, 3)
  world.expire(ann, 3)
  assert.is(world.leftMs(ann), 0)
  for (const customer of eight) assert.is(world.leftMs(customer), HOUR)
  world.clock.pass(HOUR)
  world.expire(ann, 3)
  assert.is(world.leftMs(ann), HOUR)
})

test.run()
