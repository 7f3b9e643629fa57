/** What an image is, by its own first bytes: neither a name nor a header field is believed. SVG is none: it can hold scripts. */
import type { ImageFormat } from '../../persistence/images/image-store.ts'

export type ImageShape = { readonly format: ImageFormat; readonly width: number; readonly height: number }

const AVIF_HEAD_BYTES = 64 * 1_024
const JPEG_SEGMENTS_MAX = 1_000

/** Undefined where it is none of the formats that browsers show, or too damaged to have a size. */
export function imageShapeOf(bytes: Buffer): ImageShape | undefined {
  const shape = png(bytes) ?? jpeg(bytes) ?? gif(bytes) ?? webp(bytes) ?? avif(bytes)
  return shape !== undefined && shape.width > 0 && shape.height > 0 ? shape : undefined
}

function png(bytes: Buffer): ImageShape | undefined {
  if (bytes.length < 33 || bytes.toString('latin1', 0, 16) !== '\x89PNG\r\n\x1a\n\0\0\0\rIHDR')
    return undefined
  return { format: 'png', width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }
}

function gif(bytes: Buffer): ImageShape | undefined {
  if (bytes.length < 13 || !/^GIF8[79]a$/.test(bytes.toString('latin1', 0, 6))) return undefined
  return { format: 'gif', width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) }
}

/** Its segments up to the one with the frame's size. */
function jpeg(bytes: Buffer): ImageShape | undefined {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0xffd8) return undefined
  let at = 2
  for (let segments = 0; segments < JPEG_SEGMENTS_MAX && at + 9 <= bytes.length; segments++) {
    if (bytes[at] !== 0xff) return undefined
    const marker = bytes[at + 1] ?? 0
    // Start of frame, in any coding; C4, C8 and CC are tables.
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      return { format: 'jpg', width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) }
    }
    // Fill bytes are markers without a segment.
    at += marker === 0xff ? 1 : 2 + bytes.readUInt16BE(at + 2)
  }
  return undefined
}

function webp(bytes: Buffer): ImageShape | undefined {
  if (bytes.length < 30 || bytes.toString('latin1', 0, 4) !== 'RIFF') return undefined
  const size = webpSize(bytes, bytes.toString('latin1', 8, 16))
  return size === undefined ? undefined : { format: 'webp', ...size }
}

function webpSize(bytes: Buffer, kind: string): Pick<ImageShape, 'width' | 'height'> | undefined {
  switch (kind) {
    case 'WEBPVP8X':
      return { width: 1 + bytes.readUIntLE(24, 3), height: 1 + bytes.readUIntLE(27, 3) }
    case 'WEBPVP8 ':
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff }
    case 'WEBPVP8L': {
      const packed = bytes.readUInt32LE(21)
      return { width: 1 + (packed & 0x3fff), height: 1 + ((packed >>> 14) & 0x3fff) }
    }
    default:
      return undefined
  }
}

/** By its brand, and the first size that its boxes name. */
function avif(bytes: Buffer): ImageShape | undefined {
  if (bytes.length < 32 || !/^ftypavi[fs]$/.test(bytes.toString('latin1', 4, 12))) return undefined
  const head = bytes.subarray(0, AVIF_HEAD_BYTES)
  const at = head.indexOf('ispe')
  if (at === -1 || at + 16 > head.length) return undefined
  return { format: 'avif', width: head.readUInt32BE(at + 8), height: head.readUInt32BE(at + 12) }
}
