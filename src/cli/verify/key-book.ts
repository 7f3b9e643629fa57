/** Idempotency keys of one shard, as the events make them: one record a key, and only the oldest are forgotten. */
import { unreachable } from '../../domain/assert.ts'
import type { KeyEvent } from '../../domain/events.ts'
import type { Fingerprint, KeyHash, KeyTable } from '../../domain/key-table.ts'
import { keyKnownMsMin } from '../../limits.ts'
import type { Wrong } from './wrong.ts'

type Key = {
  readonly kind: 'claim' | 'answer'
  readonly fingerprint: Fingerprint
  readonly value: string
  readonly atMs: number
}

export class KeyBook {
  /** Oldest first. */
  readonly #keys = new Map<KeyHash, Key>()

  get size(): number {
    return this.#keys.size
  }

  goOnFrom(table: Pick<KeyTable, 'values'>): void {
    for (const { hash, fingerprint, kind, value, atMs } of table.values())
      this.#keys.set(hash, { kind, fingerprint, value, atMs })
  }

  apply(event: KeyEvent, atMs: number): Wrong | undefined {
    if (event.type === 'KeysForgotten') return this.#forget(event.count, atMs)
    const { hash } = event
    const known = this.#keys.get(hash)
    const name = `key ${Buffer.from(hash, 'latin1').toString('hex')}`
    switch (event.type) {
      case 'KeyClaimed': {
        const { fingerprint, reservationId: value } = event
        if (known !== undefined) return `${name} is taken already`
        this.#keys.set(hash, { kind: 'claim', fingerprint, value, atMs })
        return undefined
      }
      case 'KeyAnswered': {
        const { fingerprint, answer: value } = event
        if (known?.kind === 'answer') return `${name} was answered before`
        if (known !== undefined && known.fingerprint !== fingerprint)
          return `${name} was claimed for another body`
        this.#keys.delete(hash)
        this.#keys.set(hash, { kind: 'answer', fingerprint, value, atMs })
        return undefined
      }
      case 'KeyFreed':
        if (known?.kind !== 'claim') return `${name} is not claimed`
        this.#keys.delete(hash)
        return undefined
      default:
        return unreachable(event)
    }
  }

  isAs(table: Pick<KeyTable, 'values' | 'size'>): boolean {
    if (table.size !== this.#keys.size) return false
    const theirs = table.values()
    for (const [hash, { kind, fingerprint, value, atMs }] of this.#keys) {
      const other = theirs.next().value
      const isSame =
        other?.hash === hash &&
        other.kind === kind &&
        other.fingerprint === fingerprint &&
        other.value === value &&
        other.atMs === atMs
      if (!isSame) return false
    }
    return true
  }

  #forget(count: number, atMs: number): Wrong | undefined {
    if (count <= 0 || count > this.#keys.size) return `forgets ${count} of ${this.#keys.size} keys`
    let left = count
    for (const [hash, key] of this.#keys) {
      if (left === 0) break
      left -= 1
      const ageMs = atMs - key.atMs
      if (ageMs < keyKnownMsMin) return `forgets a key ${ageMs} ms after its command`
      this.#keys.delete(hash)
    }
    return undefined
  }
}
