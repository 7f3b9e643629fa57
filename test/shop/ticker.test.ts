import * as assert from 'uvu/assert'
import { TablesError } from '../../src/persistence/tables/tables-error.ts'
import { Ticker } from '../../src/shop/ticker.ts'
import { ManualClock, ManualTimers } from '../support/manual-time.ts'
import { suite } from '../support/suite.ts'

const TICK_MS = 1_000
const test = suite('a ticker')

class World {
  readonly timers = new ManualTimers(new ManualClock(0))
  readonly troubles: unknown[] = []
  rounds = 0
  round: () => Promise<boolean> = async () => false
  readonly ticker = new Ticker({
    timers: this.timers.session(),
    tickMs: TICK_MS,
    tick: () => {
      this.rounds += 1
      return this.round()
    },
    onTrouble: (error) => void this.troubles.push(error),
  })
}

test('calls at once, and then again and again, however often it is started', async () => {
  const world = new World()
  world.ticker.start()
  world.ticker.start()
  await world.timers.advance(1)
  assert.is(world.rounds, 1)
  await world.timers.advance(5 * TICK_MS + 10)
  assert.is(world.rounds, 6)
})

test('calls sooner when it is woken, once for a burst', async () => {
  const world = new World()
  world.ticker.start()
  await world.timers.advance(10)
  for (let i = 0; i < 50; i++) world.ticker.wake()
  await world.timers.advance(30)
  assert.is(world.rounds, 2)
})

test('calls again at once where more is known to wait', async () => {
  const world = new World()
  world.round = async () => world.rounds < 20
  world.ticker.start()
  await world.timers.advance(100)
  assert.is(world.rounds, 20)
})

test('has one round at a time, and after it one more where it was woken meanwhile', async () => {
  const world = new World()
  const { promise, resolve } = Promise.withResolvers<boolean>()
  world.round = () => promise
  world.ticker.start()
  await world.timers.advance(10)
  for (let i = 0; i < 5; i++) world.ticker.wake()
  await world.timers.advance(10 * TICK_MS)
  assert.is(world.rounds, 1)
  world.round = async () => false
  resolve(false)
  await world.timers.advance(30)
  assert.is(world.rounds, 2)
})

test('goes on after a round that failed, and tells but of what is no trouble of the tables', async () => {
  const world = new World()
  const fault = new Error('a fault')
  const failures: readonly Error[] = [new TablesError('unavailable', 'The tables are away.'), fault]
  world.round = async () => {
    throw failures[world.rounds - 1] ?? new TablesError('overloaded', 'Too much.')
  }
  world.ticker.start()
  await world.timers.advance(3 * TICK_MS + 10)
  assert.is(world.rounds, 4)
  assert.equal(world.troubles, [fault])
})

test('calls no more once it is stopped, not even after a round that was under way', async () => {
  const world = new World()
  const { promise, resolve } = Promise.withResolvers<boolean>()
  world.round = () => promise
  world.ticker.start()
  await world.timers.advance(10)
  world.ticker.stop()
  world.ticker.wake()
  resolve(true)
  await world.timers.advance(10 * TICK_MS)
  assert.is(world.rounds, 1)
})

test.run()
