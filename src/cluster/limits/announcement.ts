/**
 * What nodes tell each other of what they have counted, as bytes: a version, who says it, and for each count its kind and a
 * keyed hash of whose it is. So nothing of a customer is in it.
 */

/** Draws who says it, at a node's start: eight bytes. */
export type NodeTag = Uint8Array

export type HashedIdentity = { readonly high: number; readonly low: number }

export type Count = { readonly kind: number; readonly identity: HashedIdentity }

const VERSION = 1
const TAG_BYTES = 8
const HEAD_BYTES = 1 + TAG_BYTES
const COUNT_BYTES = 9

/** Collects counts in one piece of memory that is used again and again. */
export class AnnouncementWriter {
  readonly #bytes: Buffer
  readonly #max: number
  #count = 0

  constructor(tag: NodeTag, max: number) {
    this.#bytes = Buffer.alloc(HEAD_BYTES + max * COUNT_BYTES)
    this.#bytes[0] = VERSION
    this.#bytes.set(tag.subarray(0, TAG_BYTES), 1)
    this.#max = max
  }

  get count(): number {
    return this.#count
  }

  /** False where it is full. */
  add(kind: number, { high, low }: HashedIdentity): boolean {
    if (this.#count === this.#max) return false
    const at = HEAD_BYTES + this.#count++ * COUNT_BYTES
    const bytes = this.#bytes
    bytes[at] = kind
    bytes.writeInt32BE(high, at + 1)
    bytes.writeInt32BE(low, at + 5)
    return true
  }

  /** A copy of what was collected; then it is empty. */
  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, HEAD_BYTES + this.#count * COUNT_BYTES))
    this.#count = 0
    return taken
  }
}

/** Calls for each count that another node tells of. False where the bytes are none of this version's. */
export function readAnnouncement(bytes: Buffer, own: NodeTag, each: (count: Count) => void): boolean {
  if (bytes.length < HEAD_BYTES || bytes[0] !== VERSION || (bytes.length - HEAD_BYTES) % COUNT_BYTES !== 0)
    return false
  if (bytes.subarray(1, HEAD_BYTES).equals(own)) return true
  for (let at = HEAD_BYTES; at < bytes.length; at += COUNT_BYTES) {
    const identity = { high: bytes.readInt32BE(at + 1), low: bytes.readInt32BE(at + 5) }
    each({ kind: bytes[at] as number, identity })
  }
  return true
}
