/** Guesses of which nobody knows yet whether they are right, and who waits for one of them to end; of one listener. */
import { guessesWaitingMax } from '../limits/account-limits.ts'

type Entry = { count: number; readonly waiting: (() => void)[] }

export class GuessesUnderWay {
  readonly #entries = new Map<string, Entry>()

  begin(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) this.#entries.set(key, { count: 1, waiting: [] })
    else entry.count += 1
  }

  /** Lets one go on who waits for it; where it was the last, all of them. */
  end(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    entry.count -= 1
    if (entry.count === 0) this.#entries.delete(key)
    for (const goOn of entry.waiting.splice(0, entry.count === 0 ? entry.waiting.length : 1)) goOn()
  }

  /** Resolves when one has ended. False at once where none is under way, or enough wait already. */
  async nextEnd(key: string): Promise<boolean> {
    const waiting = this.#entries.get(key)?.waiting
    if (waiting === undefined || waiting.length >= guessesWaitingMax) return false
    await new Promise<void>((resolve) => void waiting.push(resolve))
    return true
  }
}
