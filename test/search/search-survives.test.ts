/** The search when something fails half-way: what it holds afterwards is what the catalog and the shards do (FAULTS.md, I10). */
import * as assert from 'uvu/assert'
import type { ProductId } from '../../src/domain/ids.ts'
import { productPageMax } from '../../src/limits/catalog.ts'
import { SearchError } from '../../src/search/search-error.ts'
import { suite } from '../support/suite.ts'
import { documentNamed, EVERYTHING } from './catalog.ts'
import { SearchWorld } from './search-world.ts'

const survives = suite('the search survives')

survives(
  'a catalog that cannot be read to its end at first: what is retired meanwhile is not found',
  async () => {
    await using world = await SearchWorld.start()
    for (let i = 0; i <= productPageMax; i++) await world.sell(`p-${1_000 + i}`, undefined)
    // The outbox twice and the first page are read, the second page is not.
    world.faults.push(undefined, undefined, undefined, new Error('the disk is away'))
    world.server.start()
    await world.pass(100)
    assert.equal(world.logged, ['search.trouble'])
    assert.is(world.index.products, productPageMax)
    await world.wait(world.tables.write('catalog.retire', { productId: 'p-1000' as ProductId, guard: {} }))
    await world.pass(1_000)
    assert.is((await world.found({ limit: 1_000 })).includes('p-1000'), false)
    assert.is(world.index.products, productPageMax)
  },
)

survives('a journal that cannot be read any more: stock is looked at all the same', async () => {
  await using world = await SearchWorld.start()
  await world.sell('phone', 1)
  world.server.start()
  await world.pass(300)
  world.engine.disk.fail({ code: 'EIO', kinds: ['list', 'read', 'open'], forever: true })
  await world.reserve('phone')
  await world.pass(2_000)
  assert.equal(world.logged, ['search.journalTrouble'], 'it is said once')
  assert.equal(await world.found({ inStock: true }), [])
})

survives('an index that holds something wrong: it is made anew when somebody asks for it', async () => {
  await using world = await SearchWorld.start()
  const productId = 'lamp' as ProductId
  await world.sell('lamp', 1)
  world.server.start()
  await world.pass(300)
  const revision = world.index.revision(productId) ?? ''
  await world.index.remove([productId])
  await world.index.put([documentNamed('lamp', 'chair', { revision, inStock: true })])
  assert.equal([await world.found({ term: 'lamp' }), await world.found({ term: 'chair' })], [[], ['lamp']])
  await world.wait(world.client.ask({ type: 'rebuild' }))
  await world.pass(500)
  assert.equal([await world.found({ term: 'lamp' }), await world.found({ term: 'chair' })], [['lamp'], []])
})

survives('a worker that ends before it has shown the first units of a product', async () => {
  await using world = await SearchWorld.start()
  await world.sell('phone', undefined)
  world.server.start()
  await world.pass(300)
  assert.equal(await world.found({ inStock: true }), [])
  world.engine.kill()
  // Nothing can be said of it now, not even that there is none.
  const told = await world.wait(world.stock.inStock(['phone' as ProductId]))
  assert.equal([...told], [])
})

survives('a machine’s clock that is set back while a worker is down', async () => {
  await using world = await SearchWorld.start()
  await world.sell('phone', 1)
  world.server.start()
  await world.pass(300)
  world.engine.kill()
  const { clock } = world.engine.timers
  clock.setWall(clock.wallMs() - 3_600_000)
  const told = await world.wait(world.stock.inStock(['phone' as ProductId]))
  assert.equal([...told], [])
})

survives(
  'a worker that ends before its last stock was seen: no position is said to be held that is not',
  async () => {
    await using world = await SearchWorld.start()
    await world.sell('phone', 0)
    world.server.start()
    await world.pass(300)
    world.faults.push(...Array.from({ length: 100 }, () => new Error('the disk is away')))
    await world.pass(300)
    await world.adjust('phone', 1)
    const after = await world.placeOf('phone')
    await world.pass(300)
    world.engine.kill()
    world.faults.length = 0
    await world.pass(1_000)
    await assertRefused(world.found({ inStock: true }, after), 'behind')
    world.engine.spawn(0)
    assert.equal(await world.found({ inStock: true }, after), ['phone'])
  },
)

survives('a question that fails it: that one is refused, and the next is answered', async () => {
  await using world = await SearchWorld.start()
  await world.sell('phone', 1)
  world.server.start()
  await world.pass(300)
  const poison = world.client.ask({ type: 'search', request: { ...EVERYTHING, term: undefined as never } })
  await assertRefused(world.wait(poison), 'unavailable')
  assert.equal(world.logged, ['search.questionFailed'])
  assert.equal(await world.found(), ['phone'])
})

survives('questions that nobody waits for any more: they are not looked into', async () => {
  await using world = await SearchWorld.start()
  await world.sell('phone', 1)
  world.server.start()
  await world.pass(300)
  const before = world.server.status().searches
  const search = { type: 'search', request: EVERYTHING } as const
  world.wire.there.isHolding = true
  const late = world.client.ask(search)
  await assertRefused(world.wait(late), 'unavailable')
  world.wire.there.release()
  await world.pass(100)
  assert.is(world.server.status().searches, before)
  assert.equal(await world.found(), ['phone'])
})

survives('its end in the middle of a large catalog: it does not read that to its end first', async () => {
  await using world = await SearchWorld.start()
  for (let i = 0; i < 3 * productPageMax; i++) await world.sell(`p-${1_000 + i}`, undefined)
  world.server.start()
  const late = world.client.ask({ type: 'search', request: EVERYTHING })
  await Promise.all([assertRefused(world.wait(late), 'unavailable'), world.wait(world.server.close())])
  assert.ok(world.index.products <= productPageMax, String(world.index.products))
  assert.is(world.server.status().isFilled, false)
})

survives.run()

async function assertRefused(promise: Promise<unknown>, code: string): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.instance(error, SearchError)
  assert.is((error as SearchError).code, code)
}
