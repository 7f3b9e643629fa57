/**
 * A closed loop of callers within this process: each reserves one unit, and again as soon as it is answered. Holds what
 * was acknowledged, for the check afterwards. What a call costs here is kept small, or the loop would measure itself:
 * customers' ids are made before, and nothing is looked at between an answer and the next call.
 */
import type { CustomerId, ProductId } from '../../src/domain/ids.ts'
import { customerIds, STRIDE } from './ids.ts'
import { repeat } from './repeat.ts'

/** Whoever makes reservations: the engine, or a rival. */
export type Reserve<Reply> = (productId: ProductId, customerId: CustomerId) => Promise<Reply>

export type Load = {
  readonly callers: number
  readonly products: readonly ProductId[]
  readonly forMs: number
}

export type CallersOptions<Reply> = {
  readonly reserve: Reserve<Reply>
  readonly isHeld: (reply: Reply) => boolean
  /** Distinct ones; after the last, the first again. */
  readonly customers?: number
}

const CUSTOMERS = 3_000_000
/** Prepared once for all loads of the process. */
let customers: readonly CustomerId[] = []

export class Callers<Reply> {
  /** Reservations acknowledged, by product. */
  readonly byProduct = new Map<ProductId, number>()
  acknowledged = 0
  readonly #options: CallersOptions<Reply>
  readonly #customers: number
  #asked = 0

  constructor(options: CallersOptions<Reply>) {
    this.#options = options
    this.#customers = options.customers ?? CUSTOMERS
    if (customers.length < this.#customers) customers = customerIds(this.#customers)
  }

  /** Reservations a second, from the first call to the last answer. Rejects if any is not held. */
  async run({ callers, products, forMs }: Load): Promise<number> {
    const { reserve, isHeld } = this.#options
    const most = this.#customers
    const first = this.#asked
    let answered = 0
    let isOver = false
    const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
    const ask = (): void => {
      const productId = products[(this.#asked * STRIDE) % products.length] as ProductId
      const customerId = customers[this.#asked++ % most] as CustomerId
      reserve(productId, customerId).then(hear, reject)
    }
    const hear = (reply: Reply): void => {
      if (!isHeld(reply)) return reject(new Error(`not held: ${JSON.stringify(reply)}`))
      answered += 1
      if (!isOver) ask()
      else if (answered === this.#asked - first) resolve()
    }

    const startedMs = performance.now()
    const over = setTimeout(() => {
      isOver = true
    }, forMs)
    for (let i = 0; i < callers; i++) ask()
    await ended
    const perSecond = (answered / (performance.now() - startedMs)) * 1_000
    clearTimeout(over)
    this.acknowledged += answered
    for (let i = first; i < this.#asked; i++) {
      const productId = products[(i * STRIDE) % products.length] as ProductId
      this.byProduct.set(productId, (this.byProduct.get(productId) ?? 0) + 1)
    }
    return perSecond
  }

  /** Makes this many, however long it takes: what a figure needs to be there before it begins. */
  async make(count: number, load: Omit<Load, 'forMs'>): Promise<void> {
    const most = this.#customers
    if (this.#asked + count > most)
      throw new Error(`${count} more, with ${most - this.#asked} customers left`)
    const { reserve, isHeld } = this.#options
    const { callers, products } = load
    await repeat(count, callers, async () => {
      const productId = products[(this.#asked * STRIDE) % products.length] as ProductId
      const customerId = customers[this.#asked++] as CustomerId
      const reply = await reserve(productId, customerId)
      if (!isHeld(reply)) throw new Error(`not held: ${JSON.stringify(reply)}`)
      this.acknowledged += 1
      this.byProduct.set(productId, (this.byProduct.get(productId) ?? 0) + 1)
    })
  }
}
