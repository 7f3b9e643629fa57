/** FAULTS.md, 64: the real server dies between two steps of an order, at each of them; `shop-crash.long.ts` does so often. */
import { shopCrashPoints } from '../../src/crash-points.ts'
import { dieAt, makeTemplate, type Template } from '../support/shop-crash.ts'
import { suite } from '../support/suite.ts'

const test = suite('a crash between two steps of an order', { limitMs: 60_000 })
let template: Template

test.before(async () => {
  template = await makeTemplate()
})

for (const crashPoint of shopCrashPoints) {
  // A hold that is being paid lives for 15 minutes; what comes after is tried in test/shop/orders/killed-shop.test.ts.
  if (crashPoint === 'order.afterRehold') continue
  test(`at ${crashPoint} ends in an order or a refund, with no unit and no use of a coupon stranded`, () =>
    dieAt(template, crashPoint))
}

test.after(() => template.site[Symbol.asyncDispose]())
test.run()
