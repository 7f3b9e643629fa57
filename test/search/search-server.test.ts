/** The search beside the engine and the tables: it comes to hold what they do, whatever happens meanwhile. */
import * as assert from 'uvu/assert'
import { type ProductId, shardOf } from '../../src/domain/ids.ts'
import { searchWaitingMax } from '../../src/limits/search.ts'
import { SearchError } from '../../src/search/search-error.ts'
import { suite } from '../support/suite.ts'
import { SearchWorld } from './search-world.ts'

const follows = suite('the search')

follows('begins with the whole catalog, without what is retired, and says what is in stock', async () => {
  await using world = await SearchWorld.start()
  for (let i = 0; i < 120; i++) await world.sell(`p-${i}`, i % 3 === 0 ? 1 : i % 3 === 1 ? 0 : undefined)
  await world.wait(world.tables.write('catalog.retire', { productId: 'p-0' as ProductId, guard: {} }))
  await assertRejects(world.wait(world.client.ask({ type: 'suggest', term: 'p', limit: 3 })), 'unavailable')
  world.server.start()
  await world.pass(500)
  assert.is((await world.found({ limit: 1_000 })).length, 119)
  assert.is((await world.found({ inStock: true, limit: 1_000 })).length, 39)
  assert.equal([world.server.status().isFilled, world.server.status().products], [true, 119])
})

follows(
  'takes what is made, changed, reviewed and retired, and waits for the position of a change',
  async () => {
    await using world = await SearchWorld.start()
    world.server.start()
    await world.pass(200)
    const { tables } = world
    const productId = 'lamp' as ProductId
    await world.sell('lamp', 1, { title: 'Blue lamp', brand: 'Anker' })
    const patch = { productId, change: { title: 'Green lamp' }, guard: {} }
    const patched = await world.wait(tables.write('catalog.patch', patch))
    const after = { tables: patched.type === 'saved' ? patched.position : 0, shards: new Map() }
    assert.equal(await world.found({ term: 'green' }, after), ['lamp'])
    assert.equal(await world.found({ term: 'blue' }), [])
    tables.database.exec(`
    INSERT INTO purchases (customer_id, product_id, order_id, at_ms) VALUES ('usr_1', 'lamp', 'ord_1', 0)`)
    const review = { productId, customerId: 'usr_1', rating: 5, title: null, text: null } as never
    const reviewed = (await world.wait(tables.write('catalog.review', review))) as {
      readonly position: number
    }
    assert.equal(await world.found({ minRating: 5 }, { tables: reviewed.position, shards: new Map() }), [
      'lamp',
    ])
    await world.wait(tables.write('catalog.retire', { productId, guard: {} }))
    await world.pass(300)
    assert.equal(await world.found(), [])
  },
)

follows('is told of stock only when there is some again, or none any more', async () => {
  await using world = await SearchWorld.start()
  await world.sell('phone', 40)
  world.server.start()
  await world.pass(300)
  for (let i = 0; i < 39; i++) await world.reserve('phone')
  await world.pass(500)
  assert.is(world.projector.counters.transitions, 0)
  const last = await world.reserve('phone')
  await world.pass(500)
  assert.equal(await world.found({ inStock: true }), [])
  assert.equal(await world.found(), ['phone'])
  await world.wait(world.engine.engine.execute({ type: 'release', reservationId: last, items: undefined }))
  await world.pass(500)
  assert.equal(await world.found({ inStock: true }), ['phone'])
  assert.equal([world.projector.counters.transitions, world.projector.counters.puts], [2, 1])
})

follows('holds the stock of a reservation whose position it is given', async () => {
  await using world = await SearchWorld.start()
  await world.sell('phone', 1)
  world.server.start()
  await world.pass(300)
  await world.reserve('phone')
  const stock = await world.wait(
    world.engine.engine.execute({ type: 'readStock', productId: 'phone' as ProductId }),
  )
  if (stock.type === 'refused') throw new Error('no stock')
  const shard = shardOf('phone' as ProductId, 4)
  const after = { tables: 0, shards: new Map([[shard, stock.sequence]]) }
  assert.equal(await world.found({ inStock: true }, after), [])
})

follows('says so where it does not come as far as it was asked to', async () => {
  await using world = await SearchWorld.start()
  world.server.start()
  await world.pass(200)
  const after = { tables: 1_000, shards: new Map() }
  await assertRejects(world.found({}, after), 'behind')
  assert.is(world.server.status().waitingQuestions, 0)
})

follows('forgets nothing when the tables cannot be read for a while, and answers meanwhile', async () => {
  await using world = await SearchWorld.start()
  await world.sell('lamp', 1)
  world.server.start()
  await world.pass(300)
  await world.sell('chair', 1)
  await world.sell('table', 1)
  // The outbox is read, and then neither of the two products.
  world.faults.push(...Array.from({ length: 6 }, () => new Error('the disk is away')))
  await world.pass(100)
  assert.equal(await world.found(), ['lamp'])
  await world.pass(3_000)
  assert.equal(await world.found({ inStock: true }), ['chair', 'lamp', 'table'])
  assert.equal(world.logged, ['search.trouble'], 'it is said once')
})

follows('looks again at what a worker that has died may not have shown', async () => {
  await using world = await SearchWorld.start()
  await world.sell('phone', 1)
  world.server.start()
  await world.pass(300)
  await world.reserve('phone')
  world.engine.kill()
  await world.pass(1_000)
  world.engine.spawn(0)
  await world.pass(1_000)
  assert.equal(await world.found({ inStock: true }), [])
  assert.equal(await world.found(), ['phone'])
})

follows('lets so many wait for a position, and answers whoever needs none meanwhile', async () => {
  await using world = await SearchWorld.start()
  await world.sell('lamp', 1)
  world.server.start()
  await world.pass(300)
  const never = { tables: 1_000_000, shards: new Map() }
  const question = { type: 'suggest', term: 'lamp', limit: 3 } as const
  const codes = new Map<string, number>()
  const waiting = Array.from({ length: searchWaitingMax }, () => world.client.ask(question, never))
  for (const each of waiting)
    each.catch(({ code }: SearchError) => codes.set(code, (codes.get(code) ?? 0) + 1))
  await assertRejects(world.wait(world.client.ask(question, never)), 'overloaded')
  assert.equal((await world.wait(world.client.ask(question))).answer, ['lamp'])
  await world.wait(Promise.allSettled(waiting))
  assert.equal([...codes], [['behind', searchWaitingMax]])
})

follows.run()

async function assertRejects(promise: Promise<unknown>, code: string): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.instance(error, SearchError)
  assert.is((error as SearchError).code, code)
}
