/**
 * Keeps what listeners know of a restored backup as the tables have it, whoever changed it and at whichever node; has it
 * compared with the payment provider's list; and looks once after a start whether somebody has restored one without a word.
 * It keeps nothing that must survive: another one can take over at any moment.
 */
import type { Logger } from 'pino'
import { noticeAgainMs, reconcileAgainMs, restorationLookMs } from '../../limits.ts'
import type { Restoration } from '../../persistence/tables/restoration/restoration-operations.ts'
import type { Clock, Timers } from '../../seams.ts'
import type { ShopParts } from '../shop-parts.ts'
import { Ticker } from '../ticker.ts'
import { newestPayment, noticeOlder } from './notice-older.ts'
import { reconcile } from './reconcile.ts'
import type { RestorationBoard } from './restoration-board.ts'

export type RestorationKeeperParts = ShopParts & {
  readonly timers: Timers
  readonly clock: Clock
  readonly board: RestorationBoard
  readonly log: Pick<Logger, 'warn' | 'error'>
}

export class RestorationKeeper {
  readonly #parts: RestorationKeeperParts
  readonly #ticker: Ticker
  /** By the monotonic clock: when the list is gone through next, and looked at for what nobody has said. */
  #reconcileAtMs = 0
  #noticeAtMs = 0
  /** As it was before this process has taken a payment. */
  #newestMs: number | undefined

  constructor(parts: RestorationKeeperParts) {
    this.#parts = parts
    const { timers, log } = parts
    this.#ticker = new Ticker({
      timers,
      tickMs: restorationLookMs,
      tick: () => this.tick(),
      onTrouble: (error) => log.error({ err: error }, 'restoration.trouble'),
    })
  }

  start(): void {
    this.#ticker.start()
  }

  stop(): void {
    this.#ticker.stop()
  }

  /** Somebody has changed something of it. */
  wake(): void {
    this.#reconcileAtMs = 0
    this.#ticker.wake()
  }

  /** One round. Rejects with what a part of the shop does. */
  async tick(): Promise<boolean> {
    const open = await this.#look()
    if (open === undefined) await this.#notice()
    else await this.#reconcile(open)
    return false
  }

  async #look(): Promise<Restoration | undefined> {
    const { tables, board, log } = this.#parts
    const open = await tables.read('restorations.open', {})
    const restorationId = open?.restorationId
    const undecided =
      restorationId === undefined ? 0 : await tables.read('unknownPayments.undecided', { restorationId })
    const wasOpen = board.isOpen
    board.note(open !== undefined, undecided)
    if (open !== undefined && !wasOpen) log.warn({ ...open, undecided }, 'restoration.open')
    if (open === undefined && wasOpen) {
      const last = await tables.read('restorations.last', {})
      log.warn({ ...last }, 'restoration.lifted')
    }
    return open
  }

  async #reconcile(open: Restoration): Promise<void> {
    const { gateway, clock, log } = this.#parts
    if (gateway === undefined || clock.monotonicMs() < this.#reconcileAtMs) return
    this.#reconcileAtMs = clock.monotonicMs() + reconcileAgainMs
    const came = await reconcile({ ...this.#parts, gateway }, open)
    if (came === 'unanswered') log.warn({ provider: gateway.name }, 'restoration.unanswered')
    await this.#look()
  }

  /** The sandbox's books are among the tables, and so never newer than they. */
  async #notice(): Promise<void> {
    const { gateway, clock } = this.#parts
    if (gateway === undefined || gateway.name === 'sandbox' || clock.monotonicMs() < this.#noticeAtMs) return
    this.#noticeAtMs = clock.monotonicMs() + noticeAgainMs
    this.#newestMs ??= await newestPayment(this.#parts)
    const found = await noticeOlder({ ...this.#parts, gateway }, this.#newestMs)
    if (found === 'unanswered') return
    this.#noticeAtMs = Number.POSITIVE_INFINITY
    if (found === 'older') await this.#look()
  }
}
