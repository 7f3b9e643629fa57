/**
 * CRC-32C (Castagnoli), the checksum of iSCSI, ext4 and most logs: RFC 3720, appendix B.4. Node's zlib has only the
 * older CRC-32. Eight tables, so that each step takes eight bytes (Kounavis and Berry, "slicing by 8").
 */
const POLYNOMIAL = 0x82f63b78
const TABLES = makeTables()
const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
]

/** The checksum, 0 to 2^32 − 1, of `bytes` from `start` to before `end`. */
export function crc32c(bytes: Uint8Array, start: number, end: number): number {
  let crc = -1
  let at = start
  for (const last = end - 8; at <= last; at += 8) {
    // Reads past the end give undefined, which the bit operators take as 0; the loop's bound keeps them inside.
    const low =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24))
    crc =
      (T7[low & 255] as number) ^
      (T6[(low >>> 8) & 255] as number) ^
      (T5[(low >>> 16) & 255] as number) ^
      (T4[low >>> 24] as number) ^
      (T3[bytes[at + 4] as number] as number) ^
      (T2[bytes[at + 5] as number] as number) ^
      (T1[bytes[at + 6] as number] as number) ^
      (T0[bytes[at + 7] as number] as number)
  }
  for (; at < end; at++) crc = (T0[(crc ^ (bytes[at] as number)) & 255] as number) ^ (crc >>> 8)
  return ~crc >>> 0
}

function makeTables(): Int32Array[] {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256))
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    ;(tables[0] as Int32Array)[byte] = crc
  }
  const first = tables[0] as Int32Array
  for (let k = 1; k < 8; k++) {
    const before = tables[k - 1] as Int32Array
    const table = tables[k] as Int32Array
    for (let byte = 0; byte < 256; byte++) {
      const crc = before[byte] as number
      table[byte] = (first[crc & 255] as number) ^ (crc >>> 8)
    }
  }
  return tables
}
