/**
 * Does a reservation cost more where a million others live?
 *
 * Two engines in this process, one with a million live reservations and one with a thousand, over 10,000 products each.
 * 4,096 callers make bursts of reservations, five each; the bursts are timed. After each burst its reservations are
 * released, which is not, so that as many live before every burst; ended ones stay known, on both sides alike. The sides
 * are asked in turn, and the one that is not asked idles.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { CustomerId, ProductId, ReservationId } from '../../src/domain/ids.ts'
import { type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import { customerIds, productIds, STRIDE } from '../support/ids.ts'
import { foldJournal } from '../support/journal-fold.ts'
import { LocalEngine, TTL_MS_MAX } from '../support/local-engine.ts'
import { repeat } from '../support/repeat.ts'
import { thousands } from '../support/report.ts'
import { inRounds } from '../support/rounds.ts'
import { makeScratch } from '../support/scratch.ts'

const SIZES = {
  full: { rounds: 4, bursts: 5, products: 10_000, many: 1_000_000, few: 1_000, callers: 4_096 },
  quick: { rounds: 2, bursts: 2, products: 10_000, many: 200_000, few: 1_000, callers: 4_096 },
  tiny: { rounds: 1, bursts: 1, products: 100, many: 2_000, few: 100, callers: 64 },
} as const satisfies Record<Scale, object>

const BURST_PER_CALLER = 5

export const liveReservations: Figure = { name: 'live-reservations', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const size = SIZES[scale]
  const scratch = makeScratch('live')
  const products = productIds(size.products)
  const start = async (live: number) => {
    const local = await LocalEngine.start(join(scratch, String(live)))
    await local.stock(products)
    await local.callers({ ttlMs: TTL_MS_MAX }).make(live, { callers: size.callers, products })
    say(`${thousands(live)} reservations live`)
    const bursts = new Bursts(local, { callers: size.callers, products })
    await bursts.run(1) // warms up
    return { local, live, run: () => bursts.run(size.bursts) }
  }
  const many = await start(size.many)
  const few = await start(size.few)
  const sides = await inRounds(size.rounds, { many: many.run, few: few.run }, (round, { many, few }) => {
    say(`round ${round}: ${thousands(many)} and ${thousands(few)} a second`)
  })
  for (const { local, live } of [many, few]) {
    await local.end()
    checkLive(local.journalDirectory, live)
  }
  rmSync(scratch, { recursive: true })
  const row = makeRow({
    name: `durable reserves, ${thousands(size.many)} live, ${thousands(size.callers)} callers`,
    unit: '/s',
    values: sides.many,
    limit: { name: `${thousands(size.few)} live`, values: sides.few },
    floor: 0.8,
    aim: 0.95,
  })
  return { rows: [row], plots: [], notes: [] }
}

class Bursts {
  readonly #engine: LocalEngine['engine']
  readonly #size: { readonly callers: number; readonly products: readonly ProductId[] }
  readonly #customers: readonly CustomerId[]
  #asked = 0

  constructor(
    { engine }: LocalEngine,
    size: { readonly callers: number; readonly products: readonly ProductId[] },
  ) {
    this.#engine = engine
    this.#size = size
    this.#customers = customerIds(size.callers * BURST_PER_CALLER)
  }

  /** Reservations a second while they are made. */
  async run(bursts: number): Promise<number> {
    const { callers } = this.#size
    const count = callers * BURST_PER_CALLER
    let elapsedMs = 0
    for (let burst = 0; burst < bursts; burst++) {
      const made: ReservationId[] = []
      const startedMs = performance.now()
      await repeat(count, callers, async (nr) => void made.push(await this.#reserve(nr)))
      elapsedMs += performance.now() - startedMs
      await repeat(count, callers, (nr) => this.#release(made[nr] as ReservationId))
    }
    return ((count * bursts) / elapsedMs) * 1_000
  }

  async #reserve(nr: number): Promise<ReservationId> {
    const { products } = this.#size
    const productId = products[(this.#asked++ * STRIDE) % products.length] as ProductId
    const reservationId = this.#engine.newReservationId(productId)
    const reply = await this.#engine.execute({
      type: 'reserve',
      reservationId,
      productId,
      customerId: this.#customers[nr],
      quantity: 1,
      ttlMs: TTL_MS_MAX,
      allowPartial: false,
      reference: undefined,
    })
    if (reply.type !== 'held') throw new Error(`not held: ${JSON.stringify(reply)}`)
    return reservationId
  }

  async #release(reservationId: ReservationId): Promise<void> {
    const reply = await this.#engine.execute({ type: 'release', reservationId, items: undefined })
    if (reply.type !== 'reservation') throw new Error(`not released: ${JSON.stringify(reply)}`)
  }
}

function checkLive(journalDirectory: string, live: number): void {
  const { contradictions, products } = foldJournal(journalDirectory)
  if (contradictions.length > 0) throw new Error(`the journal contradicts itself: ${contradictions[0]}`)
  let held = 0
  for (const product of products.values()) {
    if (product.oversold > 0) throw new Error(`oversold by ${product.oversold}`)
    held += product.held
  }
  if (held !== live) throw new Error(`${held} units are held, and ${live} should be`)
}
