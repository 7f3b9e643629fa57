/** Which of a Redis Cluster's slots a key lies in. */

export const SLOTS = 16_384

/** CRC-16/XMODEM, the one that the cluster's specification names. */
const POLYNOMIAL = 0x1021
const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1
  return crc
})
const encoder = new TextEncoder()

/** Of the key's hash tag, where it has one: the text between its first `{` and the next `}`, unless that is empty. */
export function keySlot(key: string): number {
  const open = key.indexOf('{')
  const close = open === -1 ? -1 : key.indexOf('}', open)
  const hashed = close > open + 1 ? key.slice(open + 1, close) : key
  let crc = 0
  for (const byte of encoder.encode(hashed)) {
    crc = ((crc << 8) & 0xffff) ^ (table[(crc >>> 8) ^ byte] as number)
  }
  return crc % SLOTS
}
