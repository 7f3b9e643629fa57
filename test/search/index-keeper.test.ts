/** A search server beside the embedded index: told what it is owed, and never in anybody's way (FAULTS.md, 77 and 78). */
import * as assert from 'uvu/assert'
import type { ProductId } from '../../src/domain/ids.ts'
import type { SearchIndex } from '../../src/search/search-index.ts'
import { suite } from '../support/suite.ts'
import { FlakyIndex } from './flaky-index.ts'
import { SearchWorld } from './search-world.ts'

const keeper = suite('an index on a server')

async function contentsOf(index: SearchIndex): Promise<readonly string[]> {
  const all = await Array.fromAsync(index.contents())
  return all.map(({ productId, revision, inStock }) => `${productId} ${revision} ${inStock}`).sort()
}

/** A shop of five lamps, with a search server that knows them. */
async function lit(): Promise<{ readonly world: SearchWorld; readonly served: FlakyIndex }> {
  const served = new FlakyIndex()
  const world = await SearchWorld.start(served)
  for (let i = 1; i <= 5; i++) await world.sell(`lamp-${i}`, i % 2, { title: `Lamp ${i}` })
  world.server.start()
  await world.pass(1_000)
  return { world, served }
}

async function assertEqual(world: SearchWorld, served: FlakyIndex): Promise<void> {
  assert.equal(await contentsOf(served.held), await contentsOf(world.index))
}

keeper('is filled with what the embedded one holds, answers searches, and follows', async () => {
  const { world, served } = await lit()
  await using _ = world
  await assertEqual(world, served)
  assert.equal((await world.found({ term: 'lamp' })).length, 5)
  assert.is(served.searches, 1)
  await world.wait(world.tables.write('catalog.retire', { productId: 'lamp-1' as ProductId, guard: {} }))
  await world.sell('chair', 1)
  await world.reserve('lamp-3')
  await world.pass(1_000)
  await assertEqual(world, served)
  assert.equal(await world.found({ inStock: true }), ['chair', 'lamp-5'])
  assert.is(served.searches, 2)
})

keeper(
  'is left alone by a node that does not lead, and compared and put right by whoever leads again (K4)',
  async () => {
    const { world, served } = await lit()
    await using _ = world
    world.keeper?.lead(false)
    await world.pass(1_000)
    const before = served.calls
    await world.sell('chair', 1)
    await world.reserve('lamp-1')
    await world.pass(5_000)
    assert.is(served.calls, before, 'nobody wrote to it or asked it')
    assert.equal((await world.found({ term: 'chair' })).length, 1, 'the embedded index answers')
    // As another node would have left it.
    await served.held.remove(['lamp-2' as ProductId])
    world.keeper?.lead(true)
    await world.pass(2_000)
    await assertEqual(world, served)
    assert.is(world.keeper?.status.isServing, true)
  },
)

keeper('that is down is left alone; the embedded one answers, and it catches up by itself', async () => {
  const { world, served } = await lit()
  await using _ = world
  served.mode = 'down'
  await world.sell('chair', 1)
  await world.pass(3_000)
  const before = served.calls
  for (let i = 0; i < 20; i++) assert.equal((await world.found({ term: 'chair' })).length, 1)
  await world.reserve('lamp-1')
  await world.pass(60_000)
  assert.ok(served.calls - before <= 20, `it was called ${served.calls - before} times in a minute`)
  assert.is(world.keeper?.status.isServing, false)
  served.mode = 'up'
  await world.pass(10_000)
  await assertEqual(world, served)
  assert.is(world.keeper?.status.isServing, true)
  const { searches } = served
  await world.found({ term: 'chair' })
  assert.is(served.searches, searches + 1)
})

keeper(
  'that was down while nothing changed is asked again, and found wanting where it has lost something',
  async () => {
    const { world, served } = await lit()
    await using _ = world
    served.mode = 'down'
    for (let i = 1; i <= 5; i++) assert.equal(await world.found({ term: `lamp ${i}` }), [`lamp-${i}`])
    assert.equal(world.logged, ['search.serverTrouble'], 'it is said once')
    await world.pass(60_000)
    assert.is(world.keeper?.status.isServing, false)
    await served.held.remove(['lamp-1' as ProductId])
    served.mode = 'up'
    await world.pass(10_000)
    assert.is(world.keeper?.status.isServing, true)
    await assertEqual(world, served)
  },
)

keeper('that fails for a search answers it by the embedded one at once', async () => {
  const { world, served } = await lit()
  await using _ = world
  served.mode = 'down'
  assert.is((await world.found({ term: 'lamp' })).length, 5)
  assert.equal(world.logged.filter((event) => event === 'search.serverTrouble').length <= 1, true)
})

keeper('that has lost everything is filled again', async () => {
  const { world, served } = await lit()
  await using _ = world
  served.lose()
  await world.sell('chair', 1)
  await world.pass(10_000)
  await assertEqual(world, served)
  served.lose()
  assert.is((await world.found({ term: 'lamp' })).length, 5, 'whoever searches meanwhile finds them')
  await world.pass(10_000)
  await assertEqual(world, served)
})

keeper('is put right where it differs from what it should hold, after a restart of the shop', async () => {
  const served = new FlakyIndex()
  {
    await using world = await SearchWorld.start(served)
    await world.sell('lamp-1', 1)
    world.server.start()
    await world.pass(1_000)
  }
  served.mode = 'up'
  await using world = await SearchWorld.start(served)
  for (let i = 2; i <= 4; i++) await world.sell(`lamp-${i}`, 1)
  world.server.start()
  await world.pass(2_000)
  await assertEqual(world, served)
  assert.equal((await world.found()).length, 3)
})

keeper('refuses a document by itself: it is parked and listed, and tried again when it changes', async () => {
  const { world, served } = await lit()
  await using _ = world
  served.refuses.add('poison')
  await world.sell('poison', 1, { title: 'Poison lamp' })
  await world.sell('chair', 1)
  await world.pass(2_000)
  assert.equal(world.keeper?.status.parked, [{ productId: 'poison', why: 'it is poison' }])
  assert.ok((await contentsOf(served.held)).some((each) => each.startsWith('chair')))
  const { writes } = served
  await world.pass(60_000)
  assert.is(served.writes, writes, 'it is not tried again and again')
  served.refuses.clear()
  const patch = { productId: 'poison' as ProductId, change: { title: 'Lamp 6' }, guard: {} }
  await world.wait(world.tables.write('catalog.patch', patch))
  await world.pass(2_000)
  assert.equal(world.keeper?.status.parked, [])
  await assertEqual(world, served)
})

keeper('is told once of what has changed a hundred times while it was down', async () => {
  const { world, served } = await lit()
  await using _ = world
  served.mode = 'down'
  for (let i = 0; i < 100; i++) {
    const patch = { productId: 'lamp-1' as ProductId, change: { title: `Lamp number ${i}` }, guard: {} }
    await world.wait(world.tables.write('catalog.patch', patch))
  }
  const { writes } = served
  served.mode = 'up'
  await world.pass(20_000)
  await assertEqual(world, served)
  assert.ok(served.writes - writes <= 2, String(served.writes - writes))
})

keeper('is made anew beside the one that answers, with what changes meanwhile', async () => {
  const { world, served } = await lit()
  await using _ = world
  await served.held.put([{ ...strangeDocument(), productId: 'stranger' as ProductId }])
  await world.wait(world.client.ask({ type: 'rebuild' }))
  await world.sell('chair', 1)
  assert.ok((await world.found({ term: 'lamp' })).length >= 5)
  await world.pass(5_000)
  assert.is(served.rebuilds, 1)
  await assertEqual(world, served)
})

keeper('that was asked to be made anew while it was down is, once it is back', async () => {
  const { world, served } = await lit()
  await using _ = world
  served.mode = 'down'
  await world.sell('chair', 1)
  await world.pass(3_000)
  await world.wait(world.client.ask({ type: 'rebuild' }))
  served.mode = 'up'
  await world.pass(15_000)
  assert.is(served.rebuilds, 1)
  await assertEqual(world, served)
})

keeper('of another version is not asked before it was made anew', async () => {
  const served = new FlakyIndex()
  const finished = Promise.withResolvers<void>()
  served.isOutdated = true
  served.finishes = finished.promise
  await using world = await SearchWorld.start(served)
  await world.sell('lamp', 1)
  world.server.start()
  await world.pass(2_000)
  await world.sell('chair', 1)
  await world.pass(2_000)
  assert.is((await world.found()).length, 2)
  assert.is(served.searches, 0)
  finished.resolve()
  await world.pass(3_000)
  assert.is((await world.found()).length, 2)
  assert.equal([served.searches, served.rebuilds], [1, 1])
  await assertEqual(world, served)
})

keeper('that differs is found to, and one that is as it should be is not', async () => {
  const { world, served } = await lit()
  await using _ = world
  const verified = async () => (await world.wait(world.client.ask({ type: 'verify' }))).answer
  assert.equal(await verified(), {
    products: 5,
    indexes: ['embedded', 'typesense'],
    differences: 0,
    listed: [],
  })
  await served.held.remove(['lamp-1' as ProductId])
  await served.held.setInStock([{ productId: 'lamp-3' as ProductId, inStock: false }])
  await served.held.put([{ ...strangeDocument(), productId: 'stranger' as ProductId }])
  await world.index.put([{ ...strangeDocument(), productId: 'lamp-2' as ProductId, revision: '0.0' }])
  const { differences, listed } = await verified()
  assert.is(differences, 4)
  assert.equal(listed.map(({ index, productId, what }) => `${index} ${productId} ${what}`).sort(), [
    'embedded lamp-2 outdated',
    'typesense lamp-1 missing',
    'typesense lamp-3 stock',
    'typesense stranger extra',
  ])
  await world.wait(world.client.ask({ type: 'rebuild' }))
  await world.pass(5_000)
  assert.is((await verified()).differences, 0, 'a rebuild puts it right')
})

keeper.run()

function strangeDocument() {
  return {
    productId: 'x' as ProductId,
    revision: '9.9',
    title: 'Stranger',
    brand: undefined,
    categories: [],
    description: '',
    details: [],
    price: 1,
    rating: 0,
    reviewCount: 0,
    createdAtMs: 0,
    inStock: true,
  }
}
