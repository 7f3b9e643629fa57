/**
 * A closed loop of callers within the engine's own process: each reserves one unit, and again as soon as it is answered.
 * Holds what was acknowledged, for the check against the journal. What a call costs here is kept small, or the loop
 * would measure itself: customers' ids are made before, and nothing is looked at between an answer and the next call.
 */
import type { Engine } from '../../src/actors/engine.ts'
import type { CustomerId, ProductId } from '../../src/domain/ids.ts'

/** Prepared once; a load that runs out of them ends early. */
const CUSTOMERS = 3_000_000
const customerIds = Array.from(
  { length: CUSTOMERS },
  (_, i) => `c${String(i).padStart(7, '0')}` as CustomerId,
)
/** A prime step through the catalog, so that neighbours in time are strangers there. */
const STRIDE = 7_919

export class Callers {
  /** Reservations acknowledged, by product. */
  readonly byProduct = new Map<string, number>()
  acknowledged = 0
  readonly #engine: Engine
  #asked = 0

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** Reservations a second, from the first call to the last answer. Rejects if any is not held. */
  async run(
    callers: number,
    options: { readonly products: readonly ProductId[]; readonly forMs: number },
  ): Promise<number> {
    const { products, forMs } = options
    const engine = this.#engine
    const first = this.#asked
    let answered = 0
    let isOver = false
    const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
    const ask = (): void => {
      const productId = products[(this.#asked * STRIDE) % products.length] as ProductId
      const customerId = customerIds[this.#asked++]
      engine
        .execute({
          type: 'reserve',
          reservationId: engine.newReservationId(productId),
          productId,
          customerId,
          quantity: 1,
          ttlMs: undefined,
          allowPartial: false,
          reference: undefined,
        })
        .then(hear, reject)
    }
    const hear = (reply: { readonly type: string }): void => {
      if (reply.type !== 'held') return reject(new Error(`not held: ${JSON.stringify(reply)}`))
      answered += 1
      if (!isOver && this.#asked < CUSTOMERS) ask()
      else if (answered === this.#asked - first) resolve()
    }

    const startedMs = performance.now()
    setTimeout(() => {
      isOver = true
    }, forMs)
    for (let i = 0; i < callers; i++) ask()
    await ended
    const perSecond = (answered / (performance.now() - startedMs)) * 1_000
    this.acknowledged += answered
    for (let i = first; i < this.#asked; i++) {
      const productId = products[(i * STRIDE) % products.length] as ProductId
      this.byProduct.set(productId, (this.byProduct.get(productId) ?? 0) + 1)
    }
    return perSecond
  }
}
