/**
 * Draws ids for new reservations: a ULID, 48 bits of time and 80 random ones, and the home shard (see domain/ids.ts).
 *
 * One in five of the main thread's busy microseconds went into drawing them a character at a time. So the time is written
 * once a millisecond, and chance two characters at a time, from numbers that nobody can guess.
 */
import { encodeTime } from 'ulid'
import { type ProductId, type ReservationId, reservationIdOf, shardOf } from '../domain/ids.ts'
import type { Clock, Random } from '../seams.ts'

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const PAIR_BITS = 10
const PAIRS: readonly string[] = Array.from(
  { length: 1 << PAIR_BITS },
  (_, bits) => `${CROCKFORD[bits >> 5]}${CROCKFORD[bits & 31]}`,
)
const PAIR_MASK = PAIRS.length - 1
const TIME_CHARS = 10
/** Of the 32 random bits of one number. */
const BITS_DRAWN = 30

export class ReservationIds {
  readonly #clock: Clock
  readonly #random: Random
  readonly #shards: number
  #timeMs = Number.NaN
  #time = ''

  constructor(parts: { readonly clock: Clock; readonly random: Random; readonly shards: number }) {
    this.#clock = parts.clock
    this.#random = parts.random
    this.#shards = parts.shards
  }

  /** An id whose home is the product's shard. */
  draw(productId: ProductId): ReservationId {
    const nowMs = this.#clock.wallMs()
    if (nowMs !== this.#timeMs) {
      this.#timeMs = nowMs
      this.#time = encodeTime(nowMs, TIME_CHARS)
    }
    const [one, two, three] = [this.#bits(), this.#bits(), this.#bits()]
    const chance = pairsOf(one) + pairsOf(two) + pairAt(three, 0) + pairAt(three, 1)
    return reservationIdOf(this.#time + chance, shardOf(productId, this.#shards))
  }

  #bits(): number {
    return Math.floor(this.#random.fraction() * 2 ** BITS_DRAWN)
  }
}

/** Six characters. */
function pairsOf(bits: number): string {
  return pairAt(bits, 0) + pairAt(bits, 1) + pairAt(bits, 2)
}

function pairAt(bits: number, place: number): string {
  return PAIRS[(bits >> (place * PAIR_BITS)) & PAIR_MASK] as string
}
