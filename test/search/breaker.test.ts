import * as assert from 'uvu/assert'
import { Breaker } from '../../src/search/breaker.ts'
import { ManualClock } from '../support/manual-time.ts'
import { suite } from '../support/suite.ts'

const OPTIONS = { failuresMax: 3, firstMs: 1_000, longestMs: 5_000 }

function breakerAt({ fraction = 0 } = {}) {
  const clock = new ManualClock(0)
  const breaker = new Breaker(OPTIONS, clock, { fraction: () => fraction })
  return { clock, breaker }
}

/** Opens it anew, as whoever tries and fails does. */
function failTry({ clock, breaker }: ReturnType<typeof breakerAt>): number {
  clock.pass(breaker.waitMs)
  assert.ok(breaker.mayCall())
  breaker.failed()
  return breaker.waitMs
}

const test = suite('a breaker')

test('opens after so many failures in a row, and not for failures between successes', () => {
  const { breaker } = breakerAt()
  for (const outcome of ['failed', 'failed', 'succeeded', 'failed', 'failed'] as const) {
    assert.ok(breaker.mayCall())
    breaker[outcome]()
  }
  assert.ok(breaker.isClosed)
  breaker.failed()
  assert.not(breaker.isClosed)
  assert.not(breaker.mayCall())
  assert.is(breaker.waitMs, 1_000)
})

test('lets one try when its time has passed, and nobody else until that is decided', () => {
  const { clock, breaker } = breakerAt()
  for (let i = 0; i < 3; i++) breaker.failed()
  clock.pass(999)
  assert.not(breaker.mayCall())
  clock.pass(1)
  assert.ok(breaker.mayCall())
  assert.not(breaker.mayCall())
  breaker.succeeded()
  assert.ok(breaker.mayCall() && breaker.mayCall())
  breaker.failed()
  breaker.failed()
  assert.ok(breaker.isClosed, 'what failed before a success is forgotten')
})

test('stays open longer with each try that fails, up to a bound, and starts anew after one that comes off', () => {
  const world = breakerAt()
  for (let i = 0; i < 3; i++) world.breaker.failed()
  assert.equal([failTry(world), failTry(world), failTry(world), failTry(world)], [2_000, 4_000, 5_000, 5_000])
  world.clock.pass(5_000)
  assert.ok(world.breaker.mayCall())
  world.breaker.succeeded()
  for (let i = 0; i < 3; i++) world.breaker.failed()
  assert.is(world.breaker.waitMs, 1_000)
})

test('chance shortens its time by up to a half', () => {
  const { breaker } = breakerAt({ fraction: 0.999 })
  for (let i = 0; i < 3; i++) breaker.failed()
  assert.is(Math.round(breaker.waitMs), 501)
})

test('a try of which nothing is heard does not keep it open for ever', () => {
  const { clock, breaker } = breakerAt()
  for (let i = 0; i < 3; i++) breaker.failed()
  clock.pass(1_000)
  assert.ok(breaker.mayCall())
  clock.pass(1_000)
  assert.ok(breaker.mayCall())
})

test('calls that were under way when it opened neither close it nor open it for longer', () => {
  const { breaker } = breakerAt()
  for (let i = 0; i < 20; i++) breaker.failed()
  assert.is(breaker.waitMs, 1_000)
  breaker.succeeded()
  assert.not(breaker.mayCall())
})

test.run()
