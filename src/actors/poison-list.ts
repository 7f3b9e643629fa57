/** Commands that ended their worker, and which of them are refused for it (FAULTS.md, 51). */
import { poisonRememberedMax, poisonTriesMax } from '../limits.ts'

export class PoisonList {
  /** How often each did, by fingerprint; oldest first. */
  readonly #times = new Map<string, number>()

  /** Once more. True where it is not let through any more. */
  note(fingerprint: string): boolean {
    const times = (this.#times.get(fingerprint) ?? 0) + 1
    this.#remember(fingerprint, times)
    return times >= poisonTriesMax
  }

  /** Another node has refused it: its workers and those here decide alike. */
  add(fingerprint: string): void {
    this.#remember(fingerprint, poisonTriesMax)
  }

  /** Those that are refused. */
  get quarantined(): readonly string[] {
    return [...this.#times].filter(([, times]) => times >= poisonTriesMax).map(([fingerprint]) => fingerprint)
  }

  #remember(fingerprint: string, times: number): void {
    this.#times.delete(fingerprint)
    this.#times.set(fingerprint, times)
    const [oldest] = this.#times.keys()
    if (this.#times.size > poisonRememberedMax && oldest !== undefined) this.#times.delete(oldest)
  }
}
