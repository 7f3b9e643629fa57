/**
 * Fills a data directory with live reservations, in a process of its own: `fill-data.ts <directory> <count>
 * [products]`. Says when all are acknowledged, with the ids of some; then it waits for SIGTERM to end in order, or for whatever else comes.
 */
import type { CustomerId, ProductId, ReservationId } from '../../src/domain/ids.ts'
import { productIds } from './ids.ts'
import { LocalEngine, TTL_MS_MAX } from './local-engine.ts'
import { repeat } from './repeat.ts'

export type Filled = { readonly samples: readonly string[] }

const CALLERS = 4_096
const PRODUCTS = 10_000
const SAMPLES = 100

const [directory, count, productCount = String(PRODUCTS)] = process.argv.slice(2)
const reservations = Number(count)
const local = await LocalEngine.start(directory as string)
const products = productIds(Number(productCount))
await local.stock(products)
const samples: ReservationId[] = []
await repeat(reservations, CALLERS, async (nr) => {
  const productId = products[nr % products.length] as ProductId
  const reservationId = local.engine.newReservationId(productId)
  const reply = await local.engine.execute({
    type: 'reserve',
    reservationId,
    productId,
    customerId: `c${String(nr).padStart(7, '0')}` as CustomerId,
    quantity: 1,
    ttlMs: TTL_MS_MAX,
    allowPartial: false,
    reference: undefined,
  })
  if (reply.type !== 'held') throw new Error(`not held: ${JSON.stringify(reply)}`)
  if (nr % Math.ceil(reservations / SAMPLES) === 0) samples.push(reservationId)
})
process.on('SIGTERM', () => void local.end().then(() => process.exit(0)))
process.on('disconnect', () => process.exit(1))
process.send?.({ samples } satisfies Filled)
