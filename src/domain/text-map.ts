/**
 * A map from short texts, in the order of adding: what is asked for a product or a customer whose id has just come from
 * another thread.
 *
 * A `Map` would do, but for its cost: V8 looks every text that is new to it up in a table of all texts of its thread, and
 * enters it there, before it looks into the map. That was a seventh of all a worker did, and for ids that are never asked
 * for again a quarter (docs/decisions/reservation-table.md). This is open addressing over a hash of the characters.
 *
 * Whoever could choose ids might choose them to collide. So no search looks at more than `PROBES_MAX` slots: what finds
 * no place within them is kept in a `Map` beside.
 */
/** Power of two. */
const SLOTS_MIN = 16
const FREE = 0
const DELETED = -1
const PROBES_MAX = 32

/** A map from texts, whose entries are listed in the order of adding. */
export class TextMap<K extends string, V> implements ReadonlyMap<K, V> {
  /** In order of adding; a place whose entry was deleted has no key. */
  #keys: (K | undefined)[] = []
  #values: (V | undefined)[] = []
  #size = 0
  /** Pairs: a place + 1, or `FREE`, or `DELETED`; and the hash of its key. */
  #slots = new Int32Array(SLOTS_MIN * 2)
  /** Slots that are not free. */
  #used = 0
  readonly #crowded = new Map<K, number>()

  constructor(entries: Iterable<readonly [K, V]> = []) {
    for (const [key, value] of entries) this.set(key, value)
  }

  get size(): number {
    return this.#size
  }

  get(key: K): V | undefined {
    const place = this.#find(key)
    return place === undefined ? undefined : this.#values[place]
  }

  has(key: K): boolean {
    return this.#find(key) !== undefined
  }

  set(key: K, value: V): this {
    const place = this.#find(key)
    if (place !== undefined) {
      this.#values[place] = value
      return this
    }
    // At most two thirds of the slots are used, so that a search soon meets a free one.
    if ((this.#used + 1) * 3 > this.#slots.length) this.#rebuild()
    this.#keys.push(key)
    this.#values.push(value)
    this.#place(this.#keys.length - 1, hashOf(key))
    this.#size += 1
    return this
  }

  /** False where there is no such key. */
  delete(key: K): boolean {
    const slot = this.#findSlot(key)
    const place = slot === undefined ? this.#crowded.get(key) : (this.#slots[slot] as number) - 1
    if (place === undefined) return false
    if (slot === undefined) this.#crowded.delete(key)
    else this.#slots[slot] = DELETED
    this.#keys[place] = undefined
    this.#values[place] = undefined
    this.#size -= 1
    return true
  }

  clear(): void {
    this.#keys = []
    this.#values = []
    this.#size = 0
    this.#slots = new Int32Array(SLOTS_MIN * 2)
    this.#used = 0
    this.#crowded.clear()
  }

  *entries(): Generator<[K, V], undefined> {
    for (let place = 0; place < this.#keys.length; place++) {
      const key = this.#keys[place]
      if (key !== undefined) yield [key, this.#values[place] as V]
    }
  }

  *keys(): Generator<K, undefined> {
    for (const [key] of this.entries()) yield key
  }

  *values(): Generator<V, undefined> {
    for (const [, value] of this.entries()) yield value
  }

  [Symbol.iterator](): Generator<[K, V], undefined> {
    return this.entries()
  }

  forEach(call: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this.entries()) call(value, key, this)
  }

  #find(key: K): number | undefined {
    const slot = this.#findSlot(key)
    if (slot !== undefined) return (this.#slots[slot] as number) - 1
    return this.#crowded.size === 0 ? undefined : this.#crowded.get(key)
  }

  #findSlot(key: K): number | undefined {
    const hash = hashOf(key)
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = (hash << 1) & mask
    for (let probes = 0; probes < PROBES_MAX; probes++, slot = (slot + 2) & mask) {
      const item = slots[slot] as number
      if (item === FREE) return undefined
      if (item !== DELETED && slots[slot + 1] === hash && this.#keys[item - 1] === key) return slot
    }
    return undefined
  }

  #place(place: number, hash: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = (hash << 1) & mask
    for (let probes = 0; probes < PROBES_MAX; probes++, slot = (slot + 2) & mask) {
      if (slots[slot] !== FREE) continue
      slots[slot] = place + 1
      slots[slot + 1] = hash
      this.#used += 1
      return
    }
    this.#crowded.set(this.#keys[place] as K, place)
  }

  /** Leaves out what was deleted, and makes room for as many again. */
  #rebuild(): void {
    const living = [...this.entries()]
    this.#keys = living.map(([key]) => key)
    this.#values = living.map(([, value]) => value)
    let length = SLOTS_MIN * 2
    while (length < (living.length + 1) * 4) length *= 2
    this.#slots = new Int32Array(length)
    this.#used = 0
    this.#crowded.clear()
    for (let place = 0; place < living.length; place++) this.#place(place, hashOf(this.#keys[place] as K))
  }
}

/** FNV-1a over the characters, mixed so that the low bits see all of them. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
}
