import * as assert from 'uvu/assert'
import { rateMemory, SharedRateLimits } from '../../src/http/rate-limits.ts'
import { realRandom } from '../../src/seams.ts'
import { rateLimitsContract } from '../contract/rate-limits.ts'
import { ManualClock } from '../support/manual-time.ts'
import { suite } from '../support/suite.ts'
import { noRates } from './fake-limits.ts'

rateLimitsContract('memory that listeners share', (rates) => {
  const clock = new ManualClock(0)
  const memory = rateMemory(rates, realRandom())
  return Promise.resolve({
    ends: [new SharedRateLimits(memory, clock), new SharedRateLimits(structuredClone(memory), clock)],
    pass: (ms) => Promise.resolve(clock.pass(ms)),
    close: () => Promise.resolve(),
  })
})

const test = suite('memory that listeners share')

test('is made for what has a limit only', () => {
  const { tables } = rateMemory({ ...noRates, address: 100 }, realRandom())
  assert.equal(
    tables.map(({ policy }) => policy),
    ['address'],
  )
})

test('has a hash key of its own at each start', () => {
  const keys = Array.from({ length: 5 }, () => rateMemory(noRates, realRandom()).hashKey.join())
  assert.is(new Set(keys).size, 5)
})

test('tells how full it is, whoever has used it', () => {
  const clock = new ManualClock(0)
  const memory = rateMemory({ ...noRates, customer: 2, address: 2 }, realRandom(), 64)
  const limits = new SharedRateLimits(memory, clock)
  limits.take('customer', 'ann')
  limits.take('customer', 'bob')
  const other = new SharedRateLimits(memory, clock)
  assert.equal(other.sizes(), [
    { policy: 'customer', inUse: 2, max: 64 },
    { policy: 'address', inUse: 0, max: 64 },
  ])
})

test.run()
