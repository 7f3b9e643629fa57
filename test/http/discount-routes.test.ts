import * as assert from 'uvu/assert'
import type { Request } from '../../src/actors/requests.ts'
import { suite } from '../support/suite.ts'
import { type Shop, shop } from './shop-parts.ts'

const DISCOUNTS = '/v1/discounts'
const TEN = { code: 'TEN', percent: 10, maxUses: 100 }

/** As many as the engine was told last that there are; the fake has sold 12 of everything. */
function usesSet({ engine }: Shop): number | undefined {
  const isSet = (request: Request) => request.type === 'adjust'
  const last = engine.requests.findLast(isSet)
  return last?.type === 'adjust' && 'set' in last.change ? last.change.set + 12 : undefined
}

const discounts = suite('a discount that is changed')

discounts('is not set back by whoever repeats how it was made, or an earlier change', async () => {
  using world = shop()
  const { call } = world
  const made = { as: 'staff', body: TEN, headers: { 'idempotency-key': 'a' } }
  assert.is((await call('POST', DISCOUNTS, made)).status, 201)
  assert.is(usesSet(world), 100)
  const changed = { as: 'staff', body: { maxUses: 50 }, headers: { 'idempotency-key': 'b' } }
  assert.is((await call('PATCH', `${DISCOUNTS}/TEN`, changed)).body.maxUses, 50)
  assert.is((await call('POST', DISCOUNTS, made)).headers.get('idempotency-replayed'), 'true')
  assert.is(usesSet(world), 50)
  await call('PATCH', `${DISCOUNTS}/TEN`, { as: 'staff', body: { maxUses: 70 } })
  const again = await call('PATCH', `${DISCOUNTS}/TEN`, changed)
  assert.is(again.headers.get('idempotency-replayed'), 'true')
  assert.is(usesSet(world), 70)
})

discounts('by two at a time has what both changed', async () => {
  using world = shop()
  const { call } = world
  await call('POST', DISCOUNTS, { as: 'staff', body: TEN })
  const bodies = [{ active: false }, { maxUses: 20 }, { perCustomer: 1 }]
  await Promise.all(bodies.map((body) => call('PATCH', `${DISCOUNTS}/TEN`, { as: 'staff', body })))
  const { active, maxUses, perCustomer } = (await call('GET', `${DISCOUNTS}/TEN`, { as: 'staff' })).body
  assert.equal([active, maxUses, perCustomer], [false, 20, 1])
  assert.is(usesSet(world), 20)
  const limits = world.engine.requests.flatMap((each) => (each.type === 'scheduleSale' ? [each.sale] : []))
  assert.equal(limits.at(-1), { perCustomerLimit: 1, maxPerReservation: 1 })
})

discounts.run()
