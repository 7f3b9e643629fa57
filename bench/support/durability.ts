/** Whether what was acknowledged is in the journal: read back from the files, product by product, after the engine's end. */
import type { ProductId } from '../../src/domain/ids.ts'
import { foldJournal } from './journal-fold.ts'
import { type JournalCounts, type LocalEngine, STOCK } from './local-engine.ts'

export type Acknowledgements = {
  readonly acknowledged: number
  readonly byProduct: ReadonlyMap<ProductId, number>
}

/** Ends the engine in order. Throws where its syncs and events and these acknowledgements do not add up. */
export async function endChecked(local: LocalEngine, told: Acknowledgements): Promise<JournalCounts> {
  const counts = await local.journal()
  const workers = local.engine.workers().length
  await local.end()
  const { frames, rolls, syncs, seals } = counts
  // The frame that opens a segment is made durable by the sync of the batch written behind it; of each worker a seal may
  // have been under way when it told its counts.
  if (syncs < frames - rolls - Math.min(seals, workers))
    throw new Error(`${frames} frames, ${rolls} of them openings, and ${syncs} syncs`)
  const fold = foldJournal(local.journalDirectory)
  if (fold.contradictions.length > 0)
    throw new Error(`the journal contradicts itself: ${fold.contradictions[0]}`)
  const made = fold.reservations.size + fold.splits.size
  if (made !== told.acknowledged)
    throw new Error(`${told.acknowledged} acknowledged, and ${made} in the journal`)
  for (const { reservationId, lines } of fold.splits.values()) {
    for (const { productId, quantity } of lines) {
      if (fold.holds.get(`${reservationId}/${productId}`)?.held !== quantity)
        throw new Error(`${reservationId}: its line of ${productId} is not held`)
    }
  }
  for (const [productId, { stocked, held, sold, oversold }] of fold.products) {
    const acknowledged = told.byProduct.get(productId as ProductId) ?? 0
    if (stocked === STOCK && held === acknowledged && sold === 0 && oversold === 0) continue
    throw new Error(
      `${productId}: ${acknowledged} acknowledged; ${stocked} stocked, ${held} held, ${sold} sold`,
    )
  }
  return counts
}
