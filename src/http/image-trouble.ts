/** Says what is wrong with the store of images, once in ten seconds at most for each kind: readers can be very many. */
import type { Logger } from 'pino'
import type { ImageStoreError, ImageStoreErrorCode } from '../persistence/images/image-store.ts'
import type { Clock } from '../seams.ts'

const everyMs = 10_000

export class ImageTrouble {
  readonly #log: Pick<Logger, 'warn'>
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #said = new Map<ImageStoreErrorCode, { untilMs: number; unsaid: number }>()

  constructor(log: Pick<Logger, 'warn'>, clock: Pick<Clock, 'monotonicMs'>) {
    this.#log = log
    this.#clock = clock
  }

  note({ code, message }: Pick<ImageStoreError, 'code' | 'message'>): void {
    const nowMs = this.#clock.monotonicMs()
    const said = this.#said.get(code)
    if (said !== undefined && nowMs < said.untilMs) {
      said.unsaid += 1
      return
    }
    const others = said === undefined || said.unsaid === 0 ? undefined : said.unsaid
    this.#log.warn({ code, reason: message, others }, 'images.failed')
    this.#said.set(code, { untilMs: nowMs + everyMs, unsaid: 0 })
  }
}
