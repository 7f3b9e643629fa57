import * as assert from 'uvu/assert'
import { openJournalFiles } from '../../src/cli/journal-files.ts'
import { countJournal } from '../../src/cli/stats.ts'
import { auditJournal } from '../../src/cli/verify/audit.ts'
import { suite } from '../support/suite.ts'
import { journal } from './command.ts'
import { framesOf, namesIn, segmentsOf, sizeOf, whileChanged } from './files.ts'
import { makeEventful, Workshop } from './workshop.ts'

const test = suite('stats')

test('adds up to what is on disk and in the frames', async () => {
  const shop = await makeEventful({ segmentBytes: 16 * 1_024, end: 'crashed' })
  const stats = countJournal(openJournalFiles(shop.root))
  const audit = auditJournal(openJournalFiles(shop.root))
  assert.is(stats.events, audit.counts.events)
  assert.is(stats.streams.length, audit.counts.streams)
  assert.is(stats.segments, audit.counts.segments)
  assert.is(stats.frames.open + stats.frames.batch + stats.frames.seal, audit.counts.frames)
  const types = Object.values(stats.eventsByType).reduce((sum, count) => sum + count, 0)
  assert.is(types, stats.events)
  const segments = segmentsOf(shop).reduce((sum, path) => sum + sizeOf(path), 0)
  assert.is(stats.disk.usedBytes + stats.disk.blankBytes, segments)
  const written = segmentsOf(shop).flatMap((path) => framesOf(path).map(({ frame }) => frame.bytes.length))
  assert.is(
    stats.disk.usedBytes,
    written.reduce((sum, bytes) => sum + bytes, 0),
  )
  const carried = namesIn(shop.journal, /-000000\.segment$/)
  assert.is(
    stats.disk.carriedBytes,
    carried.reduce((sum, path) => sum + sizeOf(path), 0),
  )
  assert.is(
    stats.carriedFrames,
    carried.reduce((sum, path) => sum + framesOf(path).length, 0),
  )
  for (const { shard, lastSequence } of stats.shards) {
    assert.is(lastSequence, audit.shards.find((found) => found.shard === shard)?.sequence)
  }
  assert.ok(stats.bytesPerEvent > 10 && stats.bytesPerEvent < stats.writtenBytesPerEvent)
  assert.ok((stats.firstTimeMs ?? 0) < (stats.lastTimeMs ?? 0))
  await shop.remove()
})

test('says where it could not read on', async () => {
  const shop = await makeEventful({ segmentBytes: 16 * 1_024 })
  const [path] = segmentsOf(shop)
  whileChanged(
    path as string,
    (bytes) => bytes.fill(1, 900, 910),
    () => {
      const { unread, events } = countJournal(openJournalFiles(shop.root))
      assert.is(unread.length, 1)
      assert.match(unread[0]?.reason ?? '', 'checksum')
      assert.ok(events > 0)
    },
  )
  await shop.remove()
})

test('shows tables for people', async () => {
  const shop = await makeEventful({ segmentBytes: 16 * 1_024 })
  const { code, out } = await journal(['stats', '--data', shop.root])
  assert.is(code, 0)
  for (const text of [
    /^type +events {2}share$/m,
    /^UnitsHeld +\d+ {2}\d+\.\d %$/m,
    /^s3 +\d+ +\d+$/m,
    /^00000007-w000 /m,
  ]) {
    assert.match(out, text)
  }
  await shop.remove()
})

test('of a journal without streams has nothing to say, and says it', async () => {
  const shop = new Workshop()
  const { code, out } = await journal(['stats', '--data', shop.root])
  assert.is(code, 0)
  assert.match(out, 'time           none')
  await shop.remove()
})

test.run()
