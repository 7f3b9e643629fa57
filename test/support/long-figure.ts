/**
 * A figure that takes long to get: says now and then how far it is, and at the end what it was, both in `test/results`,
 * where `tail -f` can watch it.
 */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const RESULTS = join(import.meta.dirname, '..', 'results')
const EVERY_MS = 5_000

export class LongFigure {
  readonly #name: string
  readonly #startedMs = performance.now()
  #saidMs = Number.NEGATIVE_INFINITY

  constructor(name: string) {
    this.#name = name
    mkdirSync(RESULTS, { recursive: true })
    writeFileSync(join(RESULTS, `${name}.log`), '')
  }

  /** Seldom enough to be called at every step. */
  progress(line: () => string): void {
    const nowMs = performance.now()
    if (nowMs - this.#saidMs < EVERY_MS) return
    this.#saidMs = nowMs
    this.say(line())
  }

  /** Something that should be seen at once. */
  say(line: string): void {
    appendFileSync(join(RESULTS, `${this.#name}.log`), `${this.#seconds} s: ${line}\n`)
  }

  /** What was found, and the command that finds it again. */
  end(summary: { readonly command: string } & Readonly<Record<string, unknown>>): void {
    const whole = { ...summary, seconds: this.#seconds, at: new Date().toISOString() }
    writeFileSync(join(RESULTS, `${this.#name}.json`), `${JSON.stringify(whole, null, 2)}\n`)
  }

  get #seconds(): number {
    return Math.round((performance.now() - this.#startedMs) / 1_000)
  }
}
