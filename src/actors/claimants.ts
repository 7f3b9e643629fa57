/**
 * Commands that rest on a claimed key. A key is given back only where every command that was granted it has come to
 * nothing: one that succeeded, or of which nobody knows, keeps it taken, or another body could be granted as well (I5).
 *
 * Memory only, and only of what was granted lately: of a key that was claimed before a restart, or granted last longer ago
 * than `claimUsedMs`, nobody knows any more whether all came to nothing, and so it stays taken. The same request is granted
 * it all the same.
 */
import type { KeyHash } from '../domain/key-table.ts'
import { claimUsedMs } from '../limits.ts'

export class KeyClaimants {
  /** How many were granted a key and have not come to nothing; the key that was granted last is last. */
  readonly #byKey = new Map<KeyHash, { count: number; readonly lastAtMs: number }>()

  /** The first is granted a key that nobody had. */
  claim(hash: KeyHash, nowMs: number): void {
    for (const [oldest, { lastAtMs }] of this.#byKey) {
      if (lastAtMs + claimUsedMs > nowMs) break
      this.#byKey.delete(oldest)
    }
    this.#byKey.delete(hash)
    this.#byKey.set(hash, { count: 1, lastAtMs: nowMs })
  }

  /** One more is granted a key that was claimed before. */
  grant(hash: KeyHash, nowMs: number): void {
    const known = this.#byKey.get(hash)
    if (known === undefined) return
    this.#byKey.delete(hash)
    this.#byKey.set(hash, { count: known.count + 1, lastAtMs: nowMs })
  }

  /** All come to nothing, however many they are. */
  forget(hash: KeyHash): void {
    this.#byKey.delete(hash)
  }

  /** One has come to nothing. True where all are known to have. */
  remove(hash: KeyHash): boolean {
    const known = this.#byKey.get(hash)
    if (known === undefined) return false
    known.count -= 1
    return known.count === 0 && this.#byKey.delete(hash)
  }
}
