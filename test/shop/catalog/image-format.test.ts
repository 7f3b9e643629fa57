import * as assert from 'uvu/assert'
import { imageShapeOf } from '../../../src/shop/catalog/image-format.ts'
import { avifOf, gifOf, jpegOf, pngOf, webpOf } from '../../support/images.ts'
import { suite } from '../../support/suite.ts'

const MADE = [
  ['png', pngOf(640, 480)],
  ['gif', gifOf(640, 480)],
  ['jpg', jpegOf(640, 480)],
  ['webp', webpOf('VP8X', 640, 480)],
  ['webp', webpOf('VP8 ', 640, 480)],
  ['webp', webpOf('VP8L', 640, 480)],
  ['avif', avifOf(640, 480)],
] as const

const shapes = suite('what an image is')

shapes('is told from its own bytes', () => {
  for (const [format, bytes] of MADE)
    assert.equal(imageShapeOf(bytes), { format, width: 640, height: 480 }, format)
})

shapes('is nothing where they are cut off, or say nothing of a size', () => {
  for (const [format, bytes] of MADE) {
    for (let length = 0; length < 12; length++)
      assert.is(imageShapeOf(bytes.subarray(0, length)), undefined, format)
  }
  assert.is(imageShapeOf(pngOf(0, 480)), undefined)
  assert.is(imageShapeOf(Buffer.from([0xff, 0xd8, ...Array.from({ length: 5_000 }, () => 0xff)])), undefined)
  assert.is(imageShapeOf(avifOf(640, 480).subarray(0, 39)), undefined)
})

shapes('is nothing where scripts, pages or archives pretend to be one', () => {
  for (const text of [
    '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    '<!doctype html><script>alert(1)</script>',
    'GIF89',
    'PK\x03\x04',
    '%PDF-1.7',
    'BM',
    '',
  ])
    assert.is(imageShapeOf(Buffer.from(text.padEnd(64))), undefined, text)
})

shapes('costs nothing to find out, whatever five megabytes say', () => {
  const startedMs = performance.now()
  imageShapeOf(Buffer.concat([Buffer.from([0xff, 0xd8]), Buffer.from('ffe00002'.repeat(1_300_000), 'hex')]))
  imageShapeOf(Buffer.concat([Buffer.from('\0\0\0\x1cftypavif', 'latin1'), Buffer.alloc(5_000_000, 'isp')]))
  assert.ok(performance.now() - startedMs < 500)
})

shapes.run()
