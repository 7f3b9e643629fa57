/**
 * Idempotency keys counted from events: which reservations each was kept for, read from the bytes of the answers and not by
 * the engine's own code (I5).
 */
import { createHash } from 'node:crypto'
import type { Recorded } from './journal-reader.ts'
import { type AskedReserve, adminKeyId } from './request-ledger.ts'

const ROUTE = 'POST /v1/reservations'
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
/** First byte of an answer that made a reservation of one product, and of several. */
const MADE = new Set([1, 2])
const ID_CHARS = 28
const ID_BYTES = 18

export class KeyBooks {
  /** By key: for which reservations its command was accepted. */
  readonly #made = new Map<string, Set<string>>()
  /** By key: for which reservation it is taken. */
  readonly #claimed = new Map<string, string>()

  /** Counts one shard's events. */
  count(events: readonly Recorded[]): void {
    for (const { event } of events) {
      switch (event.type) {
        case 'KeyClaimed':
          this.#claimed.set(event.hash, event.reservationId)
          break
        case 'KeyFreed':
          this.#claimed.delete(event.hash)
          break
        case 'KeyAnswered': {
          const id = reservationIn(event.answer)
          if (id === undefined) break
          const ids = this.#made.get(event.hash) ?? new Set()
          this.#made.set(event.hash, ids.add(id))
        }
      }
    }
  }

  *faults(): Generator<string> {
    for (const [hash, ids] of this.#made) {
      const key = Buffer.from(hash, 'latin1').toString('hex')
      if (ids.size > 1) yield `key ${key} made ${[...ids].join(' and ')} (I5)`
      const claimed = this.#claimed.get(hash)
      if (claimed !== undefined && !ids.has(claimed))
        yield `key ${key} is claimed for ${claimed}, and made others (I5)`
    }
  }

  /** What is wrong with the key of a request that was answered. */
  faultOf({ key, known, reservationId }: AskedReserve): string | undefined {
    if (key === undefined) return undefined
    const ids = [...(this.#made.get(hashOf(key)) ?? [])]
    if (known === 'refused' && ids.length > 0) return `refused, and its key made ${ids.join()} (I5)`
    if (known !== 'acknowledged' || ids.join() === reservationId) return undefined
    return `told ${reservationId}, and its key made ${ids.join() || 'nothing'} (I5)`
  }
}

function hashOf(key: string): string {
  return createHash('sha256').update(`${adminKeyId} ${ROUTE}\n${key}`).digest().toString('latin1', 0, 16)
}

/** 28 characters of 5 bits, behind the first byte. */
function reservationIn(answer: string): string | undefined {
  const bytes = Buffer.from(answer, 'latin1')
  if (!MADE.has(bytes[0] ?? 0)) return undefined
  const bits = [...bytes.subarray(1, 1 + ID_BYTES)].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const chars = Array.from(
    { length: ID_CHARS },
    (_, i) => CROCKFORD[Number.parseInt(bits.slice(i * 5, i * 5 + 5), 2)],
  )
  return `res_${chars.join('')}`
}
