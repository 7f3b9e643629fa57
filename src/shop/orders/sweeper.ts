/**
 * Looks at orders whose time has come, and drives each to its end: what was interrupted, what a gateway never told, holds
 * that ended unpaid. Several may look at the same order, here or at other nodes; each step is taken once all the same.
 *
 * There are two lanes: a gateway that takes its time keeps waiting only those who wait for it.
 */
import type { Logger } from 'pino'
import { EngineError } from '../../actors/engine-error.ts'
import {
  checkoutKnownMs,
  orderLeaseMs,
  orderRetryMs,
  sweepAtOnceMax,
  sweepMs,
  sweepOrdersMax,
} from '../../limits.ts'
import { TablesError } from '../../persistence/tables/tables-error.ts'
import type { Timer, Timers } from '../../seams.ts'
import type { ShopParts } from '../shop-parts.ts'
import { driveOrder } from './drive-order.ts'

export type SweeperParts = ShopParts & {
  readonly timers: Timers
  readonly log: Pick<Logger, 'warn' | 'error'>
  /** Whether sweepers of other nodes look at the same orders: each is then driven by one of them at a time. */
  readonly isOneOfSeveral?: boolean
}

export type SweeperCounters = {
  /** Orders that were driven, and that could not be for now. */
  driven: number
  putOff: number
  /** Those that met with something nobody expected. */
  failed: number
}

type Lane = {
  readonly asksGateway: boolean
  timer: Timer | undefined
  round: Promise<void>
}

const forgetEveryMs = 3_600_000

export class Sweeper {
  readonly counters: SweeperCounters = { driven: 0, putOff: 0, failed: 0 }
  readonly #parts: SweeperParts
  readonly #lanes: readonly Lane[] = [
    { asksGateway: true, timer: undefined, round: Promise.resolve() },
    { asksGateway: false, timer: undefined, round: Promise.resolve() },
  ]
  #mode: 'stopped' | 'running' = 'stopped'
  #forgetAtMs = 0
  /** Rounds that fail alike are told of once. */
  #isPutOff = false

  constructor(parts: SweeperParts) {
    this.#parts = parts
  }

  start(): void {
    if (this.#mode === 'running') return
    this.#mode = 'running'
    for (const lane of this.#lanes) this.#schedule(lane, 0)
  }

  /** Resolves when what is under way is finished; nothing new begins. */
  async stop(): Promise<void> {
    this.#mode = 'stopped'
    for (const { timer } of this.#lanes) timer?.cancel()
    await Promise.all(this.#lanes.map(({ round }) => round))
  }

  /** One round: all that is due now, some at a time. Says how many that were. Never rejects. */
  async sweep(): Promise<number> {
    const found = await Promise.all(this.#lanes.map((lane) => this.#sweepLane(lane)))
    return found.reduce((sum, each) => sum + each, 0)
  }

  async #sweepLane({ asksGateway }: Lane): Promise<number> {
    const { tables, clock } = this.#parts
    try {
      const nowMs = clock.wallMs()
      const due = await tables.read('orders.due', { nowMs, limit: sweepOrdersMax, asksGateway })
      const waiting = [...due]
      const workers = Array.from({ length: Math.min(sweepAtOnceMax, due.length) }, async () => {
        for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) await this.#drive(id)
      })
      await Promise.all(workers)
      if (!asksGateway) await this.#forget(nowMs)
      this.#isPutOff = false
      return due.length
    } catch (error) {
      this.#complain(error, undefined)
      return 0
    }
  }

  async #forget(nowMs: number): Promise<void> {
    if (nowMs < this.#forgetAtMs) return
    await this.#parts.tables.write('checkouts.forget', { beforeMs: Math.max(0, nowMs - checkoutKnownMs) })
    this.#forgetAtMs = nowMs + forgetEveryMs
  }

  async #drive(orderId: string): Promise<void> {
    const { tables, clock, isOneOfSeveral = false } = this.#parts
    try {
      const leaseMs = orderLeaseMs
      if (isOneOfSeveral && !(await tables.write('orders.claim', { orderId, leaseMs })).isDone) return
      await driveOrder(this.#parts, orderId)
      this.counters.driven += 1
    } catch (error) {
      this.#complain(error, orderId)
      const lookAtMs = clock.wallMs() + orderRetryMs
      // Where that cannot be written either, the order stays due.
      await tables.write('orders.lookAgain', { orderId, lookAtMs }).catch(() => {})
    }
  }

  #complain(error: unknown, orderId: string | undefined): void {
    const { log } = this.#parts
    const isPassing = error instanceof EngineError || (error instanceof TablesError && error.retryable)
    if (isPassing) {
      this.counters.putOff += 1
      if (orderId !== undefined || !this.#isPutOff) log.warn({ orderId, code: error.code }, 'order.putOff')
      this.#isPutOff ||= orderId === undefined
      return
    }
    this.counters.failed += 1
    log.error({ orderId, err: error }, 'order.failed')
  }

  #schedule(lane: Lane, delayMs: number): void {
    lane.timer = this.#parts.timers.after(delayMs, () => {
      lane.round = this.#sweepLane(lane).then((found) => {
        if (this.#mode === 'running') this.#schedule(lane, found === sweepOrdersMax ? 0 : sweepMs)
      })
    })
  }
}
