/** Idempotency keys in shards: once decided, the answer is the same, whatever happens meanwhile. */
import * as assert from 'uvu/assert'
import { commandKeyOf } from '../../src/actors/command-key.ts'
import type { Held, ReservationReply, StockReply } from '../../src/actors/requests.ts'
import type { ReservationId } from '../../src/domain/ids.ts'
import { keyKnownMs } from '../../src/limits.ts'
import { InProcessEngine, inProcessEngine } from '../support/in-process-engine.ts'
import { suite } from '../support/suite.ts'
import { addStock, confirm, phone, release, reserve, setStock, stockOf } from './asking.ts'

const key = (name: string, body = 'body') => commandKeyOf('key_admin POST /v1/reservations', name, body)

async function stocked(units = 5): Promise<InProcessEngine> {
  const world = await inProcessEngine()
  await world.ask(setStock(phone, units))
  return world
}

const test = suite('a command under a key')

test('is decided once and answered as before, also when it races itself', async () => {
  const world = await stocked()
  const calls = Array.from({ length: 5 }, () => world.call({ ...reserve(world), key: key('k') }))
  await world.settle()
  const replies = calls.map(({ outcome }) =>
    outcome?.type === 'reply' ? (outcome.reply as Held) : undefined,
  )
  const ids = replies.map((reply, i) => reply?.reservationId ?? calls[i]?.request.reservationId)
  assert.is(new Set(ids).size, 1)
  for (const reply of replies) {
    const { quantity, available, expiresAtMs, sequence } = reply as Held
    const first = replies[0] as Held
    assert.equal([quantity, available, expiresAtMs, sequence], [1, 4, first.expiresAtMs, first.sequence])
  }
  assert.equal(
    replies.map((reply) => reply?.replayed),
    [undefined, true, true, true, true],
  )
  assert.is((await stockOf(world)).held, 1)
})

test('is refused where the body is another one, and decided afresh after a refusal', async () => {
  const world = await stocked(1)
  await world.ask({ ...reserve(world), key: key('k') })
  const other = await world.ask({ ...reserve(world), key: key('k', 'other body') })
  assert.is(other.type === 'refused' && other.refusal.reason, 'idempotencyMismatch')
  const short = await world.ask({ ...reserve(world), key: key('short') })
  assert.is(short.type === 'refused' && short.refusal.reason, 'outOfStock')
  await world.ask(addStock(phone, 1))
  assert.is((await world.ask({ ...reserve(world), key: key('short') })).type, 'held')
})

test('has the same answer after a kill, with and without a snapshot, whatever became of the reservation', async () => {
  const world = await stocked()
  const made = reserve(world, { reference: 'cart 7 – größer' })
  await world.ask({ ...made, key: key('make') })
  const first = (await world.ask({ ...confirm(made.reservationId), key: key('confirm') })) as ReservationReply
  const adjusted = (await world.ask({ ...addStock(phone, 7), key: key('adjust') })) as StockReply
  await world.ask({ type: 'return', reservationId: made.reservationId, items: undefined, reason: 'no' })
  for (const isOrderly of [false, true]) {
    if (isOrderly) await world.shutDown()
    const again = await new InProcessEngine({ disk: world.disk.copy() }).start()
    const replayed = (await again.ask({ ...reserve(again), key: key('make') })) as Held
    assert.is(replayed.reservationId, made.reservationId)
    const confirmed = await again.ask({ ...confirm(made.reservationId), key: key('confirm') })
    assert.equal(confirmed, { ...first, replayed: true })
    const stock = await again.ask({ ...addStock(phone, 7), key: key('adjust') })
    assert.equal(JSON.parse(JSON.stringify(stock)), { ...adjusted, replayed: true })
  }
})

test('is known for a day, and decided anew after it', async () => {
  const world = await stocked()
  await world.ask({ ...addStock(phone, 1), key: key('k') })
  await world.advance(keyKnownMs - 1_000)
  await world.ask({ ...addStock(phone, 1), key: key('k') })
  assert.is((await stockOf(world)).onHand, 6)
  await world.advance(2_000)
  await world.ask({ ...addStock(phone, 1), key: key('k') })
  assert.is((await stockOf(world)).onHand, 7)
})

test('that was claimed for another shard is the claimant’s, until it is freed', async () => {
  const world = await stocked()
  const claim = (reservationId: ReservationId, body = 'body') => {
    return { type: 'claimKey', shard: 1 as never, key: key('k', body), reservationId } as const
  }
  const [one, two] = [world.engine.newReservationId(phone), world.engine.newReservationId(phone)]
  assert.equal(await world.ask(claim(one)), { type: 'claimed', reservationId: one })
  assert.equal(await world.ask(claim(two)), { type: 'claimed', reservationId: one })
  const other = await world.ask(claim(two, 'other'))
  assert.is(other.type === 'refused' && other.refusal.reason, 'idempotencyMismatch')
  const free = (reservationId: ReservationId) => {
    return { type: 'freeKey', shard: 1 as never, key: key('k'), reservationId } as const
  }
  await world.ask(free(two))
  assert.equal(await world.ask(claim(two)), { type: 'claimed', reservationId: one }, 'only by the claimant')
  for (const _ of [1, 2, 3]) {
    const still = await world.ask(claim(two, 'other'))
    assert.is(still.type, 'refused', 'as long as anybody it was granted to may still be granted the rest')
    await world.ask(free(one))
  }
  assert.equal(await world.ask(claim(two, 'other')), { type: 'claimed', reservationId: two })
})

test('that was claimed for an id its home has given up is free at once, whoever else holds the claim', async () => {
  const world = await stocked()
  const [one, two] = [world.engine.newReservationId(phone), world.engine.newReservationId(phone)]
  const ofKey = { shard: 1 as never, key: key('k') } as const
  for (let n = 0; n < 3; n++) await world.ask({ type: 'claimKey', ...ofKey, reservationId: one })
  await world.ask({ type: 'freeKey', ...ofKey, reservationId: two, isGivenUp: true })
  const still = await world.ask({ type: 'claimKey', ...ofKey, reservationId: two })
  assert.equal(still, { type: 'claimed', reservationId: one }, 'only of the id that is claimed')
  world.crash()
  const next = await new InProcessEngine({ disk: world.disk.afterPowerLoss() }).start()
  await next.ask({ type: 'freeKey', ...ofKey, reservationId: one })
  const unsure = await next.ask({ type: 'claimKey', ...ofKey, reservationId: two })
  assert.equal(
    unsure,
    { type: 'claimed', reservationId: one },
    'after a restart nobody knows who else holds it',
  )
  await next.ask({ type: 'freeKey', ...ofKey, reservationId: one, isGivenUp: true })
  const anew = await next.ask({ type: 'claimKey', ...ofKey, reservationId: two })
  assert.equal(anew, { type: 'claimed', reservationId: two })
})

test('that released what it made under another key can be asked for again', async () => {
  const world = await stocked()
  const made = reserve(world)
  await world.ask({ ...made, key: key('make') })
  await world.ask({ ...release(made.reservationId), key: key('release') })
  const again = await world.ask({ ...release(made.reservationId), key: key('release') })
  assert.is(again.type === 'reservation' && again.status, 'released')
  assert.is((await stockOf(world)).held, 0)
})

test.run()
