/**
 * Who was refused a moment ago, and is refused again without anybody being asked: whoever hammers at a limit that is
 * counted elsewhere costs that place one question in a while, and not one each time.
 */
import { refusedKnownMax, refusedKnownMs } from '../limits/common-limits.ts'
import type { Clock } from '../seams.ts'

type Refusal = { readonly knownUntilMs: number; readonly endsAtMs: number }

export class RefusedLately {
  readonly #clock: Clock
  /** The oldest first. */
  readonly #refusals = new Map<string, Refusal>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  note(key: string, retryInMs: number): void {
    const nowMs = this.#clock.monotonicMs()
    this.#refusals.delete(key)
    if (this.#refusals.size === refusedKnownMax) {
      const [oldest = ''] = this.#refusals.keys()
      this.#refusals.delete(oldest)
    }
    this.#refusals.set(key, { knownUntilMs: nowMs + refusedKnownMs, endsAtMs: nowMs + retryInMs })
  }

  /** How long they will be refused; undefined where somebody has to be asked. */
  retryInMs(key: string): number | undefined {
    const refusal = this.#refusals.get(key)
    if (refusal === undefined) return undefined
    const nowMs = this.#clock.monotonicMs()
    if (nowMs < refusal.knownUntilMs && nowMs < refusal.endsAtMs) return refusal.endsAtMs - nowMs
    this.#refusals.delete(key)
    return undefined
  }

  /** Something was given back. */
  forget(key: string): void {
    this.#refusals.delete(key)
  }
}
