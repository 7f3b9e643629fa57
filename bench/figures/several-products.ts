/**
 * What does a reservation of several products cost, beside one of a single product?
 *
 * 1,024 callers reserve three products at a time, all or nothing, and the same callers one product, in the same engine, one
 * after the other; which comes first changes from round to round. The three are neighbours in a catalog of 10,000, and so
 * of whatever shards their ids fall into, out of eight.
 *
 *   caller ─► hold a line in each other shard ─► durable ─► make the reservation at its home, own lines and all ─► durable
 *
 * That is two syncs one after the other where one product has one, and four or five events where it has one. After each
 * round the journal is read back: every line of every acknowledged reservation is held, and nothing else is. So few callers,
 * since each has up to two calls under way, and beyond 4,096 of them an engine turns new ones away when the oldest waits long.
 *
 * Not measured: several workers, settling, refusals, which take what was held back first.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Refused, SplitHeldReply } from '../../src/actors/requests.ts'
import { SplitCoordinator } from '../../src/actors/split-coordinator.ts'
import type { CustomerId, ProductId } from '../../src/domain/ids.ts'
import { shardOf } from '../../src/domain/ids.ts'
import { realClock, realTimers } from '../../src/seams.ts'
import { type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import { Callers } from '../support/callers.ts'
import { type Acknowledgements, endChecked } from '../support/durability.ts'
import { productIds, SHARDS } from '../support/ids.ts'
import { LocalEngine } from '../support/local-engine.ts'
import { thousands } from '../support/report.ts'
import { inRounds } from '../support/rounds.ts'
import { makeScratch } from '../support/scratch.ts'

const SIZES = {
  full: { rounds: 3, turns: 2, loadMs: 1_500, warmUpMs: 1_000, products: 10_000 },
  quick: { rounds: 1, turns: 1, loadMs: 1_000, warmUpMs: 400, products: 10_000 },
  tiny: { rounds: 1, turns: 1, loadMs: 50, warmUpMs: 10, products: 100 },
} as const satisfies Record<Scale, object>

const CALLERS = 1_024
const TOGETHER = 3

export const severalProducts: Figure = { name: 'several-products', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const size = SIZES[scale]
  const scratch = makeScratch('several-products')
  const products = productIds(size.products)
  const baskets = basketsOf(products)
  const values = { several: [] as number[], one: [] as number[] }
  for (let round = 1; round <= size.rounds; round++) {
    const directory = join(scratch, 'engine')
    const local = await LocalEngine.start(directory)
    await local.stock(products)
    const [single, together] = [local.callers(), callersOfSeveral(local, baskets)]
    for (const callers of [single, together])
      await callers.run({ callers: CALLERS, products, forMs: size.warmUpMs })
    const { several, one } = await inRounds(size.turns, {
      several: () => together.run({ callers: CALLERS, products, forMs: size.loadMs }),
      one: () => single.run({ callers: CALLERS, products, forMs: size.loadMs }),
    })
    values.several.push(...several)
    values.one.push(...one)
    await endChecked(local, sumOf(single, together, baskets))
    rmSync(directory, { recursive: true })
    say(
      `round ${round}: ${several.map(thousands).join(', ')} of three; ${one.map(thousands).join(', ')} of one`,
    )
  }
  rmSync(scratch, { recursive: true })
  const row = makeRow({
    name: `durable reserves of ${TOGETHER} products, ${thousands(CALLERS)} callers`,
    unit: '/s',
    values: values.several,
    limit: { name: 'of one product', values: values.one },
  })
  const shards = baskets.values().reduce((sum, ids) => sum + shardsOf(ids), 0) / baskets.size
  const note = `Reservations of ${TOGETHER} products lie in ${shards.toFixed(1)} of ${SHARDS} shards on average; every line of each was read back from the journal.`
  return { rows: [row], plots: [], notes: [note] }
}

/** By each product, the three that are reserved with it, by product id. */
function basketsOf(products: readonly ProductId[]): ReadonlyMap<ProductId, readonly ProductId[]> {
  return new Map(
    products.map((productId, i) => {
      const ids = Array.from({ length: TOGETHER }, (_, j) => products[(i + j) % products.length] as ProductId)
      return [productId, ids.toSorted()]
    }),
  )
}

function shardsOf(ids: readonly ProductId[]): number {
  return new Set(ids.map((productId) => shardOf(productId, SHARDS))).size
}

/** Callers as the HTTP layer is one for several products: by a coordinator of their own thread. */
function callersOfSeveral(
  { engine }: LocalEngine,
  baskets: ReadonlyMap<ProductId, readonly ProductId[]>,
): Callers<SplitHeldReply | Refused> {
  const coordinator = new SplitCoordinator(engine, { clock: realClock, timers: realTimers, shards: SHARDS })
  const reserve = (productId: ProductId, customerId: CustomerId) => {
    const ids = baskets.get(productId) ?? []
    return coordinator.reserve({
      reservationId: engine.newReservationId(ids[0] ?? productId),
      customerId,
      ttlMs: undefined,
      allowPartial: false,
      reference: undefined,
      key: undefined,
      lines: ids.map((id) => ({ productId: id, quantity: 1 })),
    })
  }
  return new Callers({ reserve, isHeld: ({ type }) => type === 'splitHeld' })
}

/** What was acknowledged in all: of a basket, a unit of each product. */
function sumOf(
  single: Acknowledgements,
  together: Acknowledgements,
  baskets: ReadonlyMap<ProductId, readonly ProductId[]>,
): Acknowledgements {
  const byProduct = new Map(single.byProduct)
  for (const [productId, units] of together.byProduct)
    for (const id of baskets.get(productId) ?? []) byProduct.set(id, (byProduct.get(id) ?? 0) + units)
  return { acknowledged: single.acknowledged + together.acknowledged, byProduct }
}
