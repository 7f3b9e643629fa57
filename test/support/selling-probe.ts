/** Asks each shard for a unit, again and again, until each has sold one: how long nobody could buy there. */
import type { ClusterShop } from './cluster-shop.ts'
import type { RequestLedger } from './request-ledger.ts'
import { pause } from './server-process.ts'

export type ProbeOptions = {
  readonly shop: ClusterShop
  readonly ledger: RequestLedger
  /** One of each shard, with units enough. */
  readonly products: readonly string[]
  readonly withinMs?: number
}

const TRY_EVERY_MS = 25
const WITHIN_MS = 30_000

/** Milliseconds until a reservation that was asked for from now on was acknowledged, by the order of the products. */
export async function sellAgain(options: ProbeOptions): Promise<readonly number[]> {
  const sinceMs = performance.now()
  return await Promise.all(
    options.products.map(async (productId) => {
      await sellOne(productId, options, sinceMs)
      return performance.now() - sinceMs
    }),
  )
}

async function sellOne(productId: string, options: ProbeOptions, sinceMs: number): Promise<void> {
  const { shop, ledger, withinMs = WITHIN_MS } = options
  const items = [{ productId, quantity: 1 }]
  let last = 'nothing'
  while (performance.now() - sinceMs < withinMs) {
    const asked = ledger.reserveSeveral(items, { isKeyed: true })
    const request = { body: { items, reference: asked.tag }, idempotencyKey: asked.key }
    const outcome = await shop.call(['POST', '/v1/reservations'], request)
    ledger.answeredReserve(asked, outcome)
    if (asked.known === 'acknowledged') return
    last = JSON.stringify(outcome)
    await pause(TRY_EVERY_MS)
  }
  throw new Error(`no ${productId} was sold within ${withinMs} ms: ${last}`)
}
