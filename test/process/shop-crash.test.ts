/**
 * FAULTS.md, 64: the real server dies between two steps of an order, at every other one of them, the rest in other runs; the
 * first is printed, and `TEST_SEED=<it>` takes the same again. `shop-crash.long.ts` dies at all of them, and often.
 */
import { shopCrashPoints } from '../../src/crash-points.ts'
import { dieAt, makeTemplate, type Template } from '../support/shop-crash.ts'
import { note, suite } from '../support/suite.ts'

const EVERY = 2
const first = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * EVERY)) % EVERY
const test = suite('a crash between two steps of an order', { limitMs: 60_000 })
let template: Template

test.before(async () => {
  note(`TEST_SEED=${first}`)
  template = await makeTemplate()
})

for (const [nr, crashPoint] of shopCrashPoints.entries()) {
  // A hold that is being paid lives for 15 minutes; what comes after is tried in test/shop/orders/killed-shop.test.ts.
  if (crashPoint === 'order.afterRehold' || nr % EVERY !== first) continue
  test(`at ${crashPoint} ends in an order or a refund, with no unit and no use of a coupon stranded`, () =>
    dieAt(template, crashPoint))
}

test.after(() => template.site[Symbol.asyncDispose]())
test.run()
