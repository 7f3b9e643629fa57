import * as assert from 'uvu/assert'
import { openJournalFiles } from '../../src/cli/journal-files.ts'
import { auditJournal } from '../../src/cli/verify/audit.ts'
import type { Event, WaitlistExit } from '../../src/domain/events.ts'
import {
  type CustomerId,
  type ProductId,
  reservationIdOf,
  type ShardId,
  shardOf,
} from '../../src/domain/ids.ts'
import type { Sale } from '../../src/domain/stock.ts'
import { suite } from '../support/suite.ts'
import { Workshop } from './workshop.ts'

const test = suite('verify of events that break a rule')

const productId = 'phone' as ProductId
const reservationId = reservationIdOf('01JGZZZZZZZZZZZZZZZZZZZZZZ', 0 as ShardId)
const other = reservationIdOf('01JGZZZZZZZZZZZZZZZZZZZZZY', 0 as ShardId)
const ann = 'ann' as CustomerId
const bob = 'bob' as CustomerId

type Draft = Event extends infer E ? (E extends Event ? Omit<E, 'version' | 'productId'> : never) : never

const adjusted = (delta: number, onHand: number): Draft => {
  return { type: 'StockAdjusted', delta, onHand, reason: 'delivery', reference: undefined }
}
const held = (quantity: number, available: number, id = reservationId): Draft => {
  const customerId = ann
  return {
    type: 'UnitsHeld',
    reservationId: id,
    customerId,
    quantity,
    available,
    expiresAtMs: 0,
    reference: undefined,
  }
}
const released = (quantity: number): Draft => ({ type: 'UnitsReleased', reservationId, quantity })
const confirmed = (quantity: number): Draft => ({
  type: 'UnitsConfirmed',
  reservationId,
  quantity,
  reference: undefined,
})
const expired = (quantity: number): Draft => ({ type: 'HoldExpired', reservationId, quantity })
const returned = (quantity: number): Draft => ({
  type: 'UnitsReturned',
  reservationId,
  quantity,
  reason: 'too small',
})
const paying: Draft = { type: 'PaymentStarted', reservationId, expiresAtMs: 0 }
const extended: Draft = { type: 'HoldExtended', reservationId, expiresAtMs: 0 }
const closed: Draft = { type: 'ReturnsClosed', reservationId }
const forgotten: Draft = { type: 'ReservationForgotten', reservationId }
const scheduled = (sale: Sale): Draft => ({ type: 'SaleScheduled', sale })
const joined = (customerId: CustomerId, quantity: number): Draft => {
  return { type: 'WaitlistJoined', customerId, quantity, reservationId: other }
}
const left = (customerId: CustomerId, cause: WaitlistExit): Draft => {
  return { type: 'WaitlistLeft', customerId, cause }
}
/** Sold out, and somebody waits for two. */
const waited: readonly Draft[] = [adjusted(5, 5), held(5, 0), joined(bob, 2)]
const farMs = Date.parse('2100-01-01T00:00:00Z')

/** Gives versions without gaps, and the product where none is named. */
function numbered(
  drafts: readonly (Draft & { readonly version?: number; readonly productId?: ProductId })[],
): Event[] {
  return drafts.map((draft, i) => ({ productId, version: i + 1, ...draft }) as Event)
}

async function auditOf(events: readonly Event[], shards = 1): Promise<ReturnType<typeof auditJournal>> {
  const shop = new Workshop({ shards })
  await shop.start(1)
  await shop.forge(0, events)
  await shop.close()
  const audit = auditJournal(openJournalFiles(shop.root))
  await shop.remove()
  return audit
}

const LIVES: Readonly<Record<string, readonly Draft[]>> = {
  'held and released in parts': [adjusted(5, 5), held(3, 2), released(1), released(2), forgotten],
  'extended, paying, confirmed in part, returned, closed': [
    adjusted(5, 5),
    held(3, 2),
    extended,
    paying,
    confirmed(2),
    returned(1),
    returned(1),
    closed,
    forgotten,
    held(5, 0),
  ],
  'expired, and all taken away': [
    adjusted(5, 5),
    held(5, 0),
    expired(5),
    adjusted(-5, 0),
    { type: 'ProductRetired' },
  ],
  'waited for until the sale was over': [...waited, scheduled({ closesAtMs: 0 }), left(bob, 'saleClosed')],
  'waited for until the sale was put off': [
    ...waited,
    scheduled({ opensAtMs: farMs }),
    left(bob, 'saleClosed'),
  ],
  'waited for until customers may have less': [
    ...waited,
    scheduled({ perCustomerLimit: 1 }),
    left(bob, 'overLimit'),
  ],
  'waited for until a reservation may have less': [
    ...waited,
    scheduled({ maxPerReservation: 1 }),
    left(bob, 'overLimit'),
  ],
}

for (const [name, life] of Object.entries(LIVES)) {
  test(`a reservation that is ${name} passes`, async () => {
    const audit = await auditOf(numbered(life))
    assert.is(audit.verdict, 'good', JSON.stringify(audit.findings))
    assert.is(audit.counts.events, life.length)
  })
}

/** By the reason for which the last event of each is refused. */
const BROKEN: readonly (readonly [
  reason: RegExp,
  events: readonly Parameters<typeof numbered>[0][number][],
])[] = [
  [/which has no stock/, [held(1, 0)]],
  [/is version 3 of phone, and 2 was due/, [adjusted(5, 5), { ...held(1, 4), version: 3 }]],
  [/says 6 are on hand, and 5 are/, [adjusted(5, 6)]],
  [/says 3 are available, and 2 are/, [adjusted(5, 5), held(3, 3)]],
  [/says 0 are available, and -1 are/, [adjusted(5, 5), held(6, 0)]],
  [/2 held of 1 on hand: oversold/, [adjusted(5, 5), held(2, 3), adjusted(-4, 1)]],
  [/made twice/, [adjusted(5, 5), held(1, 4), held(1, 3)]],
  [/holds 0/, [adjusted(5, 5), held(0, 5)]],
  [/never made, or is forgotten/, [adjusted(5, 5), released(1)]],
  [/gives back 2 of 1 held/, [adjusted(5, 5), held(1, 4), released(2)]],
  [/gives back 0 of 1 held/, [adjusted(5, 5), held(1, 4), released(0)]],
  [/is released/, [adjusted(5, 5), held(1, 4), released(1), confirmed(1)]],
  [/is expired/, [adjusted(5, 5), held(1, 4), expired(1), released(1)]],
  [/is confirmed/, [adjusted(5, 5), held(1, 4), confirmed(1), expired(1)]],
  [/is confirmed/, [adjusted(5, 5), held(1, 4), confirmed(1), confirmed(1)]],
  [/is paying/, [adjusted(5, 5), held(1, 4), paying, paying]],
  [/is paying/, [adjusted(5, 5), held(1, 4), paying, extended]],
  [/1 expire of 2 held/, [adjusted(5, 5), held(2, 3), expired(1)]],
  [/sells 3 of 2 held/, [adjusted(5, 5), held(2, 3), confirmed(3)]],
  [/sells 0 of 2 held/, [adjusted(5, 5), held(2, 3), confirmed(0)]],
  [/is held, or closed to returns/, [adjusted(5, 5), held(2, 3), returned(1)]],
  [/3 returned of 2 confirmed/, [adjusted(5, 5), held(2, 3), confirmed(2), returned(1), returned(2)]],
  [/closed to returns/, [adjusted(5, 5), held(2, 3), confirmed(2), closed, returned(1)]],
  [/closed already/, [adjusted(5, 5), held(2, 3), confirmed(2), closed, closed]],
  [/is held/, [adjusted(5, 5), held(2, 3), forgotten]],
  [/is confirmed/, [adjusted(5, 5), held(2, 3), confirmed(2), forgotten]],
  [/the sale is not over/, [...waited, left(bob, 'saleClosed')]],
  [
    /the sale is not over/,
    [...waited, scheduled({ opensAtMs: 0, closesAtMs: farMs }), left(bob, 'saleClosed')],
  ],
  [/would have no more than 2/, [...waited, scheduled({ perCustomerLimit: 2 }), left(bob, 'overLimit')]],
  [/would have no more than 2/, [...waited, scheduled({ maxPerReservation: 2 }), left(bob, 'overLimit')]],
  [
    /is of product phone/,
    [
      adjusted(5, 5),
      held(2, 3),
      { ...adjusted(1, 1), productId: 'case' as ProductId, version: 1 },
      { ...released(1), productId: 'case' as ProductId, version: 2 },
    ],
  ],
]

for (const [reason, drafts] of BROKEN) {
  test(`is damaged where ${reason.source}`, async () => {
    const audit = await auditOf(numbered(drafts))
    assert.is(audit.verdict, 'damaged')
    const [finding] = audit.findings
    assert.match(finding?.reason ?? '', reason)
    assert.equal(finding?.positions, [{ shard: 0, sequence: drafts.length }])
    assert.ok((finding?.offset ?? 0) > 0)
  })
}

test('is damaged where two shards sell one product', async () => {
  const shop = new Workshop({ shards: 2 })
  await shop.start(1)
  const home = shardOf(productId, 2)
  await shop.forge(home, numbered([adjusted(5, 5)]))
  await shop.forge(1 - home, numbered([adjusted(5, 5)]))
  await shop.close()
  const { findings } = auditJournal(openJournalFiles(shop.root))
  assert.match(findings[0]?.reason ?? '', `product phone is in shard ${home} already`)
  await shop.remove()
})

test('checks the stock after every event, not only at the end', async () => {
  const audit = await auditOf(
    numbered([adjusted(5, 5), held(2, 3), held(1, 2, other), adjusted(-4, 1), released(2)]),
  )
  assert.is(audit.verdict, 'damaged')
  assert.equal(audit.findings[0]?.positions, [{ shard: 0, sequence: 4 }])
})

test.run()
