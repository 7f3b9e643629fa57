import type { Random } from '../seams.ts'

/** 128 bits of chance as hexadecimal digits: no two are ever the same. */
export function drawToken(random: Random): string {
  const words = Array.from({ length: 4 }, () => Math.floor(random.fraction() * 2 ** 32))
  return words.map((word) => word.toString(16).padStart(8, '0')).join('')
}
