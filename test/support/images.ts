/** Smallest files of each format, of any size in pixels: their heads, as far as anybody here looks. */

export function pngOf(width: number, height: number): Buffer {
  const head = Buffer.alloc(45)
  head.write('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1')
  head.writeUInt32BE(width, 16)
  head.writeUInt32BE(height, 20)
  return head
}

export function gifOf(width: number, height: number): Buffer {
  const head = Buffer.alloc(14)
  head.write('GIF89a', 'latin1')
  head.writeUInt16LE(width, 6)
  head.writeUInt16LE(height, 8)
  return head
}

/** With a comment and a table before the frame, as cameras have them. */
export function jpegOf(width: number, height: number): Buffer {
  const frame = Buffer.from([0xff, 0xc2, 0, 11, 8, 0, 0, 0, 0, 1, 1, 0x11, 0])
  frame.writeUInt16BE(height, 5)
  frame.writeUInt16BE(width, 7)
  const start = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 1, 0xff, 0xff, 0xc4, 0, 3, 7])
  return Buffer.concat([start, frame, Buffer.from([0xff, 0xd9])])
}

export function webpOf(kind: 'VP8X' | 'VP8 ' | 'VP8L', width: number, height: number): Buffer {
  const head = Buffer.alloc(40)
  head.write(`RIFF\0\0\0\0WEBP${kind}`, 'latin1')
  if (kind === 'VP8X') {
    head.writeUIntLE(width - 1, 24, 3)
    head.writeUIntLE(height - 1, 27, 3)
  } else if (kind === 'VP8 ') {
    head.writeUInt16LE(width, 26)
    head.writeUInt16LE(height, 28)
  } else head.writeUInt32LE((width - 1) | ((height - 1) << 14), 21)
  return head
}

export function avifOf(width: number, height: number): Buffer {
  const head = Buffer.alloc(64)
  head.write('\0\0\0\x1cftypavif', 'latin1')
  head.write('ispe', 40, 'latin1')
  head.writeUInt32BE(width, 48)
  head.writeUInt32BE(height, 52)
  return head
}

const BOUNDARY = 'boundary-9f3a'

/** As a browser's form sends it. */
export function formOf(file: Buffer, { filename = 'a.png', name = 'file' } = {}) {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"; filename="${filename}"\r\nContent-Type: image/png\r\n\r\n`
  return {
    type: `multipart/form-data; boundary=${BOUNDARY}`,
    body: Buffer.concat([Buffer.from(head), file, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]),
  }
}
