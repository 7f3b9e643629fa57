/**
 * Keeps what listeners know of a restored backup as the tables have it, whoever changed it and at whichever node. It keeps
 * nothing of its own: another one can take over at any moment.
 */
import type { Logger } from 'pino'
import { restorationLookMs } from '../../limits.ts'
import type { Tables } from '../../persistence/tables/operations.ts'
import type { Restoration } from '../../persistence/tables/restoration/restoration-operations.ts'
import type { Timers } from '../../seams.ts'
import { Ticker } from '../ticker.ts'
import type { RestorationBoard } from './restoration-board.ts'

export type RestorationKeeperParts = {
  readonly tables: Tables
  readonly timers: Timers
  readonly board: RestorationBoard
  readonly log: Pick<Logger, 'warn' | 'error'>
}

export class RestorationKeeper {
  readonly #parts: RestorationKeeperParts
  readonly #ticker: Ticker

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
    this.#ticker.wake()
  }

  /** One round; says whether another should follow at once. Rejects with `TablesError` only. */
  async tick(): Promise<boolean> {
    await this.#look()
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
}
