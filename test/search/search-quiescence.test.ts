/**
 * I10: whatever happens to catalog, stock, worker, disk and tables, and in whatever order, once nothing happens any more the
 * index holds what the catalog and the shards do.
 */
import * as assert from 'uvu/assert'
import { EngineError } from '../../src/actors/engine-error.ts'
import type { ProductId, ReservationId } from '../../src/domain/ids.ts'
import { pagesOfCatalog } from '../../src/search/catalog-truth.ts'
import { revisionOf } from '../../src/search/product-document.ts'
import { Dice } from '../support/dice.ts'
import { note, suite } from '../support/suite.ts'
import { SearchWorld } from './search-world.ts'

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const RUNS = 12
const STEPS = 120
const PRODUCTS = 8
const isSegment = (path: string) => path.endsWith('.segment')

const quiescence = suite('an index, once nothing happens any more', { limitMs: 60_000 })

quiescence('is what the catalog and the shards are, whatever has happened', async () => {
  note(`TEST_SEED=${seed}`)
  let shown = 0
  for (let run = 0; run < RUNS; run++) shown += await aRun(seed + run)
  assert.ok(shown > RUNS, `${shown} in stock in the end: too few to show anything`)
})

quiescence.run()

/** Answers how many could be had in the end. */
async function aRun(seedOfRun: number): Promise<number> {
  await using world = await SearchWorld.start()
  const storm = new Storm(world, new Dice(seedOfRun))
  await storm.step()
  world.server.start()
  for (let step = 0; step < STEPS; step++) await storm.step()
  await storm.calm()
  const expected = await truthOf(world)
  const held = await Array.fromAsync(world.index.contents())
  assert.equal(
    held.map(({ productId, revision, inStock }) => `${productId} ${revision} ${inStock}`).sort(),
    expected,
    `TEST_SEED=${seedOfRun}`,
  )
  const buyable = expected.filter((each) => each.endsWith(' true')).map((each) => each.split(' ')[0] ?? '')
  assert.equal(await world.found({ inStock: true }), buyable, `TEST_SEED=${seedOfRun}`)
  return buyable.length
}

/** By the tables and the shards themselves; in the order of their text. */
async function truthOf(world: SearchWorld): Promise<readonly string[]> {
  const lines: string[] = []
  for await (const page of pagesOfCatalog(world.reader)) {
    for (const product of page) {
      const { productId } = product
      const stock = await world.wait(world.engine.engine.execute({ type: 'readStock', productId }))
      const inStock = stock.type !== 'refused' && !stock.retired && stock.available > 0
      lines.push(`${productId} ${revisionOf(product)} ${inStock}`)
    }
  }
  return lines.sort()
}

/** What may happen to a shop, by chance. */
class Storm {
  readonly #world: SearchWorld
  readonly #dice: Dice
  readonly #reservations: ReservationId[] = []
  #isDown = false

  constructor(world: SearchWorld, dice: Dice) {
    this.#world = world
    this.#dice = dice
  }

  async step(): Promise<void> {
    const dice = this.#dice
    const productId = `p-${dice.between(1, PRODUCTS)}` as ProductId
    const { tables, engine, faults } = this.#world
    switch (dice.between(1, 16)) {
      case 1:
      case 2:
        return await this.#world.sell(productId, undefined, { title: `${productId} ${dice.between(1, 99)}` })
      case 3: {
        const change = { title: `${productId} ${dice.between(1, 99)}` }
        return void (await this.#world.wait(tables.write('catalog.patch', { productId, change, guard: {} })))
      }
      case 4:
        return void (await this.#world.wait(tables.write('catalog.retire', { productId, guard: {} })))
      case 5:
      case 6:
      case 7:
      case 8:
        return this.#begin(this.#world.adjust(productId, dice.between(0, 2)))
      case 9:
      case 10: {
        const made = this.#world.reserve(productId).then((id) => void this.#reservations.push(id))
        return this.#begin(made)
      }
      case 11: {
        const reservationId = this.#reservations.pop()
        if (reservationId === undefined) return
        return this.#begin(engine.engine.execute({ type: 'release', reservationId, items: undefined }))
      }
      case 12:
        return this.#isDown ? this.#revive() : this.#kill()
      case 13:
        faults.push(...Array.from({ length: dice.between(1, 6) }, () => dice.pick([undefined, away()])))
        if (dice.hits(0.5)) engine.disk.fail({ code: 'EIO', kinds: ['list', 'open', 'read'] })
        return
      default:
        return await this.#world.pass(dice.between(1, 20) * 20)
    }
  }

  /** All faults are over, and what was begun has had its time. */
  async calm(): Promise<void> {
    const { engine, faults } = this.#world
    faults.length = 0
    engine.disk.heal()
    engine.disk.holdSyncs = undefined
    engine.disk.finishSyncs()
    if (this.#isDown) this.#revive()
    await this.#world.pass(35_000)
  }

  /** It may come to nothing: its shard is down, or refuses. Sometimes nobody waits for it. */
  async #begin(promise: Promise<unknown>): Promise<void> {
    const over = promise.catch((error: unknown) => {
      if (!(error instanceof EngineError) && !String(error).includes('refused')) throw error
    })
    if (this.#dice.hits(0.5)) await this.#world.wait(over)
  }

  /** Sometimes with frames that are written, and not durable. */
  async #kill(): Promise<void> {
    const { disk } = this.#world.engine
    if (this.#dice.hits(0.5)) {
      disk.holdSyncs = isSegment
      const productId = `p-${this.#dice.between(1, PRODUCTS)}` as ProductId
      this.#world.engine.call({
        type: 'adjust',
        productId,
        change: { set: this.#dice.between(0, 2), expectedVersion: undefined },
        reason: 'delivery',
        reference: undefined,
      })
      await this.#world.pass(20)
    }
    this.#isDown = true
    this.#world.engine.kill()
    disk.holdSyncs = undefined
  }

  #revive(): void {
    this.#isDown = false
    this.#world.engine.disk.heal()
    this.#world.engine.spawn(0)
  }
}

function away(): Error {
  return new Error('the tables cannot be read now')
}
