/** Every rule of reservations of several products, waitlists and keys that `verify` checks, broken once. */
import * as assert from 'uvu/assert'
import { openJournalFiles } from '../../src/cli/journal-files.ts'
import { planRepair } from '../../src/cli/repair/plan.ts'
import { addRepair, type Loss } from '../../src/cli/repairs-record.ts'
import { type Audit, auditJournal } from '../../src/cli/verify/audit.ts'
import { Ledger } from '../../src/cli/verify/ledger.ts'
import type { Event, ProductEvent, SplitHeld, SplitSettled } from '../../src/domain/events.ts'
import { evolve } from '../../src/domain/evolve.ts'
import {
  type CustomerId,
  type ProductId,
  type ReservationId,
  reservationIdOf,
  type ShardId,
} from '../../src/domain/ids.ts'
import type { Fingerprint, KeyHash } from '../../src/domain/key-table.ts'
import { abortedStep, type Hold, type SplitReservation } from '../../src/domain/split.ts'
import { emptyShard, type ShardState, type Stock } from '../../src/domain/stock.ts'
import type { Waitlist } from '../../src/domain/waitlist.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import { note, suite } from '../support/suite.ts'
import { journal } from './command.ts'
import { tradeSeveral } from './several.ts'
import { Workshop } from './workshop.ts'

/** Of shard 0, which is the home, and of shard 1. */
const phone = 'a-phone' as ProductId
const cover = 'b-cover' as ProductId
const [here, there] = [0 as ShardId, 1 as ShardId]
const [ann, bob, cem] = ['ann', 'bob', 'cem'] as [CustomerId, CustomerId, CustomerId]
const id = reservationIdOf('01JGZZZZZZZZZZZZZZZZZZZZZZ', here)
const other = reservationIdOf('01JGZZZZZZZZZZZZZZZZZZZZZY', here)
const third = reservationIdOf('01JGZZZZZZZZZZZZZZZZZZZZZX', here)

type Product = ProductEvent extends infer E ? (E extends ProductEvent ? Omit<E, 'version'> : never) : never
/** A product's event without its version, which follows from its place. */
type Draft = Product | Exclude<Event, ProductEvent>

const stocked = (productId: ProductId, delta: number, onHand = delta): Draft => {
  return { type: 'StockAdjusted', productId, delta, onHand, reason: 'delivery', reference: undefined }
}
const sale = (perCustomerLimit: number, closesAtMs?: number): Draft => {
  return { type: 'SaleScheduled', productId: phone, sale: { perCustomerLimit, closesAtMs } }
}
const taken = (quantity: number, available: number, reservationId = third): Draft => ({
  type: 'UnitsHeld',
  productId: phone,
  reservationId,
  customerId: cem,
  reference: undefined,
  quantity,
  expiresAtMs: 0,
  available,
})
const placed = (
  productId: ProductId,
  quantity: number,
  available: number,
  fields: { readonly customerId?: CustomerId | undefined; readonly reservationId?: ReservationId } = {},
): Draft => {
  return {
    type: 'HoldPlaced',
    productId,
    reservationId: id,
    customerId: ann,
    quantity,
    available,
    ...fields,
  }
}
const settled = (productId: ProductId, step: number, held: number, sold: number, closed = false): Draft => {
  return { type: 'HoldSettled', productId, reservationId: id, step, held, sold, closed }
}
const line = (productId: ProductId, shard: ShardId, quantity: number, available = 3) => {
  return { productId, shard, quantity, available, holdVersion: 2 }
}
const made = (lines: SplitHeld['lines'], fields: Partial<SplitHeld> = {}): Draft => {
  const about = { customerId: ann, reference: undefined, expiresAtMs: 0 }
  return { type: 'SplitHeld', reservationId: id, ...about, lines, ...fields }
}
const bothLines = [line(phone, here, 2), line(cover, there, 2)]
const says = (step: number, fields: Partial<SplitSettled> = {}): Draft => ({
  type: 'SplitSettled',
  reservationId: id,
  step,
  status: 'confirmed',
  quantities: [2, 2],
  returned: [0, 0],
  closed: false,
  reference: undefined,
  reason: undefined,
  ...fields,
})
const heard = (step: number, shard = there): Draft => {
  return { type: 'SplitAcknowledged', reservationId: id, shard, step }
}
const extended: Draft = { type: 'SplitExtended', reservationId: id, expiresAtMs: 0 }
const paying: Draft = { type: 'SplitPaymentStarted', reservationId: id, expiresAtMs: 0 }
const aborted: Draft = { type: 'SplitAborted', reservationId: id }
const abortForgotten: Draft = { type: 'AbortForgotten', reservationId: id }
const forgotten: Draft = { type: 'SplitForgotten', reservationId: id }
const joined = (customerId: CustomerId, quantity: number, reservationId = other): Draft => {
  return { type: 'WaitlistJoined', productId: phone, customerId, quantity, reservationId }
}
const left = (customerId: CustomerId, cause: 'left' | 'overLimit' | 'saleClosed' | 'retired'): Draft => {
  return { type: 'WaitlistLeft', productId: phone, customerId, cause }
}
const served = (
  customerId: CustomerId,
  quantity: number,
  available: number,
  reservationId = other,
): Draft => {
  const about = { productId: phone, customerId, expiresAtMs: 0 }
  return { type: 'WaitlistServed', ...about, reservationId, quantity, available }
}
const earmarked = (quantity: number): Draft => ({ type: 'UnitsEarmarked', productId: phone, quantity })
const hash = 'a key of sixteen' as KeyHash
const fingerprint = 'its body' as Fingerprint
const claimed: Draft = { type: 'KeyClaimed', hash, fingerprint, reservationId: other }
const answered = (body = fingerprint): Draft => {
  return { type: 'KeyAnswered', hash, fingerprint: body, answer: 'yes' }
}
const freed: Draft = { type: 'KeyFreed', hash }
const keysForgotten = (count: number): Draft => ({ type: 'KeysForgotten', count })

/** The home's own part of a reservation of two shards, and the other shard's. */
const homeBegan = [stocked(phone, 5), placed(phone, 2, 3), made(bothLines)]
const otherBegan = [stocked(cover, 5), placed(cover, 2, 3)]
const homeSold = [...homeBegan, says(1), settled(phone, 1, 0, 2)]
const otherSold = [...otherBegan, settled(cover, 1, 0, 2)]

function numbered(drafts: readonly Draft[]): Event[] {
  const versions = new Map<ProductId, number>()
  return drafts.map((draft): Event => {
    if (!('productId' in draft)) return draft
    const version = (versions.get(draft.productId) ?? 0) + 1
    versions.set(draft.productId, version)
    return { ...draft, version } as Event
  })
}

type Forged = readonly (readonly Draft[])[]

/** What `verify` says of shards with these events, the home's first. */
async function auditOf(
  shards: Forged,
  { isLive = false, afterMs = 0, look = (_shop: Workshop): void | Promise<void> => {} } = {},
): Promise<Audit> {
  const shop = new Workshop({ shards: 2 })
  try {
    await shop.start(1)
    for (const [shard, drafts] of shards.entries()) await shop.forge(shard, numbered(drafts))
    shop.nowMs += afterMs
    if (afterMs > 0) await shop.forge(0, numbered([stocked('z-last' as ProductId, 1)]))
    await shop.close()
    await look(shop)
    return auditJournal({ ...openJournalFiles(shop.root), isLive: () => isLive })
  } finally {
    await shop.remove()
  }
}

const sound = suite('verify of several shards that agree')

const SOUND: Readonly<Record<string, Forged>> = {
  'sold in both': [[...homeSold, heard(1)], otherSold],
  'settled in one, and the other has not heard': [homeSold, otherBegan],
  'settled in both, and the home has not heard that': [homeSold, otherSold],
  'held by the other only, in doubt': [[stocked(phone, 5)], otherBegan],
  'held by the other only, and the home has no event': [[], otherBegan],
  'aborted, and the other has not heard': [[aborted], otherBegan],
  'aborted, and the other has heard': [[aborted], [...otherBegan, settled(cover, abortedStep, 0, 0)]],
  'paying, given up in part, sold in part, returned, closed, forgotten': [
    [
      ...homeBegan,
      extended,
      paying,
      says(1, { status: 'paying', quantities: [2, 1] }),
      heard(1),
      says(2, { quantities: [1, 1] }),
      settled(phone, 2, 0, 1),
      heard(2),
      says(3, { quantities: [1, 1], returned: [0, 1], reason: 'too small' }),
      heard(3),
      says(4, { quantities: [1, 1], returned: [0, 1], closed: true }),
      settled(phone, 4, 0, 1, true),
      heard(4),
      forgotten,
    ],
    [...otherBegan, settled(cover, 1, 1, 0), settled(cover, 2, 0, 1), settled(cover, 3, 0, 0)],
  ],
  'held anew by a command that came again after the end': [
    [...homeBegan, says(1, { status: 'released' }), settled(phone, 1, 0, 0), heard(1), forgotten],
    [...otherBegan, settled(cover, 1, 0, 0), placed(cover, 2, 3)],
  ],
  'held anew by a command that came again, where it had got nothing before': [
    [...homeBegan.slice(0, 2), made([line(phone, here, 2)])],
    otherBegan,
  ],
  'waiting, passed by with what was free before, served, gone': [
    [
      stocked(phone, 2),
      joined(ann, 5),
      joined(bob, 3, id),
      taken(1, 1),
      stocked(phone, 3, 5),
      earmarked(3),
      stocked(phone, 2, 7),
      served(ann, 5, 1),
      earmarked(1),
      left(bob, 'left'),
    ],
  ],
  'waiting over a limit, and when the sale is over': [
    [
      stocked(phone, 1),
      joined(ann, 2),
      joined(bob, 2, id),
      sale(1),
      left(ann, 'overLimit'),
      sale(9, 1),
      left(bob, 'saleClosed'),
    ],
  ],
  'keys claimed, answered, freed': [
    [claimed, answered()],
    [claimed, freed, answered()],
  ],
}

for (const [name, shards] of Object.entries(SOUND)) {
  sound(`passes where they are ${name}`, async () => {
    const { verdict, findings } = await auditOf(shards)
    assert.is(verdict, 'good', JSON.stringify(findings))
  })
}

sound('passes whatever the engine decides, in any order, with steps left out', async () => {
  const first = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000)
  note(`TEST_SEED=${first}`)
  for (let seed = first; seed < first + 8; seed++) {
    const shop = new Workshop({ seed, shards: 3 + (seed % 5) })
    await shop.start(1 + (seed % 3))
    await shop.trade(6)
    await tradeSeveral(shop, 15, seed)
    shop.snapshot()
    await tradeSeveral(shop, 5, seed + 1)
    await shop.close()
    const { verdict, findings } = auditJournal(openJournalFiles(shop.root))
    assert.is(verdict, 'good', `seed ${seed}: ${JSON.stringify(findings)}`)
    await shop.remove()
  }
})

sound.run()

const broken = suite('verify of events that break a rule of several products')

/** By the reason for which the last event of the home's shard is refused. */
const BROKEN: readonly (readonly [reason: RegExp, drafts: readonly Draft[], limit?: string])[] = [
  [/has a hold already/, [stocked(phone, 5), placed(phone, 1, 4), placed(phone, 1, 3)]],
  [/holds 0/, [stocked(phone, 5), placed(phone, 0, 5)]],
  [/says 4 are available, and 3 are/, [stocked(phone, 5), placed(phone, 2, 4)]],
  [/says 0 are available, and -1 are/, [stocked(phone, 5), placed(phone, 6, 0)]],
  [/ann has 2, and the sale allows 1/, [stocked(phone, 5), sale(1), placed(phone, 2, 3)]],
  [/nobody is named/, [stocked(phone, 5), sale(9), placed(phone, 2, 3, { customerId: undefined })]],
  [/cem has 2, and the sale allows 1/, [stocked(phone, 5), sale(1), taken(2, 3)]],
  [/holds nothing/, [stocked(phone, 5), settled(phone, 1, 0, 0)]],
  [/settlement 1 comes after 1/, [...otherHere(), settled(phone, 1, 1, 0), settled(phone, 1, 1, 0)]],
  [/holds 3, sold 0, of 2 held/, [...otherHere(), settled(phone, 1, 3, 0)]],
  [/sells 3 of 2 held, and keeps 0/, [...otherHere(), settled(phone, 1, 0, 3)]],
  [/sells 1 more, and sold 1 before/, [...otherHere(), settled(phone, 1, 0, 1), settled(phone, 2, 0, 2)]],
  [/holds 1 of what was confirmed/, [...otherHere(), settled(phone, 1, 1, 1)]],
  [/holds 1 of what was confirmed/, [...otherHere(), settled(phone, 1, 1, 0, true)]],

  [/is made twice/, [...homeBegan, made(bothLines)]],
  [/was aborted/, [stocked(phone, 5), placed(phone, 2, 3), aborted, made(bothLines)]],
  [/no lines, or out of order/, [made([])]],
  [/no lines, or out of order/, [made([line(cover, there, 2), line(cover, there, 2)])]],
  [/holds 0 of b-cover/, [made([line(cover, there, 0)])]],
  [/its own shard does not/, [stocked(phone, 5), made(bothLines)]],
  [/its own shard does not/, [stocked(phone, 5), placed(phone, 1, 4), made(bothLines)]],
  [/its own shard does not/, [stocked(phone, 4), placed(phone, 2, 2), made(bothLines)]],
  [/its own shard does not/, [stocked(phone, 3), stocked(phone, 2, 5), placed(phone, 2, 3), made(bothLines)]],
  [/its own shard does not/, [stocked(phone, 5), placed(phone, 2, 3, { customerId: bob }), made(bothLines)]],
  [/is held/, [...homeBegan, aborted]],
  [/is aborted already/, [aborted, aborted]],
  [/is not aborted/, [abortForgotten]],
  [/was never made here, or is forgotten/, [extended]],
  [/is paying/, [...homeBegan, paying, extended]],
  [/is paying/, [...homeBegan, paying, paying]],
  [/is settlement 2 of .*, and 1 was due/, [...homeBegan, says(2)]],
  [/is closed already/, [...homeSold, says(2, { closed: true }), says(3, { returned: [1, 0] })]],
  [/is paying, and becomes held/, [...homeBegan, paying, says(1, { status: 'held', quantities: [2, 1] })]],
  [/is confirmed, and becomes released/, [...homeSold, says(2, { status: 'released' })]],
  [
    /is released, and becomes released/,
    [...homeBegan, says(1, { status: 'released' }), says(2, { status: 'released' })],
  ],
  [/has 1 quantities for 2 lines/, [...homeBegan, says(1, { quantities: [2] })]],
  [/line 2 has 3 of 2/, [...homeBegan, says(1, { quantities: [2, 3] })]],
  [
    /line 1 has 1 of what is|line 1 of what is confirmed changes/,
    [...homeSold, says(2, { quantities: [1, 2] })],
  ],
  [/line 1 has 0 returned of 2 confirmed, and had 1/, [...homeSold, says(2, { returned: [1, 0] }), says(3)]],
  [/line 2 has 3 returned of 2 confirmed/, [...homeSold, says(2, { returned: [0, 3] })]],
  [/line 1 has 1 returned of what was not confirmed/, [...homeBegan, says(1, { returned: [1, 0] })]],
  [/closes what is held/, [...homeBegan, says(1, { closed: true })]],
  [/is confirmed with nothing/, [...homeBegan, says(1, { quantities: [0, 0] })]],
  [/is held with nothing/, [...homeBegan, says(1, { status: 'held', quantities: [0, 0] })]],
  [/acknowledges settlement 2, and 1 is the newest/, [...homeSold, heard(2)]],
  [/shard 1 has nothing to acknowledge/, [...homeSold, heard(1), heard(1)]],
  [/shard 0 has nothing to acknowledge/, [...homeSold, heard(1, here)]],
  [/is confirmed/, [...homeSold, heard(1), forgotten]],
  [/is held/, [...homeBegan, forgotten]],
  [/shard 1 has not heard of its end/, [...homeBegan, says(1, { status: 'released' }), forgotten]],
  [
    /settlement 1 leaves 0 held and 1 sold, and .* says 0 and 2 in its 1/,
    [...homeSold.slice(0, 4), settled(phone, 1, 0, 1)],
  ],
  [/settlement 2 leaves/, [...homeSold.slice(0, 4), settled(phone, 2, 0, 2)]],
  [
    /whose home is shard 1/,
    [aborted, { ...aborted, reservationId: reservationIdOf('01JGZZZZZZZZZZZZZZZZZZZZZZ', there) } as Draft],
  ],
  [
    /whose home is shard 1/,
    [stocked(phone, 5), taken(1, 4, reservationIdOf('01JGZZZZZZZZZZZZZZZZZZZZZZ', there))],
  ],

  [/stands in line already/, [stocked(phone, 1), joined(ann, 2), joined(ann, 3, id)]],
  [/waits for 1, and 1 are available/, [stocked(phone, 1), joined(ann, 1)]],
  [/ann does not stand in line/, [stocked(phone, 1), left(ann, 'left')]],
  [/ann does not stand in line/, [stocked(phone, 1), served(ann, 1, 0)]],
  [/is not retired/, [stocked(phone, 1), joined(ann, 2), left(ann, 'retired')]],
  [/the sale is not over/, [stocked(phone, 1), joined(ann, 2), left(ann, 'saleClosed')]],
  [/would have no more than 2/, [stocked(phone, 1), sale(2), joined(ann, 2), left(ann, 'overLimit')]],
  [
    /bob is served, and ann is first in line/,
    [stocked(phone, 1), joined(ann, 2), joined(bob, 2, id), stocked(phone, 1, 2), served(bob, 2, 0, id)],
  ],
  [/ann waits for 2 as/, [stocked(phone, 1), joined(ann, 2), served(ann, 1, 0)]],
  [/ann waits for 3 as/, [stocked(phone, 2), joined(ann, 3), stocked(phone, 1, 3), served(ann, 3, 0, id)]],
  [
    /is made twice/,
    [stocked(phone, 2), taken(1, 1, other), joined(ann, 2), stocked(phone, 1, 3), served(ann, 2, 0)],
  ],
  [
    /says 1 are available, and 0 are/,
    [stocked(phone, 1), joined(ann, 2), stocked(phone, 1, 2), served(ann, 2, 1)],
  ],
  [/puts 2 aside, and 1 are free/, [stocked(phone, 1), joined(ann, 2), earmarked(2)]],
  [/puts 1 aside, and nobody waits/, [stocked(phone, 1), earmarked(1)]],
  [
    /takes 1 while 1 wait, and 0 are not theirs/,
    [stocked(phone, 1), taken(1, 0, third), joined(ann, 2), stocked(phone, 1, 2), taken(1, 0, id)],
  ],
  [
    /takes 2 while 1 wait, and 1 are not theirs/,
    [stocked(phone, 1), joined(ann, 3), stocked(phone, 1, 2), placed(phone, 2, 0)],
  ],
  [
    /takes 1 while 1 wait, and 0 are not theirs/,
    [stocked(phone, 1), joined(ann, 3), stocked(phone, 1, 2), taken(1, 1), taken(1, 0, id)],
  ],

  [/key 61206b6579.* is taken already/, [claimed, claimed]],
  [/was answered before/, [answered(), answered()]],
  [/is taken already/, [answered(), claimed]],
  [/was claimed for another body/, [claimed, answered('another ' as Fingerprint)]],
  [/is not claimed/, [freed]],
  [/is not claimed/, [answered(), freed]],
  [/forgets 1 of 0 keys/, [keysForgotten(1)]],
  [/forgets 0 of 1 keys/, [claimed, keysForgotten(0)]],
  [/forgets a key \d+ ms after its command/, [claimed, keysForgotten(1)]],
]

/** A hold in the home's shard of a reservation whose home knows nothing yet. */
function otherHere(): Draft[] {
  return [stocked(phone, 5), placed(phone, 2, 3)]
}

for (const [reason, drafts] of BROKEN) {
  broken(`is damaged where ${reason.source}, by ${drafts.at(-1)?.type}`, async () => {
    const audit = await auditOf([drafts])
    assert.is(audit.verdict, 'damaged')
    const [finding] = audit.findings
    assert.match(finding?.reason ?? '', reason)
    assert.equal(finding?.positions, [{ shard: 0, sequence: drafts.length }])
    assert.ok((finding?.offset ?? 0) > 0)
  })
}

broken('a key of an hour ago may be forgotten, and one behind it not', async () => {
  const shop = new Workshop({ shards: 1 })
  await shop.start(1)
  await shop.forge(0, numbered([claimed]))
  shop.nowMs += 3_600_000
  const young = 'another sixteen.' as KeyHash
  await shop.forge(0, [{ type: 'KeyClaimed', hash: young, fingerprint, reservationId: other }])
  await shop.forge(0, numbered([keysForgotten(1)]))
  assert.is(auditJournal(openJournalFiles(shop.root)).verdict, 'good')
  await shop.forge(0, numbered([keysForgotten(1)]))
  await shop.close()
  assert.match(auditJournal(openJournalFiles(shop.root)).findings[0]?.reason ?? '', /forgets a key/)
  await shop.remove()
})

broken.run()

const across = suite('verify of shards that do not agree')

/** By the reason, the shard that is blamed, and which of its events. */
const DISAGREEING: readonly (readonly [
  reason: RegExp,
  at: readonly [shard: ShardId, sequence: number],
  shards: Forged,
])[] = [
  [/has 2 held of b-cover, of which shard 1 knows nothing/, [here, 3], [homeBegan, [stocked(cover, 5)]]],
  [/has 2 held of b-cover, of which shard 1 knows nothing/, [here, 3], [homeBegan, []]],
  [/has 2 sold of b-cover, of which shard 1 knows nothing/, [here, 4], [homeSold, [stocked(cover, 5)]]],
  [
    /has a line in shard 7 of 2/,
    [here, 3],
    [[...homeBegan.slice(0, 2), made([line(phone, here, 2), line(cover, 7 as ShardId, 2)])], []],
  ],
  [
    /would have its home in shard 9 of 2/,
    [there, 2],
    [
      [],
      [
        stocked(cover, 5),
        placed(cover, 2, 3, { reservationId: reservationIdOf('01JGZZZZZZZZZZZZZZZZZZZZZZ', 9 as ShardId) }),
      ],
    ],
  ],
  [
    /2 sold of b-cover here by settlement 1, and its home, shard 0, knows nothing/,
    [there, 3],
    [[stocked(phone, 5)], otherSold],
  ],
  [/2 held of a-phone here, at its home, and was never made/, [here, 2], [otherHere(), []]],
  [
    /2 sold of b-cover here by settlement 1, and its home, shard 0, has come to 0/,
    [there, 3],
    [homeBegan, otherSold],
  ],
  [
    /1 held of b-cover here, and its home, shard 0, has no such line/,
    [there, 3],
    [
      [
        ...homeBegan.slice(0, 2),
        made([line(phone, here, 2)]),
        says(1, { quantities: [2], returned: [0] }),
        settled(phone, 1, 0, 2),
      ],
      [...otherBegan, settled(cover, 1, 1, 0)],
    ],
  ],
  [
    /2 held of b-cover here, and its home, shard 0, says 2 sold, of which this shard has heard/,
    [there, 2],
    [[...homeSold, heard(1)], otherBegan],
  ],
  [
    /2 held of b-cover here, and its home, shard 0, has forgotten its end/,
    [there, 2],
    [
      [...homeBegan, says(1, { status: 'released' }), settled(phone, 1, 0, 0), heard(1), forgotten],
      otherBegan,
    ],
  ],
  [
    /2 held of b-cover, of which shard 1 knows nothing/,
    [here, 3],
    [homeBegan, [...otherBegan, settled(cover, 1, 0, 0), placed(cover, 2, 3)]],
  ],
  [
    /1 held of b-cover here, and its home, shard 0, says 2 held/,
    [there, 2],
    [homeBegan, [stocked(cover, 5), placed(cover, 1, 4)]],
  ],
  [
    /1 held of b-cover here, and its home, shard 0, says 2 sold/,
    [there, 2],
    [homeSold, [stocked(cover, 5), placed(cover, 1, 4)]],
  ],
  [
    /2 held of a-phone here, and its home, shard 0, says 2 sold, of which this shard has heard/,
    [here, 2],
    [homeSold.slice(0, 4), otherBegan],
  ],
]

for (const [reason, [shard, sequence], shards] of DISAGREEING) {
  across(`is damaged where ${reason.source}`, async () => {
    const { verdict, findings } = await auditOf(shards)
    assert.is(verdict, 'damaged')
    const finding = findings.find((found) => reason.test(found.reason))
    assert.ok(finding !== undefined, JSON.stringify(findings))
    assert.equal(finding.positions, [{ shard, sequence }])
    assert.match(finding.file, /\.segment$/)
    assert.ok((finding.offset ?? 0) > 0)
  })
}

across('leaves what is under way in a running engine alone, and judges what is not', async () => {
  const lost: Forged = [homeBegan, [stocked(cover, 5)]]
  assert.is((await auditOf(lost, { isLive: true })).verdict, 'good')
  assert.is((await auditOf(lost, { isLive: true, afterMs: 3_600_000 })).verdict, 'damaged')
})

across('is no damage where a repair gave up what one of them knew', async () => {
  const lost: Forged = [homeBegan, [stocked(cover, 5)]]
  const repaired = (shard: number, untold: Loss['untold'] = []) =>
    auditOf(lost, {
      look: ({ journal }) => {
        const events = [{ shard: shard as ShardId, from: 2, to: 2 }]
        const loss = { events, untold, history: [], products: {}, reservations: [], isMore: false }
        addRepair(realDisk, journal, { at: '2026-01-06T10:00:00.000Z', steps: [], loss, kept: [] })
      },
    })
  for (const audit of [
    await repaired(1),
    await repaired(0),
    await repaired(7, [{ stream: 'any', from: 1, to: 2 }]),
  ]) {
    assert.is(audit.verdict, 'good', JSON.stringify(audit.findings))
    assert.ok(
      audit.findings.some(({ reason }) => /shard 1 knows nothing; a repair gave up events/.test(reason)),
    )
  }
  assert.is((await repaired(7)).verdict, 'damaged')
})

across('offers no repair, since no file is at fault, and says who has to see to it', async () => {
  await auditOf([homeBegan, [stocked(cover, 5)]], {
    look: async ({ root }) => {
      const parts = { sources: [], prefer: undefined, at: '2026-01-06T10:00:00.000Z' }
      const { steps, stuck } = planRepair(openJournalFiles(root), parts)
      assert.equal([steps, stuck], [[], undefined])
      const { code, out } = await journal(['verify', '--data', root])
      assert.is(code, 1)
      assert.match(out, /Damaged: 1 reservation of several products, of which shards say different things/)
      assert.is((await journal(['repair', '--data', root])).code, 1)
    },
  })
})

across('says nothing of a shard that is lost', async () => {
  const { findings } = await auditOf([homeBegan, [stocked(cover, 5), stocked(cover, 1, 7)]])
  assert.is(findings.length, 1, JSON.stringify(findings))
  assert.match(findings[0]?.reason ?? '', /says 7 are on hand/)
})

across('finds units that a snapshot holds for nobody', () => {
  const state = emptyShard()
  for (const event of numbered(homeBegan)) evolve(state, event, 0)
  const from = () => Ledger.from(state, { sequence: 3, atMs: 0 })
  assert.is(from().heldForNobody(), undefined)
  assert.is(from().differenceFrom(state), undefined)
  const stock = state.products.get(phone)
  assert.ok(stock !== undefined)
  stock.held += 1
  assert.match(from().heldForNobody() ?? '', /3 of a-phone are held, and its reservations hold 2/)
})

across('finds a snapshot that differs in any of it', () => {
  const drafts = [
    ...homeBegan,
    says(1, { status: 'held', quantities: [1, 2] }),
    settled(phone, 1, 1, 0),
    joined(bob, 7, other),
    stocked(phone, 1, 6),
    earmarked(1),
    claimed,
    { ...aborted, reservationId: third } as Draft,
  ]
  const ledger = new Ledger()
  const after = () => {
    const state = emptyShard()
    for (const event of numbered(drafts)) evolve(state, event, 0)
    return state
  }
  for (const [i, event] of numbered(drafts).entries())
    assert.is(ledger.apply(event, { sequence: i + 1, atMs: 0 }), undefined)
  assert.is(ledger.differenceFrom(after()), undefined)
  type Change = (parts: {
    state: ShardState
    split: SplitReservation
    hold: Hold
    stock: Stock
    waitlist: Waitlist
  }) => unknown
  const changes: readonly (readonly [reason: RegExp, change: Change])[] = [
    [/it has 0 split reservations/, ({ state }) => state.splits.clear()],
    [/split reservation .* differs/, ({ split }) => Object.assign(split, { step: 2 })],
    [/split reservation .* differs/, ({ split }) => split.unsettled.clear()],
    [/split reservation .* differs/, ({ split }) => Object.assign(split.lines[1] ?? {}, { quantity: 3 })],
    [/aborted reservations differ/, ({ state }) => state.aborted.clear()],
    [/it has holds of 0 split reservations/, ({ state }) => state.holds.clear()],
    [/holds of reservation .* differ/, ({ hold }) => Object.assign(hold, { held: 2 })],
    [/earmarked 0, and the events make 1/, ({ stock }) => Object.assign(stock, { earmarked: 0 })],
    [/its waitlist differs/, ({ waitlist }) => waitlist.line.clear()],
    [/its waitlist differs/, ({ waitlist }) => waitlist.served.set(ann, id)],
    [/idempotency keys differ/, ({ state }) => state.keys.forget(1)],
  ]
  for (const [reason, change] of changes) {
    const state = after()
    const [split, [hold] = [], stock] = [
      state.splits.get(id),
      state.holds.get(id),
      state.products.get(phone),
    ] as const
    const waitlist = stock?.waitlist
    assert.ok(split && hold && stock && waitlist)
    change({ state, split, hold, stock, waitlist })
    assert.match(ledger.differenceFrom(state) ?? '', reason)
  }
})

across.run()
