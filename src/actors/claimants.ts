/**
 * Commands under way that rest on a claimed key. The last that comes to nothing gives the key back: as long as another can
 * still be granted the key stays taken, or another body could be granted as well.
 *
 * Memory only. After a restart nobody knows who is under way, so what was claimed before stays taken until all must have
 * ended; and so does whoever never says how they ended.
 */
import type { KeyHash } from '../domain/key-table.ts'
import { claimUsedMs } from '../limits.ts'

export class KeyClaimants {
  readonly #readyAtMs: number
  /** When each claimed it, oldest first; the key that was claimed last is last. */
  readonly #byKey = new Map<KeyHash, readonly number[]>()

  constructor(readyAtMs: number) {
    this.#readyAtMs = readyAtMs
  }

  add(hash: KeyHash, nowMs: number): void {
    for (const [oldest, atMs] of this.#byKey) {
      if ((atMs.at(-1) ?? 0) + claimUsedMs > nowMs) break
      this.#byKey.delete(oldest)
    }
    const others = this.#underWay(hash, nowMs)
    this.#byKey.delete(hash)
    this.#byKey.set(hash, [...others, nowMs])
  }

  /** One has come to nothing. True where no other can be granted any more. */
  remove(hash: KeyHash, claimedAtMs: number, nowMs: number): boolean {
    const others = this.#underWay(hash, nowMs).slice(0, -1)
    if (others.length > 0) this.#byKey.set(hash, others)
    else this.#byKey.delete(hash)
    const isForgotten = claimedAtMs < this.#readyAtMs && nowMs < this.#readyAtMs + claimUsedMs
    return others.length === 0 && !isForgotten
  }

  #underWay(hash: KeyHash, nowMs: number): readonly number[] {
    return (this.#byKey.get(hash) ?? []).filter((atMs) => atMs + claimUsedMs > nowMs)
  }
}
