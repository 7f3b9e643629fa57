/** A few thousand webhooks; a hundred thousand and more are in deliveries.long.ts. */
import * as assert from 'uvu/assert'
import { note, suite } from '../../support/suite.ts'
import { deliver } from './deliveries.ts'

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const MANY = Number(process.env.DELIVERIES ?? 3_000)

const test = suite('webhooks by the thousand, repeated, mixed up, late, lost and forged', {
  limitMs: 120_000,
})

test('give each order one outcome, and the books balance to the cent', async () => {
  note(`TEST_SEED=${seed} repeats this`)
  const figures = await deliver({ seed, deliveries: MANY })
  note(JSON.stringify(figures))
  assert.ok(figures.deliveries >= MANY)
})

test.run()
