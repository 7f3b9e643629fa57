/**
 * How many bytes of memory does a live reservation take, and what is kept beside it?
 *
 * The real shard worker with its eight shards runs in this thread, and every command and reply is cloned on its way, as
 * between threads. Bytes are those of V8's heap and of the arrays outside it, collected, before and after a million
 * reservations over 10,000 products: everything the worker keeps for them, divided by their number. Each has another
 * customer; no key, no reference.
 *
 * What a customer's count takes is the same with a customer limit on every product, less the same without. What the record
 * of an idempotency key takes, which holds the answer for a day, is the same with a key for each, less the same without. A
 * key that is claimed in another shard first has a record there too.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type CommandKey, commandKeyOf } from '../../src/actors/command-key.ts'
import type { ProductId } from '../../src/domain/ids.ts'
import { type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import { customerIdOf, productIds, STRIDE } from '../support/ids.ts'
import { STOCK, TTL_MS_MAX } from '../support/local-engine.ts'
import { bytesInUse } from '../support/memory.ts'
import { OneThreadEngine } from '../support/one-thread-engine.ts'
import { repeat } from '../support/repeat.ts'
import { makeScratch } from '../support/scratch.ts'

const SIZES = {
  full: { reservations: 1_000_000, products: 10_000 },
  quick: { reservations: 200_000, products: 10_000 },
  tiny: { reservations: 2_000, products: 100 },
} as const satisfies Record<Scale, object>

const CALLERS = 1_024
const CUSTOMER_LIMIT = 2

export const memory: Figure = { name: 'memory', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const size = SIZES[scale]
  const scratch = makeScratch('memory')
  // The first engine of a process also pays for code and tables that every later one finds there.
  await bytesPerReservation(join(scratch, 'first'), { ...size, reservations: 1_000 })
  const plain = await bytesPerReservation(join(scratch, 'plain'), size)
  say(`${plain.toFixed(0)} bytes a reservation`)
  const limited = await bytesPerReservation(join(scratch, 'limited'), { ...size, limit: CUSTOMER_LIMIT })
  say(`${limited.toFixed(0)} bytes a reservation where customers are counted`)
  const keyed = await bytesPerReservation(join(scratch, 'keyed'), { ...size, isKeyed: true })
  say(`${keyed.toFixed(0)} bytes a reservation with its key`)
  rmSync(scratch, { recursive: true })
  const bounds = { floor: 96, aim: 48 }
  return {
    rows: [
      makeRow({ name: 'memory a live reservation', unit: 'bytes', values: [plain], floor: 400, aim: 128 }),
      makeRow({ name: 'memory a key record', unit: 'bytes', values: [keyed - plain], ...bounds }),
      makeRow({ name: 'memory a customer’s count', unit: 'bytes', values: [limited - plain], ...bounds }),
    ],
    plots: [],
    notes: [],
  }
}

async function bytesPerReservation(
  directory: string,
  size: {
    readonly reservations: number
    readonly products: number
    readonly limit?: number
    readonly isKeyed?: boolean
  },
): Promise<number> {
  const local = await OneThreadEngine.start(directory)
  const products = productIds(size.products)
  await repeat(products.length, CALLERS, (nr) => prepare(local, products[nr] as ProductId, size.limit))
  const before = bytesInUse()
  await repeat(size.reservations, CALLERS, (nr) => {
    const key = size.isKeyed === true ? commandKeyOf('bench', String(nr), '') : undefined
    return reserve(local, products, { nr, key })
  })
  const bytes = (bytesInUse() - before) / size.reservations
  await local.end()
  return bytes
}

async function prepare({ engine }: OneThreadEngine, productId: ProductId, limit?: number): Promise<void> {
  const change = { set: STOCK, expectedVersion: undefined }
  await engine.execute({ type: 'adjust', productId, change, reason: 'bench', reference: undefined })
  if (limit === undefined) return
  await engine.execute({ type: 'scheduleSale', productId, sale: { perCustomerLimit: limit } })
}

async function reserve(
  { engine }: OneThreadEngine,
  products: readonly ProductId[],
  { nr, key }: { readonly nr: number; readonly key: CommandKey | undefined },
): Promise<void> {
  const productId = products[(nr * STRIDE) % products.length] as ProductId
  const reply = await engine.execute({
    type: 'reserve',
    reservationId: engine.newReservationId(productId),
    productId,
    customerId: customerIdOf(nr),
    quantity: 1,
    ttlMs: TTL_MS_MAX,
    allowPartial: false,
    reference: undefined,
    key,
  })
  if (reply.type !== 'held') throw new Error(`not held: ${JSON.stringify(reply)}`)
}
