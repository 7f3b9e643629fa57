import * as assert from 'uvu/assert'
import { openJournalFiles } from '../../src/cli/journal-files.ts'
import { stockAt } from '../../src/cli/stock.ts'
import { evolve } from '../../src/domain/evolve.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { availableOf, emptyShard, type ShardState } from '../../src/domain/stock.ts'
import { suite } from '../support/suite.ts'
import { journal } from './command.ts'
import { allEventsOf, framesOf, namesIn, productEventsOf, segmentsOf, writeAt } from './files.ts'
import { makeEventful, Workshop } from './workshop.ts'

const SMALL = { segmentBytes: 16 * 1_024 }
const test = suite('stock', { limitMs: 60_000 })

/** The counters of every product of the shard after each of its events, from the events alone. */
function* statesOf(
  shop: Workshop,
): Generator<{ shard: ShardId; sequence: number; atMs: number; state: ShardState }> {
  for (let shard = 0; shard < shop.shards; shard++) {
    const state = emptyShard()
    for (const { event, atMs, sequence, shard: of } of allEventsOf(shop)) {
      if (of !== shard) continue
      evolve(state, event, atMs)
      yield { shard: of, sequence, atMs, state }
    }
  }
}

test('is what the events make, at every sequence and at every time, snapshots or not', async () => {
  const shop = await makeEventful({ ...SMALL, frames: 8 })
  const files = openJournalFiles(shop.root)
  assert.ok(namesIn(shop.snapshots, /snapshot$/).length > 0)
  const withoutSnapshots = { ...files, snapshots: `${shop.root}/none` }
  let compared = 0
  for (const { shard, sequence, atMs, state } of statesOf(shop)) {
    if (sequence % 7 !== 0) continue
    const [product] = state.products.values()
    if (product === undefined) continue
    const { productId, onHand, held, earmarked, sold, version, retired } = product
    const available = availableOf(product)
    const expected = { productId, available, onHand, held, earmarked, sold, version, retired }
    for (const look of [files, withoutSnapshots]) {
      const { asOf, ...found } = stockAt(look, productId, { type: 'sequence', shard: undefined, sequence })
      assert.equal(found, { ...expected, shard, sequence })
      if (look === withoutSnapshots) assert.is(asOf, new Date(atMs).toISOString())
    }
    compared += 1
  }
  assert.ok(compared > 20, String(compared))

  const byTime = productEventsOf(shop)
  for (let i = 3; i < byTime.length; i += 41) {
    const { event, shard, atMs } = byTime[i] as (typeof byTime)[number]
    const state = emptyShard()
    let sequence = 0
    for (const other of allEventsOf(shop)) {
      if (other.shard !== shard || other.atMs > atMs) continue
      evolve(state, other.event, other.atMs)
      sequence = other.sequence
    }
    for (const look of [files, withoutSnapshots]) {
      for (const later of [0, 0.5]) {
        const found = stockAt(look, event.productId, { type: 'time', atMs: atMs + later })
        assert.is(found.sequence, sequence)
        assert.is(found.version, state.products.get(event.productId)?.version)
      }
    }
  }
  await shop.remove()
})

test('of now is that of the last durable event', async () => {
  const shop = await makeEventful(SMALL)
  const { event, shard } = productEventsOf(shop).at(-1) as ReturnType<typeof productEventsOf>[number]
  const { sequence } = allEventsOf(shop).findLast((other) => other.shard === shard) as { sequence: number }
  const text = await journal(['stock', event.productId, '--data', shop.root])
  assert.is(text.code, 0, text.err)
  const found = stockAt(openJournalFiles(shop.root), event.productId, undefined)
  assert.is(found.sequence, sequence)
  assert.match(
    text.out,
    `${event.productId} as of ${found.asOf}, after s${shard}.${sequence}: version ${found.version}`,
  )
  assert.match(text.out, new RegExp(`\\navailable +${found.available}\non hand +${found.onHand}\n`))
  const json = JSON.parse((await journal(['stock', event.productId, '--json', '--data', shop.root])).out)
  assert.equal(json, { command: 'stock', exitCode: 0, ...found })
  await shop.remove()
})

test('says why there is nothing to say', async () => {
  const shop = await makeEventful({ ...SMALL, frames: 4 })
  const events = productEventsOf(shop)
  const late = events.find(({ event, atMs }) => {
    return event.type === 'StockAdjusted' && event.version === 1 && atMs > (events[0]?.atMs ?? 0)
  })
  const { event, shard, atMs } = late as (typeof events)[number]
  const { productId } = event
  const last = Math.max(
    ...allEventsOf(shop)
      .filter((other) => other.shard === shard)
      .map(({ sequence }) => sequence),
  )
  const other = (shard + 1) % shop.shards
  const refused: readonly (readonly [args: string[], why: RegExp])[] = [
    [['produkt-1'], /^journal: There is no product "produkt-1"\. Did you mean product-1\d?\?$/m],
    [['Product-1'], /Did you mean product-1\?/],
    [['zebra\u001b[31m'], /There is no product "zebra\\u001b\[31m"\.\n/],
    [[productId, '--at', '2999-01-01T00:00:00Z'], /--at 2999-01-01T00:00:00\.000Z is in the future/],
    [
      [productId, '--at', String(last + 1)],
      new RegExp(`shard ${shard} has come to sequence ${last}, and no further`),
    ],
    [
      [productId, '--at', `s${other}.1`],
      new RegExp(`is of shard ${other}, and "${productId}" is in shard ${shard}`),
    ],
    [
      [productId, '--at', new Date(atMs - 1).toISOString()],
      /had no stock yet at .*: its first event came later/,
    ],
    [
      [productId, '--at', 'yesterday'],
      /--at takes a time, such as .*, or a sequence, .*, and was given "yesterday"/,
    ],
    [[productId, '--at', '2026-02-30T00:00:00Z'], /--at takes a time/],
    [[productId, '--at', '2026-02-28 24:00:00Z'], /--at takes a time/],
    [[productId, '--at', 's2000.1'], /there is no shard 2000 in any journal/],
    [[], /stock needs <product>, as in: npm run journal -- stock phone/],
    [[productId, 'more'], /"more" is too much: stock takes one <product>/],
    [[productId, '--archive', '/nowhere/at/all'], /There is no directory \/nowhere\/at\/all/],
  ]
  for (const [args, why] of refused) {
    const { code, out, err } = await journal(['stock', ...args, '--data', shop.root])
    assert.is(code, 3, args.join(' '))
    assert.is(out, '')
    assert.match(err, why)
  }
  await shop.remove()

  const empty = new Workshop()
  const nothing = await journal(['stock', 'phone', '--data', empty.root])
  assert.is(nothing.code, 3)
  assert.match(nothing.err, 'There is no product "phone": nothing has happened yet.')
  await empty.remove()
})

test('ends with 1 where the journal is damaged on the way', async () => {
  const shop = await makeEventful(SMALL)
  const path = segmentsOf(shop).at(-2) as string
  writeAt(path, (framesOf(path)[2]?.offset ?? 0) + 70, Buffer.of(1, 2, 3))
  const { event } = productEventsOf(shop).at(-1) as ReturnType<typeof productEventsOf>[number]
  const text = await journal(['stock', event.productId, '--data', shop.root])
  assert.is(text.code, 1)
  assert.match(text.out, /^Damaged: .*"journal verify" tells what else is\./)
  const json = await journal(['stock', event.productId, '--json', '--data', shop.root])
  assert.is(JSON.parse(json.out).exitCode, 1)
  await shop.remove()
})

test.run()
