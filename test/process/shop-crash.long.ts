/** As `shop-crash.test.ts`, twenty times at each place. */
import { shopCrashPoints } from '../../src/crash-points.ts'
import { dieAt, makeTemplate, type Template } from '../support/shop-crash.ts'
import { note, suite } from '../support/suite.ts'

const ROUNDS = 20
const test = suite('many crashes between two steps of an order', { limitMs: 600_000 })
let template: Template

test.before(async () => {
  template = await makeTemplate()
})

for (const crashPoint of shopCrashPoints) {
  if (crashPoint === 'order.afterRehold') continue
  test(`at ${crashPoint}, ${ROUNDS} times`, async () => {
    for (let round = 1; round <= ROUNDS; round++) await dieAt(template, crashPoint)
    note(`${crashPoint}: ${ROUNDS} crashes, each an order or a refund in the end`)
  })
}

test.after(() => template.site[Symbol.asyncDispose]())
test.run()
