/**
 * Idempotency keys a shard has seen, oldest first.
 *
 * There is one for each keyed command of a day, so each is 64 bytes in a shared block, not an object: with the slots that
 * find it some 80 bytes. What does not fit a cell stands beside it. A key is the first 16 bytes of a SHA-256 over caller,
 * route and the client's key; nobody can choose them to collide. It and the fingerprint of the body, 8 bytes, travel
 * together as one string of 24 characters, a byte each.
 */
import { assert } from './assert.ts'

/** 16 characters: whose key, for which route. */
export type KeyHash = string & { readonly brand: 'KeyHash' }
/** 8 characters: of which body. */
export type Fingerprint = string & { readonly brand: 'Fingerprint' }

/** A claim says that the key is taken, by a command another shard decides; an answer is what was said for good. */
export type KeyKind = 'claim' | 'answer'

export type KeyRecord = {
  readonly hash: KeyHash
  readonly fingerprint: Fingerprint
  readonly kind: KeyKind
  readonly atMs: number
  /** A claim's reservation id, or the answer as its writer encoded it: bytes as characters. */
  readonly value: string
}

const HASH_CHARS = 16
const FINGERPRINT_CHARS = 8
const CELL_BYTES = 64
const AT_BYTE = 24
const TIME_BYTES = 6
const KIND_BYTE = 30
const LENGTH_BYTE = 31
const VALUE_BYTE = 32
/** Characters of a value that stand in its cell. */
export const keyInlineMax: number = CELL_BYTES - VALUE_BYTE
/** In place of a length: the value stands beside. */
const BESIDE = 0xff
const DEAD = 0
const KINDS: readonly (KeyKind | undefined)[] = [undefined, 'claim', 'answer']

const CELLS_PER_BLOCK = 1_024
/** Power of two. */
const SLOTS_MIN = 64
const FREE = 0
const DELETED = -1

/** A map from hash to record, in the order of recording, which is that of time. */
export class KeyTable {
  /** Of cells, oldest first; the first cell of the first block is number `#base`. */
  readonly #blocks: Buffer[] = []
  readonly #beside = new Map<number, string>()
  #base = 0
  /** Numbers of the oldest cell that is not forgotten, and of the next one to come. */
  #first = 0
  #next = 0
  #size = 0
  /** A cell's number + 1, or `FREE`, or `DELETED`. */
  #slots = new Int32Array(SLOTS_MIN)
  #slotsUsed = 0

  get size(): number {
    return this.#size
  }

  /** When the oldest was recorded; `undefined` where there is none. */
  get oldestAtMs(): number | undefined {
    return this.#size === 0 ? undefined : this.#atMsOf(this.#first)
  }

  find(hash: KeyHash): KeyRecord | undefined {
    const slot = this.#find(hash)
    return slot === undefined ? undefined : this.#read((this.#slots[slot] as number) - 1)
  }

  /** Adds a key that is not there, or turns its claim into an answer. */
  add(record: KeyRecord): void {
    this.remove(record.hash)
    if (this.#slotsUsed * 2 >= this.#slots.length) this.#rebuildSlots()
    const number = this.#next
    if ((number - this.#base) % CELLS_PER_BLOCK === 0) {
      this.#blocks.push(Buffer.alloc(CELLS_PER_BLOCK * CELL_BYTES))
    }
    this.#next += 1
    this.#write(number, record)
    this.#place(number)
    this.#size += 1
  }

  /** False where there is no such key. */
  remove(hash: KeyHash): boolean {
    const slot = this.#find(hash)
    if (slot === undefined) return false
    this.#kill(slot)
    this.#dropDead()
    return true
  }

  /** Drops the oldest. */
  forget(count: number): void {
    assert(count <= this.#size, 'no more keys are forgotten than there are')
    for (let left = count; left > 0; left--) {
      const slot = this.#find(this.#hashOf(this.#first))
      assert(slot !== undefined, 'a living cell has a slot')
      this.#kill(slot)
      this.#dropDead()
    }
  }

  /** Oldest first. */
  *values(): Generator<KeyRecord> {
    for (let number = this.#first; number < this.#next; number++) {
      if (this.#isDead(number)) continue
      yield this.#read(number)
    }
  }

  /** How many of the oldest were recorded before a time; looks at no more than `max`. */
  countBefore(atMs: number, max: number): number {
    let count = 0
    for (let number = this.#first; number < this.#next && count < max; number++) {
      if (this.#isDead(number)) continue
      if (this.#atMsOf(number) >= atMs) break
      count += 1
    }
    return count
  }

  #kill(slot: number): void {
    const number = (this.#slots[slot] as number) - 1
    const [block, at] = this.#cell(number)
    block[at + KIND_BYTE] = DEAD
    this.#beside.delete(number)
    this.#slots[slot] = DELETED
    this.#size -= 1
  }

  /** Lets go of cells at the old end that nobody needs, a whole block at a time. */
  #dropDead(): void {
    while (this.#first < this.#next && this.#isDead(this.#first)) this.#first += 1
    while (this.#first - this.#base >= CELLS_PER_BLOCK) {
      this.#blocks.shift()
      this.#base += CELLS_PER_BLOCK
    }
  }

  #find(hash: KeyHash): number | undefined {
    assert(hash.length === HASH_CHARS, 'a key hash has 16 characters')
    const mask = this.#slots.length - 1
    for (let slot = startOf(hash) & mask; ; slot = (slot + 1) & mask) {
      const found = this.#slots[slot] as number
      if (found === FREE) return undefined
      if (found !== DELETED && this.#hashOf(found - 1) === hash) return slot
    }
  }

  #place(number: number): void {
    const mask = this.#slots.length - 1
    let slot = startOf(this.#hashOf(number)) & mask
    while (this.#slots[slot] !== FREE) slot = (slot + 1) & mask
    this.#slots[slot] = number + 1
    this.#slotsUsed += 1
  }

  /** Drops what was deleted, and makes room for as many again. */
  #rebuildSlots(): void {
    this.#renumber()
    let length = SLOTS_MIN
    while (length < (this.#size + 1) * 3) length *= 2
    this.#slots = new Int32Array(length)
    this.#slotsUsed = 0
    for (let number = this.#first; number < this.#next; number++) {
      if (!this.#isDead(number)) this.#place(number)
    }
  }

  /** Counts cells from the oldest block again: in a shard that never rests they would outgrow 32 bits within weeks. */
  #renumber(): void {
    const dropped = this.#base
    const beside = [...this.#beside]
    this.#beside.clear()
    for (const [number, value] of beside) this.#beside.set(number - dropped, value)
    this.#base = 0
    this.#first -= dropped
    this.#next -= dropped
  }

  #cell(number: number): readonly [Buffer, number] {
    const place = number - this.#base
    const block = this.#blocks[Math.floor(place / CELLS_PER_BLOCK)]
    assert(block !== undefined, 'a cell lies in a block')
    return [block, (place % CELLS_PER_BLOCK) * CELL_BYTES]
  }

  #isDead(number: number): boolean {
    const [block, at] = this.#cell(number)
    return block[at + KIND_BYTE] === DEAD
  }

  #hashOf(number: number): KeyHash {
    const [block, at] = this.#cell(number)
    return block.toString('latin1', at, at + HASH_CHARS) as KeyHash
  }

  #atMsOf(number: number): number {
    const [block, at] = this.#cell(number)
    return block.readUIntLE(at + AT_BYTE, TIME_BYTES)
  }

  #write(number: number, { hash, fingerprint, kind, atMs, value }: KeyRecord): void {
    assert(hash.length === HASH_CHARS && fingerprint.length === FINGERPRINT_CHARS, 'a key has 24 characters')
    assert(atMs >= 0 && atMs < 2 ** (8 * TIME_BYTES), 'a time has 48 bits')
    const [block, at] = this.#cell(number)
    block.write(hash + fingerprint, at, 'latin1')
    block.writeUIntLE(atMs, at + AT_BYTE, TIME_BYTES)
    block[at + KIND_BYTE] = KINDS.indexOf(kind)
    if (value.length <= keyInlineMax) {
      block[at + LENGTH_BYTE] = value.length
      block.write(value, at + VALUE_BYTE, 'latin1')
    } else {
      block[at + LENGTH_BYTE] = BESIDE
      this.#beside.set(number, value)
    }
  }

  #read(number: number): KeyRecord {
    const [block, at] = this.#cell(number)
    const kind = KINDS[block[at + KIND_BYTE] as number]
    assert(kind !== undefined, 'only a living cell is read')
    const length = block[at + LENGTH_BYTE] as number
    const value =
      length === BESIDE
        ? this.#beside.get(number)
        : block.toString('latin1', at + VALUE_BYTE, at + VALUE_BYTE + length)
    assert(value !== undefined, 'a long value stands beside its cell')
    return {
      hash: this.#hashOf(number),
      fingerprint: block.toString('latin1', at + HASH_CHARS, at + AT_BYTE) as Fingerprint,
      kind,
      atMs: block.readUIntLE(at + AT_BYTE, TIME_BYTES),
      value,
    }
  }
}

/** Four of a hash's bytes: they are as good as random. */
function startOf(hash: KeyHash): number {
  return (
    hash.charCodeAt(0) | (hash.charCodeAt(1) << 8) | (hash.charCodeAt(2) << 16) | (hash.charCodeAt(3) << 24)
  )
}
