/** ER1 to ER4: nothing is left out, whoever dies; what comes twice is known by its id. */
import { readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { moveFiles } from '../../src/cli/archive/move.ts'
import { planArchive } from '../../src/cli/archive/plan.ts'
import { positionText, readRelayPosition } from '../../src/events/relay-position.ts'
import { eventsConfirmMs, eventsRetryMsMax } from '../../src/limits/events.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import { TablesError } from '../../src/persistence/tables/tables-error.ts'
import { makeArchivable } from '../cli/archivable.ts'
import { fields } from '../persistence/tables/catalog/products.ts'
import { InProcessEngine, journalDirectory } from '../support/in-process-engine.ts'
import { type JournalView, readJournalAt } from '../support/journal-reader.ts'
import { note, suite } from '../support/suite.ts'
import { RelayWorld, SOURCE } from './relay-world.ts'
import { assertAllOf, distinct } from './told.ts'

const SHARDS = 4
const test = suite('the relay')

/** A shop at rest, with all kinds of events in four streams. */
async function archivable() {
  const shop = await makeArchivable()
  const place = { disk: realDisk, journal: shop.journal }
  const view = (): JournalView => readJournalAt({ ...place, snapshots: shop.snapshots }, SHARDS)
  return { shop, place, view, world: new RelayWorld(place, SHARDS) }
}

/** An engine that goes on, and what sells in it. */
async function running() {
  const engine = await new InProcessEngine({ shards: SHARDS, workers: 1 }).start()
  const world = new RelayWorld(
    { disk: engine.disk.session(), journal: journalDirectory },
    SHARDS,
    engine.timers,
  )
  const adjust = (productId: string, set: number) =>
    engine.ask({
      type: 'adjust',
      productId: productId as never,
      change: { set, expectedVersion: undefined },
      reason: 'delivery',
      reference: undefined,
    })
  const create = (productId: string) => {
    const product = { productId: productId as never, fields: fields({ title: productId }) }
    return world.tables.write('catalog.create', product)
  }
  const sequences = () => world.broker.kept.events.map(({ type, subject }) => `${type} ${subject}`)
  return { engine, world, adjust, create, sequences }
}

test('tells all that is published, from the oldest on, with every restart from where the broker is', async () => {
  const { shop, view, world } = await archivable()
  const journal = view()
  let lives = 0
  for (let before = -1; before < world.broker.kept.events.length; lives++) {
    before = world.broker.kept.events.length
    const timers = world.timers.session()
    world.broker.tellsLeft = 1 + (lives % 2)
    world.broker.losesAnswer = lives % 3 === 0
    world.relay({ timers }).start()
    await world.pass(100)
    // As a thread that is killed: nothing of it goes on.
    timers.end()
    world.broker.isAway = false
  }
  const { events, repeated } = distinct(world.broker.kept.events)
  note(`${events.length} events in ${lives} lives, ${repeated} told twice`)
  assert.ok(lives > 3)
  assertAllOf(journal, events, SOURCE)
  const types = new Set(events.map(({ type }) => type))
  assert.ok(types.size >= 15, [...types].join())
  world.close()
  await shop.remove()
})

test('waits while the broker is away, says so once, and leaves nothing out', async () => {
  const { engine, world, adjust, create, sequences } = await running()
  await create('lamp')
  await adjust('lamp', 1)
  const relay = world.relay()
  relay.start()
  assert.ok(relay.status.behindMs > 0, 'nobody knows yet what is there')
  await world.until(() => world.broker.kept.events.length === 2, 'two are told')
  world.broker.isAway = true
  await adjust('lamp', 2)
  await create('chair')
  await world.pass(8_000)
  assert.equal(world.troubles, ['broker'])
  assert.is(relay.status.trouble, 'broker')
  assert.ok(relay.status.behindMs > 5_000 && relay.status.failures > 3)
  assert.equal(
    world.logged.filter((line) => line.startsWith('error')),
    ['error events.brokerTrouble'],
  )
  world.broker.isAway = false
  await world.pass(eventsRetryMsMax + 1_000)
  assert.equal(world.troubles, ['broker', undefined])
  assert.is(relay.status.behindMs, 0)
  assert.equal(sequences().sort(), [
    'holdfast.product.changed.v1 chair',
    'holdfast.product.changed.v1 lamp',
    'holdfast.stock.adjusted.v1 lamp',
    'holdfast.stock.adjusted.v1 lamp',
  ])
  await relay.close()
  world.close()
  await engine.shutDown()
})

test('asks whether what was told is there where an answer was lost, or somebody else told it', async () => {
  const { engine, world, adjust, sequences } = await running()
  await adjust('lamp', 1)
  const [one, other] = [world.relay(), world.relay({ leads: false })]
  one.start()
  other.start()
  world.broker.losesAnswer = true
  await world.until(() => world.broker.kept.events.length === 1, 'it is told')
  await world.pass(1_000)
  for (let round = 0; round < 6; round++) {
    await adjust('lamp', 2 + round)
    // Both believe for a while that they tell.
    other.lead(round % 2 === 0)
    one.lead(round % 3 !== 0)
    await world.pass(600)
  }
  one.lead(true)
  await world.pass(2_000)
  assert.is(sequences().length, 7)
  assert.is(distinct(world.broker.kept.events).repeated, 0)
  assert.ok(world.logged.includes('warn events.positionMoved'))
  await one.close()
  await other.close()
  world.close()
  await engine.shutDown()
})

test('tells again what a broker has lost, though nothing new happens', async () => {
  const { engine, world, adjust, sequences } = await running()
  const relay = world.relay()
  relay.start()
  await adjust('lamp', 1)
  await world.until(() => sequences().length === 1, 'it is told')
  const before = world.broker.kept
  await adjust('lamp', 2)
  await world.until(() => sequences().length === 2, 'the second is told')
  // As a replica that is promoted, and had not heard of the last.
  world.broker.kept = before
  await world.pass(eventsConfirmMs + 500)
  assert.is(sequences().length, 2)
  world.broker.kept = { events: [], position: undefined }
  await world.pass(eventsConfirmMs + 500)
  assert.is(sequences().length, 2)
  await relay.close()
  world.close()
  await engine.shutDown()
})

test('an orderly end tells the last of it, and a restart nothing again', async () => {
  const { engine, world, adjust, sequences } = await running()
  const relay = world.relay()
  relay.start()
  await world.pass(200)
  await adjust('lamp', 1)
  await engine.shutDown()
  await relay.close()
  assert.equal(sequences(), ['holdfast.stock.adjusted.v1 lamp'])
  const next = world.relay()
  next.start()
  await world.pass(2_000)
  await next.close()
  assert.is(sequences().length, 1)
  world.close()
})

test('tables that do not answer are waited for', async () => {
  const { engine, world, create, sequences } = await running()
  await create('lamp')
  world.fault = new TablesError('unavailable', 'they start')
  const relay = world.relay()
  relay.start()
  await world.pass(1_000)
  assert.equal(world.troubles, ['tables'])
  world.fault = undefined
  await world.pass(eventsRetryMsMax)
  assert.equal(sequences(), ['holdfast.product.changed.v1 lamp'])
  await relay.close()
  world.close()
  await engine.shutDown()
})

test('begins with the oldest that is here, and never passes over what is missing', async () => {
  const { shop, place, view, world } = await archivable()
  const journal = view()
  const { files } = shop
  const away = join(shop.root, 'away')
  realDisk.makeDirectory(away)
  const whole = new RelayWorld(place, SHARDS)
  const first = whole.relay()
  first.start()
  await whole.until(() => whole.broker.tells > 0, 'some is told')
  await first.close()
  const all = whole.broker.kept

  moveFiles({ ...files, to: away, at: '2026-01-01T00:00:00Z' }, planArchive(files).files)
  assert.ok(readdirSync(away).length > 0)
  const late = world.relay()
  late.start()
  await world.pass(1_000)
  await late.close()
  const { events } = distinct(world.broker.kept.events)
  const firstIds = new Set(events.map(({ id }) => id))
  assert.ok(events.length > 0 && events.length < all.events.length)
  const rest = all.events.filter(({ id }) => firstIds.has(id))
  assert.equal(events.map(({ id }) => id).sort(), rest.map(({ id }) => id).sort())

  // Told up to the first event of shard 0, and what follows is archived.
  const told = readRelayPosition(all.position as string)
  const shards = new Map(
    [...(told?.shards ?? [])].map(([shard, at]) => [shard, { ...at, sequence: 1, epoch: 1 }]),
  )
  world.broker.kept = { events: [], position: positionText({ outboxId: 0, shards }) }
  const stuck = world.relay()
  stuck.start()
  await world.pass(2_000)
  assert.equal(world.troubles, ['journal'])
  assert.is(world.broker.kept.events.length, 0, 'nothing behind the gap is told')
  for (const name of readdirSync(away)) renameSync(join(away, name), join(shop.journal, name))
  await world.pass(eventsRetryMsMax + 1_000)
  await stuck.close()
  assert.ok(world.logged.includes('warn events.otherHistory') || world.broker.kept.events.length > 0)
  assertAllOf(journal, distinct(world.broker.kept.events).events, SOURCE)
  world.close()
  whole.close()
  await shop.remove()
})

test('of another history it tells from the oldest on', async () => {
  const { shop, view, world } = await archivable()
  const shards = new Map([[0 as never, { sequence: 3, epoch: 1, link: 'f'.repeat(32) }]])
  world.broker.kept = { events: [], position: positionText({ outboxId: 0, shards }) }
  const relay = world.relay()
  relay.start()
  await world.until(() => world.broker.kept.events.length > 0, 'it is told')
  await world.pass(1_000)
  await relay.close()
  assert.ok(world.logged.includes('warn events.otherHistory'))
  assertAllOf(view(), distinct(world.broker.kept.events).events, SOURCE)
  world.close()
  await shop.remove()
})

test.run()
