/** Counts what goes wrong with the store of images, and says it once in ten seconds at most for each kind: readers can be very many. */
import type { Logger } from 'pino'
import { Counter } from 'prom-client'
import type { ImageStoreError, ImageStoreErrorCode } from '../persistence/images/image-store.ts'
import type { HttpParts } from './parts.ts'

const everyMs = 10_000

export class ImageTrouble {
  readonly #log: Pick<Logger, 'warn'>
  readonly #clock: HttpParts['clock']
  readonly #failures: Counter<'code'>
  readonly #said = new Map<ImageStoreErrorCode, { untilMs: number; unsaid: number }>()

  constructor({ log, clock, registry }: Pick<HttpParts, 'log' | 'clock' | 'registry'>) {
    this.#log = log
    this.#clock = clock
    this.#failures = new Counter({
      name: 'holdfast_image_failures_total',
      help: 'Images that could not be kept or read, by why.',
      labelNames: ['code'],
      registers: [registry],
    })
  }

  note({ code, message }: Pick<ImageStoreError, 'code' | 'message'>): void {
    this.#failures.inc({ code })
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
