/**
 * Looks at the boards of live stock as any listener could, all the time, and holds them against the journal: what was ever
 * shown is durable and never goes back (S2), whatever process or worker shows it, and when all is quiet it is equal (I10).
 */
import { ShardBoardReader, type ShownStock } from '../../src/actors/stock-board.ts'
import type { InProcessEngine } from '../support/in-process-engine.ts'
import type { Verdict } from '../support/journal-oracle.ts'

export class BoardWitness {
  /** What was ever shown last, by shard and number of the product: numbers are for good. */
  readonly #newest = new Map<string, ShownStock>()

  /** Looks at every product on every board, after any step. */
  look({ lives }: InProcessEngine): void {
    for (const life of lives) {
      for (const memory of life.findLast(({ board }) => board !== undefined)?.board ?? []) {
        const reader = new ShardBoardReader(memory)
        for (let number = 0; number < reader.products; number++) {
          this.#note(`${memory.shard} ${number}`, reader.read(number))
        }
      }
    }
  }

  /** Everything that was shown is in this journal. */
  judge(verdict: Verdict): void {
    for (const [place, productId] of productsOf(verdict)) {
      const [shown, durable] = [this.#newest.get(place), verdict.books.stocks.get(productId)]
      if (shown === undefined || (durable !== undefined && durable.version >= shown.version)) continue
      throw new Error(
        `version ${shown.version} of ${productId} was shown, ${durable?.version} is durable (S2)`,
      )
    }
  }

  /** Nothing was under way when it was looked at last: then the board says what the journal says. */
  expectEqual(verdict: Verdict): void {
    for (const [place, productId] of productsOf(verdict)) {
      const stock = verdict.books.stocks.get(productId)
      if (stock === undefined) throw new Error(`${productId} is not booked`)
      const { version, onHand, held, sold } = stock
      const available = onHand - held - stock.earmarked
      const shown = this.#newest.get(place)
      const durable = JSON.stringify({ version, available, onHand, held, sold })
      if (JSON.stringify(countsOf(shown)) !== durable)
        throw new Error(`${productId} is shown as ${JSON.stringify(shown)}, and is ${durable} (I10)`)
    }
  }

  #note(place: string, shown: ShownStock | undefined): void {
    const before = this.#newest.get(place)
    if (shown === undefined) throw new Error(`product ${place} is counted and cannot be read`)
    this.#newest.set(place, shown)
    if (before === undefined || before.version < shown.version) return
    if (before.version > shown.version)
      throw new Error(`product ${place} goes back from version ${before.version} to ${shown.version}`)
    const [then, now] = [JSON.stringify(before), JSON.stringify(shown)]
    if (then !== now) throw new Error(`product ${place} has two faces: ${then} and ${now}`)
  }
}

function countsOf(shown: ShownStock | undefined): object | undefined {
  if (shown === undefined) return undefined
  const { version, available, onHand, held, sold } = shown
  return { version, available, onHand, held, sold }
}

/** By shard and number. A product's first event makes it, and they are numbered as they are made. */
function* productsOf({ journal }: Verdict): Generator<readonly [place: string, productId: string]> {
  for (const [shard, events] of journal.events) {
    let number = 0
    for (const { event } of events) {
      if ('productId' in event && event.version === 1) yield [`${shard} ${number++}`, event.productId]
    }
  }
}
