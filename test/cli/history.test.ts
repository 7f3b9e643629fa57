import * as assert from 'uvu/assert'
import { historyOf } from '../../src/cli/history.ts'
import { openJournalFiles } from '../../src/cli/journal-files.ts'
import type { CustomerId, ProductId, ReservationId, ShardId } from '../../src/domain/ids.ts'
import { reservationIdOf, shardOf } from '../../src/domain/ids.ts'
import type { Fingerprint, KeyHash } from '../../src/domain/key-table.ts'
import { abortedStep } from '../../src/domain/split.ts'
import type { JournalEvent } from '../../src/persistence/journal/journal-follower.ts'
import { suite } from '../support/suite.ts'
import { journal } from './command.ts'
import { allEventsOf } from './files.ts'
import { makeEventful, Workshop } from './workshop.ts'

const SMALL = { segmentBytes: 16 * 1_024 }
const ALL = { kind: undefined, since: undefined, limit: 1_000_000 }
const test = suite('history', { limitMs: 60_000 })

const productOf = ({ event }: JournalEvent) => ('productId' in event ? event.productId : undefined)
const reservationOf = ({ event }: JournalEvent) =>
  'reservationId' in event ? event.reservationId : undefined
const customerOf = ({ event }: JournalEvent) => ('customerId' in event ? event.customerId : undefined)

test('of a product, a reservation and a customer has all that happened to it, oldest first', async () => {
  const shop = await makeEventful(SMALL)
  const files = openJournalFiles(shop.root)
  const all = allEventsOf(shop)

  const products = new Set(all.flatMap((at) => productOf(at) ?? []))
  for (const product of products) {
    const found = historyOf(files, product, ALL)
    assert.is(found.kind, 'product')
    assert.equal(
      found.events,
      all.filter((at) => productOf(at) === product),
    )
  }

  const reservations = [...new Set(all.flatMap((at) => reservationOf(at) ?? []))]
  const several = all.flatMap(({ event }) => (event.type === 'SplitHeld' ? [event.reservationId] : []))
  assert.ok(several.length > 5)
  for (const reservation of [...reservations.filter((_, i) => i % 40 === 0), ...several.slice(0, 5)]) {
    const found = historyOf(files, reservation, ALL)
    assert.is(found.kind, 'reservation')
    assert.equal(
      found.events,
      all.filter((at) => reservationOf(at) === reservation),
    )
  }

  for (const customer of ['ann', 'eve']) {
    const own = new Set(all.flatMap((at) => (customerOf(at) === customer ? (reservationOf(at) ?? []) : [])))
    const found = historyOf(files, customer, ALL)
    assert.is(found.kind, 'customer')
    assert.ok(found.events.some(({ event }) => event.type === 'UnitsConfirmed'))
    assert.equal(
      found.events,
      all.filter((at) => {
        if (at.event.type === 'KeyClaimed') return false // It comes before anybody knows whose it is.
        return customerOf(at) === customer || own.has(reservationOf(at) as never)
      }),
    )
  }
  await shop.remove()
})

test('shows the newest up to a limit, from a time or a sequence on, in either order', async () => {
  const shop = await makeEventful(SMALL)
  const files = openJournalFiles(shop.root)
  const name = 'product-3' as ProductId
  const shard = shardOf(name, shop.shards)
  const own = allEventsOf(shop).filter((at) => productOf(at) === name)
  const middle = own[own.length >> 1] as JournalEvent
  const later = own.filter(({ sequence }) => sequence >= middle.sequence)
  for (const since of [
    { type: 'sequence', shard: undefined, sequence: middle.sequence },
    { type: 'sequence', shard, sequence: middle.sequence },
  ] as const) {
    assert.equal(historyOf(files, name, { ...ALL, since }).events, later)
  }
  const { atMs } = middle
  assert.equal(
    historyOf(files, name, { ...ALL, since: { type: 'time', atMs } }).events,
    own.filter((at) => at.atMs >= atMs),
  )
  assert.equal(historyOf(files, name, { ...ALL, limit: 5 }).events, own.slice(-5))
  assert.is(historyOf(files, name, { ...ALL, limit: 0 }).leftOut, own.length)

  const shown = await journal(['history', name, '--limit', '3', '--data', shop.root])
  assert.is(shown.code, 0)
  const places = shown.out
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ')[1])
  assert.equal(
    places,
    own.slice(-3).map(({ sequence }) => `s${shard}.${sequence}`),
  )
  assert.match(shown.err, `${own.length - 3} older events not shown (--limit)`)
  const reversed = await journal([
    'history',
    name,
    '--limit',
    '3',
    '--newest-first',
    '--json',
    '--data',
    shop.root,
  ])
  assert.equal(
    reversed.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).sequence),
    own
      .slice(-3)
      .reverse()
      .map(({ sequence }) => sequence),
  )
  const none = await journal(['history', name, '--since', '2999-01-01T00:00:00Z', '--data', shop.root])
  assert.is(none.code, 0)
  assert.is(none.out, '')
  assert.match(none.err, `Nothing happened to product "${name}" then.`)
  await shop.remove()
})

test('gives each event its cause, and takes a name for what it is told to be', async () => {
  const shop = new Workshop({ shards: 1 })
  await shop.start(1)
  const phone = { productId: 'phone' as ProductId }
  const reservationId = reservationIdOf('01K5ZC4N8XQ2M7V3H9R6T1B0DW', 0 as never)
  const expiresAtMs = shop.nowMs + 60_000
  await shop.forge(0, [
    {
      type: 'StockAdjusted',
      ...phone,
      version: 1,
      delta: 5,
      onHand: 5,
      reason: 'first delivery',
      reference: undefined,
    },
    {
      type: 'UnitsHeld',
      ...phone,
      version: 2,
      reservationId,
      customerId: 'phone' as CustomerId,
      reference: undefined,
      quantity: 2,
      expiresAtMs,
      available: 3,
    },
    { type: 'HoldExpired', ...phone, version: 3, reservationId, quantity: 2 },
  ])
  await shop.close()
  const plain = await journal(['history', 'phone', '--data', shop.root])
  assert.is(
    plain.out.replaceAll(/\d{4}-\S+Z/g, 'T'),
    `T s0.1 StockAdjusted phone v1 delta=5 onHand=5 reason="first delivery" (adjusted: "first delivery")
T s0.2 UnitsHeld phone v2 ${reservationId} quantity=2 available=3 until=T customer=phone (reserved for phone)
T s0.3 HoldExpired phone v3 ${reservationId} quantity=2 (its time was over)
`,
  )
  assert.match(plain.err, 'There is a customer "phone" too (--customer)')
  const forced = await journal(['history', 'phone', '--customer', '--json', '--data', shop.root])
  const [held, expired] = forced.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.equal(held, {
    time: held.time,
    shard: 0,
    sequence: 2,
    type: 'UnitsHeld',
    productId: 'phone',
    version: 2,
    reservationId,
    customerId: 'phone',
    quantity: 2,
    expiresAt: new Date(expiresAtMs).toISOString(),
    available: 3,
    cause: 'reserved for phone',
  })
  assert.is(expired.cause, 'its time was over')
  assert.is((await journal(['history', 'phone', '--product', '--data', shop.root])).err, '')
  await shop.remove()
})

test('of a reservation of several products has its lines in all shards, and of a customer the waiting too', async () => {
  const shop = new Workshop({ shards: 2 })
  await shop.start(1)
  const [phone, cover] = ['a-phone', 'b-cover'] as [ProductId, ProductId]
  const [here, there] = [0, 1] as [ShardId, ShardId]
  const [reservationId, next] = ['W', 'X'].map((last) =>
    reservationIdOf(`01K5ZC4N8XQ2M7V3H9R6T1B0D${last}`, here),
  ) as [ReservationId, ReservationId]
  const [ann, reference] = ['ann' as CustomerId, undefined]
  const hash = '0123456789abcdef' as KeyHash
  const fingerprint = 'whatever' as Fingerprint
  const expiresAtMs = 0
  const delivery = { type: 'StockAdjusted', delta: 2, onHand: 2, version: 1, reason: '', reference } as const
  const placed = { type: 'HoldPlaced', version: 2, reservationId, customerId: ann, available: 0 } as const
  const lines = [
    { productId: phone, shard: here, quantity: 2, available: 0, holdVersion: 2 },
    { productId: cover, shard: there, quantity: 1, available: 1, holdVersion: 2 },
  ]
  const settled = { reservationId, quantities: [2, 1], returned: [0, 0], closed: false, reference } as const
  const waits = { productId: phone, customerId: ann, reservationId: next, quantity: 1 } as const
  await shop.forge(here, [{ type: 'KeyClaimed', hash, fingerprint, reservationId }])
  await shop.forge(there, [
    { ...delivery, productId: cover },
    { ...placed, productId: cover, quantity: 1, available: 1 },
  ])
  await shop.forge(here, [
    { ...delivery, productId: phone },
    { ...placed, productId: phone, quantity: 2 },
    { type: 'SplitHeld', reservationId, customerId: ann, reference: 'order 7', expiresAtMs, lines },
    { type: 'SplitPaymentStarted', reservationId, expiresAtMs },
    { type: 'WaitlistJoined', version: 3, ...waits },
    { type: 'SplitSettled', step: 1, status: 'released', ...settled, reason: undefined },
    {
      type: 'HoldSettled',
      productId: phone,
      version: 4,
      reservationId,
      step: 1,
      held: 0,
      sold: 0,
      closed: false,
    },
    { type: 'WaitlistServed', version: 5, ...waits, expiresAtMs, available: 1 },
  ])
  await shop.forge(there, [
    {
      type: 'HoldSettled',
      productId: cover,
      version: 3,
      reservationId,
      step: abortedStep,
      held: 0,
      sold: 0,
      closed: false,
    },
  ])
  await shop.forge(here, [
    { type: 'SplitAcknowledged', reservationId, shard: there, step: 1 },
    { type: 'KeyAnswered', hash, fingerprint, answer: '\u0001\u00ff' },
  ])
  await shop.close()
  const shown = async (...args: string[]) => {
    const { out, err } = await journal(['history', ...args, '--data', shop.root])
    assert.is(err, '')
    return out
      .replaceAll(/\d{4}-\S+Z/g, 'T')
      .replaceAll(reservationId, 'res_')
      .replaceAll(next, 'res_next')
  }
  const own = `T s1.2 HoldPlaced b-cover v2 res_ quantity=1 available=1 customer=ann (held for a reservation of several products)
T s0.3 HoldPlaced a-phone v2 res_ quantity=2 available=0 customer=ann (held for a reservation of several products)
T s0.4 SplitHeld res_ a-phone@s0=2 b-cover@s1=1 until=T customer=ann reference="order 7" (reserved for ann)
T s0.5 SplitPaymentStarted res_ until=T (the payment began)
`
  const settling = `T s0.7 SplitSettled res_ step=1 released quantities=2,1 (given up on request)
T s0.8 HoldSettled a-phone v4 res_ step=1 held=0 sold=0 (nothing of it is left)
`
  const told = `T s1.3 HoldSettled b-cover v3 res_ aborted held=0 sold=0 (nothing of it is left)
T s0.10 SplitAcknowledged res_ shard=1 step=1 (shard 1 has heard of it)
`
  const claim = `T s0.1 KeyClaimed key=30313233343536373839616263646566 res_ (taken by a reservation that another shard decides)
`
  assert.is(await shown(reservationId), claim + own + settling + told)
  const joining = `T s0.6 WaitlistJoined a-phone v3 res_next customer=ann quantity=1 (stands in line)
`
  const turn = `T s0.9 WaitlistServed a-phone v5 res_next customer=ann quantity=1 available=1 until=T (its turn in line: reserved for ann)
`
  assert.is(await shown('ann'), own + joining + settling + turn + told)
  const exported = await journal(['export', '--shard', '0', '--from', '10', '--data', shop.root])
  const [heard, answered] = exported.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.equal(heard, {
    time: heard.time,
    shard: 0,
    sequence: 10,
    type: 'SplitAcknowledged',
    reservationId,
    participant: 1,
    step: 1,
  })
  assert.equal(
    [answered.hash, answered.fingerprint],
    ['30313233343536373839616263646566', '7768617465766572'],
  )
  assert.is(answered.answer, 'Af8=')
  await shop.remove()
})

test('says that there is no such thing, and what may have been meant', async () => {
  const shop = await makeEventful({ ...SMALL, frames: 4 })
  const unknown = reservationIdOf('01K5ZC4N8XQ2M7V3H9R6T1B0DW', 1 as never)
  const refused: readonly (readonly [args: string[], why: RegExp])[] = [
    [
      ['prodct-3'],
      /There is no product, reservation or customer "prodct-3" in this journal\. Did you mean product-3\?/,
    ],
    [['prodct-3', '--product'], /There is no product "prodct-3" in this journal\. Did you mean product-3\?/],
    [['dorra'], /Did you mean dora\?/],
    [['dorra', '--customer'], /There is no customer "dorra" in this journal\. Did you mean dora\?/],
    [['product-3', '--customer'], /There is no customer "product-3" in this journal\.\n/],
    [[unknown], new RegExp(`There is no reservation "${unknown}" in this journal\\.\n`)],
    [['ann', '--since', '5'], /--since 5: sequences are counted by shard.*Name one \(s3\.5\), or a time/],
    [[unknown, '--since', '5'], /--since 5: sequences are counted by shard/],
    [['ann', '--since', 'noon'], /--since takes a time.* and was given "noon"/],
    [['ann', '--limit', '-1'], /--limit/],
    [['ann', '--product', '--customer'], /exclude one another/],
    [[], /history needs <product \| reservation \| customer>/],
  ]
  for (const [args, why] of refused) {
    const { code, out, err } = await journal(['history', ...args, '--data', shop.root])
    assert.is(code, 3, `${args.join(' ')}: ${err}`)
    assert.is(out, '')
    assert.match(err, why)
  }
  await shop.remove()
})

test.run()
