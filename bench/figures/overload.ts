/**
 * Does the engine keep serving where ten times as much is asked of it as it can do?
 *
 * The peak is a closed loop's: 4,096 callers who ask again as soon as they are answered. Then open loops offer 0.7 times
 * and ten times as much, each command at its own moment, whatever became of those before. Commands, ids included, were
 * prepared beforehand. Whoever offers asks first whether the engine is crowded, as a listener does before it reads a request; one that was refused is offered again later, since nothing has happened.
 *
 * Goodput is what was acknowledged durable while offers lasted. Latency counts from when a command was due to its answer,
 * of accepted ones only. The offers are made by the thread that also hears the answers, as a listener would; those that
 * it cannot make within 20 ms are dropped. How many were really made is a figure too: an engine whose refusals cost too
 * much cannot even be asked ten times as much, and would seem calm.
 */
import { rmSync } from 'node:fs'
import type { Reserve } from '../../src/domain/commands.ts'
import type { ProductId } from '../../src/domain/ids.ts'
import { type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import { Callers } from '../support/callers.ts'
import { endChecked } from '../support/durability.ts'
import { customerIdOf, productIds, STRIDE } from '../support/ids.ts'
import { LocalEngine, TTL_MS_MAX } from '../support/local-engine.ts'
import { pace } from '../support/pace.ts'
import { latencyOf, ms, thousands } from '../support/report.ts'
import { makeScratch } from '../support/scratch.ts'

const SIZES = {
  full: { rounds: 3, loadMs: 3_000, settleMs: 500, warmUpMs: 1_000, products: 10_000, callers: 4_096 },
  quick: { rounds: 1, loadMs: 1_000, settleMs: 300, warmUpMs: 500, products: 10_000, callers: 4_096 },
  tiny: { rounds: 1, loadMs: 60, settleMs: 20, warmUpMs: 20, products: 100, callers: 64 },
} as const satisfies Record<Scale, object>

const CALM = 0.7
const OVER = 10
const LAG_MS_MAX = 20
/** What no closed loop here reaches. */
const PER_SECOND_MAX = 400_000
/** A peak measured in a bad moment may be passed by so much. */
const PEAKS_MAX = 1.5

type Played = {
  readonly perSecond: number
  readonly p99: number
  readonly offered: number
  readonly refused: number
}

export const overload: Figure = { name: 'overload', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const size = SIZES[scale]
  const peaks: number[] = []
  const calm: Played[] = []
  const over: Played[] = []
  for (let round = 1; round <= size.rounds; round++) {
    const scratch = makeScratch('overload')
    const local = await LocalEngine.start(scratch)
    const products = productIds(size.products)
    await local.stock(products)
    const commands = new Commands(local, products)
    await commands.peak(size.callers, size.warmUpMs)
    const peak = await commands.peak(size.callers, size.loadMs)
    peaks.push(peak)
    calm.push(await commands.play(peak, { ...size, times: CALM }))
    over.push(await commands.play(peak, { ...size, times: OVER }))
    await endChecked(local, commands)
    rmSync(scratch, { recursive: true })
    const { perSecond, p99, offered } = over.at(-1) as Played
    say(
      `round ${round}: peak ${thousands(peak)}; offered ${(offered / peak).toFixed(1)} times that, ${thousands(perSecond)} done, p99 ${ms(p99)} ms`,
    )
  }
  const of = (played: readonly Played[], read: (one: Played) => number) => played.map(read)
  const goodput = of(over, ({ perSecond }) => perSecond)
  return {
    rows: [
      makeRow({
        name: `goodput at ${OVER}× the peak`,
        unit: '/s',
        values: goodput,
        limit: { name: 'peak', values: peaks },
        floor: 0.8,
        aim: 0.97,
      }),
      makeRow({
        name: `p99 of accepted at ${OVER}×`,
        unit: 'ms',
        values: of(over, ({ p99 }) => p99),
        limit: { name: `at ${CALM}×`, values: of(calm, ({ p99 }) => p99) },
        floor: 3,
        aim: 1.3,
      }),
      makeRow({
        name: `offers really made at ${OVER}×`,
        unit: '/s',
        values: of(over, ({ offered }) => offered),
        limit: { name: 'peak', values: peaks },
        floor: 8,
        aim: 9.5,
        note: 'not a figure of its own but the condition of the two before: with fewer offers it was no such overload',
      }),
    ],
    plots: [],
    notes: [
      'Overload in process: offers and answers share one thread, so a refusal’s cost is part of what is measured.',
    ],
  }
}

/** Prepared commands, and what was acknowledged of them. */
class Commands {
  readonly byProduct = new Map<ProductId, number>()
  acknowledged = 0
  readonly #local: LocalEngine
  readonly #products: readonly ProductId[]
  #made = 0
  /** Next to offer last. */
  #ready: Reserve[] = []

  constructor(local: LocalEngine, products: readonly ProductId[]) {
    this.#local = local
    this.#products = products
  }

  /** Reservations a second of a closed loop. */
  async peak(callers: number, forMs: number): Promise<number> {
    this.#prepare(Math.ceil((PER_SECOND_MAX * forMs) / 1_000))
    const { engine } = this.#local
    const loop = new Callers({
      reserve: () => {
        const command = this.#ready.pop() ?? this.#make()
        this.#count(command)
        return engine.execute(command)
      },
      isHeld: ({ type }) => type === 'held',
    })
    return loop.run({ callers, products: this.#products, forMs })
  }

  /** Offers so many times the peak. */
  async play(
    peak: number,
    load: { readonly times: number; readonly loadMs: number; readonly settleMs: number },
  ): Promise<Played> {
    const { engine } = this.#local
    const { times, loadMs, settleMs } = load
    const forMs = settleMs + loadMs
    const perSecond = peak * times
    this.#prepare(Math.ceil((peak * PEAKS_MAX * forMs) / 1_000))
    const samples: number[] = []
    const begunMs = performance.now()
    let refused = 0
    let inTime = 0
    let underWay = 0
    const { promise: drained, resolve, reject } = Promise.withResolvers<void>()
    let isOver = false
    const settle = () => {
      underWay -= 1
      if (isOver && underWay === 0) resolve()
    }
    const offer = (dueMs: number): void => {
      if (engine.isCrowded) {
        refused += 1
        return
      }
      const command = this.#ready.pop() ?? this.#make()
      underWay += 1
      engine.execute(command).then(({ type }) => {
        if (type !== 'held') return reject(new Error(`an answer was ${type}`))
        this.#count(command)
        const nowMs = performance.now()
        // The first moments of a load are neither calm nor overloaded yet.
        if (dueMs - begunMs >= settleMs) samples.push(nowMs - dueMs)
        if (!isOver && nowMs - begunMs >= settleMs) inTime += 1
        settle()
      }, reject)
    }
    const { offered } = await pace({
      perSecond,
      forMs,
      offer,
      ...(times > 1 ? { lagMsMax: LAG_MS_MAX } : {}),
    })
    isOver = true
    const seconds = (performance.now() - begunMs - settleMs) / 1_000
    if (underWay > 0) await drained
    const { p99 } = latencyOf(Float64Array.from(samples))
    return { perSecond: inTime / seconds, p99, offered: (offered * 1_000) / forMs, refused }
  }

  #prepare(count: number): void {
    this.#ready = Array.from({ length: count }, () => this.#make())
  }

  #make(): Reserve {
    const nr = this.#made++
    const productId = this.#products[(nr * STRIDE) % this.#products.length] as ProductId
    return {
      type: 'reserve',
      reservationId: this.#local.engine.newReservationId(productId),
      productId,
      customerId: customerIdOf(nr),
      quantity: 1,
      ttlMs: TTL_MS_MAX,
      allowPartial: false,
      reference: undefined,
    }
  }

  #count({ productId }: Reserve): void {
    this.acknowledged += 1
    this.byProduct.set(productId, (this.byProduct.get(productId) ?? 0) + 1)
  }
}
