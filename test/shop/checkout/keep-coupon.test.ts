import * as assert from 'uvu/assert'
import { EngineError } from '../../../src/actors/engine-error.ts'
import { keepCoupon } from '../../../src/shop/checkout/keep-coupon.ts'
import { FakeEngine, stock, usualAnswer } from '../../http/fake-parts.ts'
import { suite } from '../../support/suite.ts'

const DISCOUNT = { code: 'TEN', maxUses: 10, perCustomer: 1 }

/** An engine in which somebody takes a use each time between a look and the change, so many times. */
function hurried(times: number) {
  const engine = new FakeEngine()
  let version = 2
  engine.answer = (request) => {
    if (request.type === 'readStock') return stock({ version, sold: version })
    if (request.type !== 'adjust' || version >= 2 + times) return usualAnswer(request)
    version += 1
    const refusal = { reason: 'stockVersionMismatch', expected: version - 1, version }
    return { type: 'refused', refusal }
  }
  return engine
}

const coupons = suite('the uses of a discount')

coupons('are set although some are taken meanwhile, by what is taken then', async () => {
  const engine = hurried(3)
  assert.is(await keepCoupon({ engine }, DISCOUNT), undefined)
  const sets = engine.requests.flatMap((each) => (each.type === 'adjust' ? [each.change] : []))
  assert.equal(sets.at(-1), { set: 5, expectedVersion: 5 })
  assert.is(sets.length, 4)
  assert.is(engine.requests.at(-1)?.type, 'scheduleSale')
})

coupons('that are taken faster than anybody can look are to be set later', async () => {
  try {
    await keepCoupon({ engine: hurried(Number.POSITIVE_INFINITY) }, DISCOUNT)
    assert.unreachable()
  } catch (error) {
    assert.instance(error, EngineError)
    assert.is((error as EngineError).code, 'overloaded')
  }
})

coupons.run()
