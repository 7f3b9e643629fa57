/**
 * What deliveries.test.ts does with a few thousand webhooks, with a hundred thousand; `DELIVERIES` says how many else, as ten
 * million. Each shop hears so many of them, and is then checked whole; the next one begins with the next seed.
 */
import * as assert from 'uvu/assert'
import { LongFigure } from '../../support/long-figure.ts'
import { note, suite } from '../../support/suite.ts'
import { deliver, type Figures } from './deliveries.ts'

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 30))
const many = Number(process.env.DELIVERIES ?? 100_000)
const EACH = 5_000
const command = `TEST_SEED=${seed} DELIVERIES=${many} npm run test:long -- payments/deliveries.long`

const test = suite('webhooks by the hundred thousand, repeated, mixed up, late, lost and forged', {
  limitMs: 86_400_000,
})

test('give each order one outcome, and the books balance to the cent', async () => {
  const figure = new LongFigure('deliveries')
  const total: Record<string, number> = { deliveries: 0, shops: 0 }
  const add = (name: string, count: number) => {
    total[name] = (total[name] ?? 0) + count
  }
  while ((total.deliveries ?? 0) < many) {
    const shop = seed + (total.shops ?? 0)
    const before = total.deliveries ?? 0
    const onProgress = (now: number) => figure.progress(() => `${before + now} of ${many} deliveries`)
    let figures: Figures
    try {
      figures = await deliver({ seed: shop, deliveries: Math.min(EACH, many - before), onProgress })
    } catch (error) {
      const alone = `TEST_SEED=${shop} DELIVERIES=${EACH} npm test -- payments/deliveries.test`
      throw new Error(`${error instanceof Error ? error.message : error}\n${alone}`, { cause: error })
    }
    for (const [name, count] of Object.entries(figures)) add(name, count)
    add('shops', 1)
  }
  figure.end({ command, seed, ...total, violations: 0 })
  note(JSON.stringify(total))
  assert.ok((total.deliveries ?? 0) >= many)
})

test.run()
