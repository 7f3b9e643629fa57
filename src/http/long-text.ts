/** Text that may have lines. */
import { z } from 'zod'
import { isPlainText } from './schemas.ts'

/** Line breaks are text too, where it may be long. */
const LINE_BREAKS = /[\n\r\t]/g

export function isText(text: string): boolean {
  return isPlainText(text.replaceAll(LINE_BREAKS, ''))
}

export function longText(lengthMax: number) {
  return z
    .string()
    .max(lengthMax)
    .refine(isText, { error: 'must be text without control characters but line breaks and tabs' })
}
