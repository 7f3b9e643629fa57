import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { AnnouncementWriter, type Count, readAnnouncement } from '../../../src/cluster/limits/announcement.ts'
import { suite } from '../../support/suite.ts'

const OWN = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
const OTHER = Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1)
const test = suite('an announcement')

function read(bytes: Buffer, own = OWN): { readonly isRead: boolean; readonly counts: readonly Count[] } {
  const counts: Count[] = []
  return { isRead: readAnnouncement(bytes, own, (count) => void counts.push(count)), counts }
}

test('tells others what was counted, in order, and nobody what they have said themselves', () => {
  const word = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })
  const count = fc
    .tuple(fc.integer({ min: 0, max: 255 }), word, word)
    .map(([kind, high, low]) => ({ kind, identity: { high, low } }))
  fc.assert(
    fc.property(fc.array(count, { maxLength: 20 }), (counts) => {
      const writer = new AnnouncementWriter(OTHER, 20)
      for (const { kind, identity } of counts) assert.ok(writer.add(kind, identity))
      const bytes = writer.take()
      assert.equal(read(bytes), { isRead: true, counts })
      assert.equal(read(bytes, OTHER), { isRead: true, counts: [] })
    }),
  )
})

test('takes no more than it has room for, and is empty once it was taken', () => {
  const writer = new AnnouncementWriter(OTHER, 2)
  const one = { high: 1, low: -1 }
  assert.equal([writer.add(1, one), writer.add(1, one), writer.add(1, one)], [true, true, false])
  assert.is(read(writer.take()).counts.length, 2)
  assert.is(writer.count, 0)
  assert.is(read(writer.take()).counts.length, 0)
})

test('is not read where it is another version’s or cut short', () => {
  const writer = new AnnouncementWriter(OTHER, 2)
  writer.add(1, { high: 1, low: 2 })
  const bytes = writer.take()
  const other = Buffer.from(bytes)
  other[0] = 2
  const wrong = [other, bytes.subarray(0, -1), bytes.subarray(0, 5), Buffer.alloc(0), Buffer.from('rubbish')]
  for (const each of wrong) assert.equal(read(each), { isRead: false, counts: [] })
})

test.run()
