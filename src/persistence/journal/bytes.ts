/** Reading and writing the journal's binary values. Numbers are little-endian; strings carry their length in bytes. */
import { assert } from '../../domain/assert.ts'
import { textBytes, toBytes } from '../../domain/text-bytes.ts'

/** What was read is not what was written: bytes are missing, changed, or of another format. */
export class BytesDamaged extends Error {
  override readonly name = 'BytesDamaged'
}

/** Appends values to a buffer that grows. `bytes` and `length` are read by the owner, who may reset it and go on. */
export class ByteWriter {
  bytes: Buffer
  length = 0

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity)
  }

  reset(): void {
    this.length = 0
  }

  /** Makes room for `more` bytes behind `length`; every method below calls it before it writes. */
  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + more))
    this.bytes.copy(grown, 0, 0, this.length)
    this.bytes = grown
  }

  u8(value: number): void {
    this.reserve(1)
    this.bytes[this.length++] = value
  }

  flag(value: boolean): void {
    this.u8(value ? 1 : 0)
  }

  u32(value: number): void {
    this.reserve(4)
    this.length = this.bytes.writeUInt32LE(value, this.length)
  }

  f64(value: number): void {
    this.reserve(8)
    this.length = this.bytes.writeDoubleLE(value, this.length)
  }

  /** A whole number from 0 to 2^53 − 1 in 1 to 8 bytes, 7 bits each, low first (LEB128). */
  varint(value: number): void {
    assert(value >= 0 && Number.isSafeInteger(value), 'a varint is a whole number, not negative')
    this.reserve(8)
    let rest = value
    while (rest >= 0x8000_0000) {
      this.bytes[this.length++] = (rest & 0x7f) | 0x80
      rest = Math.floor(rest / 128)
    }
    while (rest >= 0x80) {
      this.bytes[this.length++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.bytes[this.length++] = rest
  }

  /** A whole number of either sign: zigzag, then varint. */
  signed(value: number): void {
    this.varint(value >= 0 ? value * 2 : value * -2 - 1)
  }

  /** Up to 255 ASCII characters behind a byte of length. */
  ascii(text: string): void {
    const { length } = text
    assert(length <= 255, 'a short string has at most 255 characters')
    this.reserve(1 + length)
    this.bytes[this.length++] = length
    this.asciiBare(text)
  }

  /** Characters below 256, a byte each, whose number the reader knows. */
  asciiBare(text: string): void {
    this.reserve(text.length)
    this.length += this.bytes.write(text, this.length, 'latin1')
  }

  /** The same of a short text of ASCII, from one character on. */
  asciiFrom(text: string, from: number): void {
    const end = toBytes(text)
    this.reserve(end - from)
    const { bytes } = this
    let at = this.length
    for (let i = from; i < end; i++) bytes[at++] = textBytes[i] as number
    this.length = at
  }

  /** Any text, or none: its length in bytes + 1 (0 is none), then UTF-8. */
  text(text: string | undefined): void {
    if (text === undefined) return this.varint(0)
    const size = Buffer.byteLength(text)
    this.varint(size + 1)
    this.reserve(size)
    this.length += this.bytes.write(text, this.length, 'utf8')
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  /** A copy of all that was written. */
  toBytes(): Buffer {
    return Buffer.from(this.bytes.subarray(0, this.length))
  }
}

/** Reads values back; throws `BytesDamaged` rather than read past `end` or return what no writer writes. */
export class ByteReader {
  readonly bytes: Buffer
  at: number
  readonly end: number

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = start
    this.end = end
  }

  get isAtEnd(): boolean {
    return this.at === this.end
  }

  u8(): number {
    return this.bytes[this.take(1)] as number
  }

  flag(): boolean {
    const value = this.u8()
    if (value > 1) throw new BytesDamaged(`a flag is 0 or 1, not ${value}`)
    return value === 1
  }

  u32(): number {
    return this.bytes.readUInt32LE(this.take(4))
  }

  f64(): number {
    return this.bytes.readDoubleLE(this.take(8))
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) break
      scale *= 128
    }
    if (!Number.isSafeInteger(value)) throw new BytesDamaged('a number above 2^53 − 1')
    return value
  }

  signed(): number {
    const zigzag = this.varint()
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
  }

  ascii(): string {
    return this.asciiBare(this.u8())
  }

  asciiBare(length: number): string {
    const start = this.take(length)
    return this.bytes.toString('latin1', start, start + length)
  }

  text(): string | undefined {
    const size = this.varint()
    if (size === 0) return undefined
    const start = this.take(size - 1)
    return this.bytes.toString('utf8', start, start + size - 1)
  }

  /** A view, not a copy. */
  raw(length: number): Buffer {
    const start = this.take(length)
    return this.bytes.subarray(start, start + length)
  }

  /** Goes past so many bytes; where they begin. */
  take(length: number): number {
    const start = this.at
    if (start + length > this.end)
      throw new BytesDamaged(`${length} bytes expected, ${this.end - start} left`)
    this.at = start + length
    return start
  }
}
