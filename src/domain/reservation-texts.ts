/**
 * The texts of reservations, a customer's id and a reference each, one behind the other in blocks of 64 KiB. Written once;
 * what a reservation does not need any more is left where it is until its table is packed.
 *
 * At a place stand: u8 length of the customer's id, its ASCII characters, u16 length of the reference in bytes + 1 (0 is
 * none, little-endian), its UTF-8.
 */
import { assert } from './assert.ts'
import type { CustomerId } from './ids.ts'

/** What these lengths take, in bytes. */
export function textBytesOf(customerIdLength: number, referenceBytes: number): number {
  return 1 + customerIdLength + 2 + referenceBytes
}

const BLOCK_BYTES = 65_536
/** Where there is neither text. */
export const noTexts = -1
const REFERENCE_BYTES_MAX = 1_024

/** The texts of a table, by the places they were given. */
export class ReservationTexts {
  readonly #blocks: Buffer[] = []
  #next = 0

  /** Bytes written, those that nobody needs included. */
  get length(): number {
    return this.#next
  }

  /** Where these texts stand from now on. */
  add(customerId: CustomerId | undefined, reference: string | undefined): number {
    if (customerId === undefined && reference === undefined) return noTexts
    const customerLength = customerId === undefined ? 0 : customerId.length
    assert(customerLength <= 255, "a customer's id has at most 255 characters")
    const referenceLength = reference === undefined ? 0 : Buffer.byteLength(reference)
    assert(referenceLength <= REFERENCE_BYTES_MAX, 'a reference has its bound')
    const place = this.#reserve(textBytesOf(customerLength, referenceLength))
    const block = this.#blockOf(place)
    let at = place % BLOCK_BYTES
    block[at++] = customerLength
    if (customerId !== undefined) at += block.write(customerId, at, 'latin1')
    const header = reference === undefined ? 0 : referenceLength + 1
    block[at++] = header & 0xff
    block[at++] = header >> 8
    if (reference !== undefined) block.write(reference, at, 'utf8')
    return place
  }

  customerIdAt(place: number): CustomerId | undefined {
    if (place === noTexts) return undefined
    const block = this.#blockOf(place)
    const at = place % BLOCK_BYTES
    const length = block[at] as number
    return length === 0 ? undefined : (block.toString('latin1', at + 1, at + 1 + length) as CustomerId)
  }

  /** 0 where there is none. */
  customerIdLengthAt(place: number): number {
    return place === noTexts ? 0 : (this.#blockOf(place)[place % BLOCK_BYTES] as number)
  }

  referenceAt(place: number): string | undefined {
    if (place === noTexts) return undefined
    const block = this.#blockOf(place)
    const at = this.#referenceAt(place)
    const header = block.readUInt16LE(at)
    return header === 0 ? undefined : block.toString('utf8', at + 2, at + 2 + header - 1)
  }

  /** Whether texts can stand at a place. */
  has(place: number): boolean {
    if (place === noTexts) return true
    if (place < 0 || place >= this.#next || this.#referenceAt(place) + 2 > BLOCK_BYTES) return false
    return (
      place + this.lengthAt(place) <= this.#next &&
      (place % BLOCK_BYTES) + this.lengthAt(place) <= BLOCK_BYTES
    )
  }

  /** Bytes from a place that its texts take. */
  lengthAt(place: number): number {
    if (place === noTexts) return 0
    const at = this.#referenceAt(place)
    const header = this.#blockOf(place).readUInt16LE(at)
    return at + 2 + Math.max(0, header - 1) - (place % BLOCK_BYTES)
  }

  /** Copies the texts of another store; where they stand here. */
  copy(from: ReservationTexts, place: number): number {
    if (place === noTexts) return noTexts
    const length = from.lengthAt(place)
    const own = this.#reserve(length)
    from
      .#blockOf(place)
      .copy(this.#blockOf(own), own % BLOCK_BYTES, place % BLOCK_BYTES, (place % BLOCK_BYTES) + length)
    return own
  }

  /** All blocks that hold something, each as far as it does. */
  *blocks(): Generator<Uint8Array> {
    for (let from = 0; from < this.#next; from += BLOCK_BYTES) {
      yield this.#blockOf(from).subarray(0, Math.min(BLOCK_BYTES, this.#next - from))
    }
  }

  /** A store of these blocks, as another one gave them: all but the last are full. */
  static of(bytes: Uint8Array): ReservationTexts {
    const texts = new ReservationTexts()
    for (let from = 0; from < bytes.length; from += BLOCK_BYTES) {
      const block = Buffer.alloc(BLOCK_BYTES)
      block.set(bytes.subarray(from, from + BLOCK_BYTES))
      texts.#blocks.push(block)
    }
    texts.#next = bytes.length
    return texts
  }

  /** Room for one piece, which lies within one block. */
  #reserve(length: number): number {
    const left = BLOCK_BYTES - (this.#next % BLOCK_BYTES)
    if (length > left) this.#next += left
    const place = this.#next
    this.#next += length
    while (this.#blocks.length * BLOCK_BYTES < this.#next) this.#blocks.push(Buffer.alloc(BLOCK_BYTES))
    return place
  }

  #referenceAt(place: number): number {
    const at = place % BLOCK_BYTES
    return at + 1 + (this.#blockOf(place)[at] as number)
  }

  #blockOf(place: number): Buffer {
    const block = this.#blocks[Math.floor(place / BLOCK_BYTES)]
    assert(block !== undefined, 'a text stands in a block')
    return block
  }
}
