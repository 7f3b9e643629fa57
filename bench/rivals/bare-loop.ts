/**
 * What the encoder and the disk leave to be had: one loop that encodes the engine's events as JSON, a line each, and
 * appends them with one fdatasync per batch. It has no rules, no state, no threads, no replies and no checksums, so it is
 * a limit and not a rival.
 *
 * Two readings. *Prepared*: the events are there before the clock starts, and the loop only encodes and appends. That is
 * the strict one. *Drawing*: the loop draws each reservation's id and builds each event first, as the engine must, for
 * these differ from call to call. The floor of the figure was set against the latter.
 */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import type { UnitsHeld } from '../../src/domain/events.ts'
import type { ProductId, ReservationId } from '../../src/domain/ids.ts'
import { customerIds, STRIDE } from '../support/ids.ts'

export const BARE_BATCH = 512
type Draw = (productId: ProductId) => ReservationId

const TTL_MS = 600_000
const STOCK = 1_000_000_000
const CUSTOMERS = 100_000

export type BareOptions = {
  /** The file to append to; begun anew. */
  readonly path: string
  readonly forMs: number
  /** Events a sync. */
  readonly batch?: number
}

/** Events a second of those prepared, in turn. */
export function runPrepared(events: readonly UnitsHeld[], options: BareOptions): number {
  let next = 0
  return append(options, () => events[next++ % events.length] as UnitsHeld)
}

/** Events a second, each with an id drawn and an object built in the loop. */
export function runDrawing(products: readonly ProductId[], draw: Draw, options: BareOptions): number {
  return append(options, eventsOf(products, draw))
}

/** As the loop that draws would build them. */
export function prepareEvents(products: readonly ProductId[], draw: Draw, count: number): UnitsHeld[] {
  const next = eventsOf(products, draw)
  const nowMs = Date.now()
  return Array.from({ length: count }, () => next(nowMs))
}

function eventsOf(products: readonly ProductId[], draw: Draw): (nowMs: number) => UnitsHeld {
  const customers = customerIds(CUSTOMERS)
  const versions = new Float64Array(products.length)
  let next = 0
  return (nowMs) => {
    const product = (next * STRIDE) % products.length
    const productId = products[product] as ProductId
    const version = (versions[product] as number) + 1
    versions[product] = version
    return {
      type: 'UnitsHeld',
      productId,
      version,
      reservationId: draw(productId),
      customerId: customers[next++ % customers.length],
      reference: undefined,
      quantity: 1,
      expiresAtMs: nowMs + TTL_MS,
      available: STOCK - version,
    }
  }
}

function append(
  { path, forMs, batch = BARE_BATCH }: BareOptions,
  event: (nowMs: number) => UnitsHeld,
): number {
  const file = openSync(path, 'w')
  const startedMs = performance.now()
  let count = 0
  while (performance.now() - startedMs < forMs) {
    const nowMs = Date.now()
    let text = ''
    for (let i = 0; i < batch; i++) text += `${JSON.stringify(event(nowMs))}\n`
    writeSync(file, text)
    fdatasyncSync(file)
    count += batch
  }
  const perSecond = (count / (performance.now() - startedMs)) * 1_000
  closeSync(file)
  return perSecond
}
