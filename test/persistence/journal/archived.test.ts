/** What recovery makes of segments that were archived, and of those that are only gone. */
import { hash } from 'node:crypto'
import { basename } from 'node:path'
import * as assert from 'uvu/assert'
import type { ShardId } from '../../../src/domain/ids.ts'
import {
  type ArchivedFile,
  archiveRecordName,
  goneSequences,
  missingRanges,
  readArchive,
  writeArchive,
} from '../../../src/persistence/journal/archived.ts'
import { BytesDamaged } from '../../../src/persistence/journal/bytes.ts'
import { type Frame, parseFrame } from '../../../src/persistence/journal/frame.ts'
import type { RecoveryOptions } from '../../../src/persistence/journal/recovery.ts'
import { nextEpoch, segmentNamed } from '../../../src/persistence/journal/segments.ts'
import { writeSnapshot } from '../../../src/persistence/journal/snapshot.ts'
import { JournalDamaged, readCatalog } from '../../../src/persistence/journal/streams.ts'
import type { MemoryDisk } from '../../support/memory-disk.ts'
import { suite } from '../../support/suite.ts'
import {
  clearLeftovers,
  journal,
  KIB,
  reached,
  recoverFrom,
  sameBytes,
  segmentsOf,
  shardsOfData,
  snapshots,
  type Written,
  written,
} from './writing.ts'

const [s0, s1] = [0, 1] as ShardId[] as [ShardId, ShardId]
const isDamage = (error: unknown) => error instanceof JournalDamaged

function framesIn(bytes: Buffer): Frame[] {
  const frames: Frame[] = []
  for (let at = 0; ; at += frames.at(-1)?.bytes.length ?? 0) {
    const parsed = parseFrame(bytes, at)
    if (parsed.type !== 'frame') return frames
    frames.push(parsed.frame)
  }
}

/** The line of the record for a file, from its own bytes. */
function lineOf(disk: MemoryDisk, path: string): ArchivedFile {
  const bytes = disk.bytesOf(path)
  const file = basename(path)
  const line = { file, bytes: bytes.length, sha256: hash('sha256', bytes), to: '/archive', at: 'today' }
  const name = segmentNamed(journal, file)
  if (name === undefined || name.index === 0) return line
  const frames = framesIn(bytes)
  const [first, last] = [frames[0] as Frame, frames.at(-1) as Frame]
  const events = new Map<ShardId, { from: number; to: number }>()
  for (const { kind, sections } of frames) {
    if (kind !== 'batch') continue
    for (const { shard, firstSequence, count } of sections) {
      const from = events.get(shard)?.from ?? firstSequence
      events.set(shard, { from, to: firstSequence + count - 1 })
    }
  }
  const segment = {
    events: [...events].map(([shard, range]) => ({ shard, ...range })),
    next: { ordinal: last.ordinal + 1, previous: last.link },
    begins: 'then',
    ends: 'later',
    ...(name.index === 1 && { opening: first.bytes.toString('base64') }),
  }
  return { ...line, segment }
}

/** Records files as archived, and then removes some of them. */
function archive(disk: MemoryDisk, recorded: readonly string[], removed: readonly string[] = recorded): void {
  const session = disk.session()
  const { files } = readArchive(session, journal)
  writeArchive(session, journal, {
    files: [...files.values(), ...recorded.map((path) => lineOf(disk, path))],
    givenUp: [],
  })
  for (const path of removed) session.remove(path)
}

function snapshotAll(disk: MemoryDisk, options: Partial<RecoveryOptions> = {}): void {
  for (const recovered of recoverFrom(disk, options).shards.values()) {
    const { shard, state, nextSequence, link, lastTimeMs: timeMs } = recovered
    const sequence = nextSequence - 1
    writeSnapshot(disk.session(), snapshots, { shard, shards: shardsOfData, sequence, timeMs, link, state })
  }
}

/** A closed stream of five segments, and snapshots that hold all that is in the first four. */
async function fiveSegments(): Promise<Written> {
  const run = await written({ segmentBytes: 64 * KIB })
  const long = 'x'.repeat(250)
  const fill = async (segments: number) => {
    while (run.rolls.length < segments - 1) {
      await run.append(s0, 30, long)
      await run.append(s1, 10, long)
    }
  }
  await fill(5)
  snapshotAll(run.disk)
  await run.append(s0, 3)
  await run.close()
  return run
}

const test = suite('archived segments')

test('are not missed, where snapshots hold their events', async () => {
  const { disk } = await fiveSegments()
  const whole = recoverFrom(disk)
  const segments = segmentsOf(disk)
  assert.is(segments.length, 5)
  for (let count = 1; count <= 4; count++) {
    const image = disk.copy()
    archive(image, segments.slice(0, count))
    sameBytes(recoverFrom(image), whole)
    assert.is(readCatalog(image.session(), journal).streams[0]?.archived, count)
    assert.equal(clearLeftovers(image), [])
  }
})

test('are missed where no snapshot holds their events, and the archive is named', async () => {
  const { disk } = await fiveSegments()
  archive(disk, segmentsOf(disk).slice(0, 2))
  assert.throws(
    () => recoverFrom(disk, { useSnapshots: false }),
    (error: Error) =>
      isDamage(error) && /lacks sequence 1 to \d+; what was archived is in \/archive/.test(error.message),
  )
})

test('may be there still, in any number: the move was interrupted, or they were brought back', async () => {
  const { disk } = await fiveSegments()
  const whole = recoverFrom(disk)
  const segments = segmentsOf(disk)
  const recorded = segments.slice(0, 4)
  for (let removed = 0; removed < 16; removed++) {
    const image = disk.copy()
    archive(
      image,
      recorded,
      recorded.filter((_, i) => (removed >> i) & 1),
    )
    sameBytes(recoverFrom(image), whole, `removed ${removed.toString(2)}`)
    if (removed === 0) sameBytes(recoverFrom(image, { useSnapshots: false }), whole)
  }
})

test('excuse no other segment of their stream', async () => {
  const { disk } = await fiveSegments()
  const segments = segmentsOf(disk)
  archive(disk, segments.slice(0, 2))
  for (const lost of [segments.slice(2, 3), segments.slice(3, 4), segments.slice(2)]) {
    const image = disk.copy()
    for (const path of lost) image.session().remove(path as string)
    assert.throws(() => recoverFrom(image), isDamage, `without ${lost.map((path) => basename(path))}`)
    assert.throws(() => clearLeftovers(image), isDamage)
    image.session().remove(`${journal}/00000001-w000.mark`)
    assert.throws(() => recoverFrom(image), isDamage, 'the mark is gone too')
  }
})

test('of a whole stream that newer ones took over leave nothing to be missed', async () => {
  const first = await fiveSegments()
  const { disk } = first
  const second = await written({ disk, timers: first.timers })
  await second.append(s0, 5)
  snapshotAll(disk)
  await second.append(s1, 5)
  second.end()
  const whole = recoverFrom(disk)
  const files = [...segmentsOf(disk, 1), `${journal}/00000001-w000.mark`]
  for (let removed = 0; removed <= files.length; removed++) {
    const image = disk.copy()
    archive(image, files, files.slice(0, removed))
    sameBytes(recoverFrom(image), whole, `${removed} removed`)
    assert.equal(clearLeftovers(image), [])
    sameBytes(recoverFrom(image), whole, `${removed} removed, and tidied`)
    assert.is(nextEpoch(image.session(), journal), 3)
  }
  const unrecorded = disk.copy()
  for (const path of files) unrecorded.session().remove(path)
  assert.throws(() => recoverFrom(unrecorded, { useSnapshots: false }), isDamage)
})

test('leave a stream that can be gone on from, and snapshots of it while it is written', async () => {
  const first = await fiveSegments()
  const { disk, timers } = first
  archive(disk, segmentsOf(disk).slice(0, 3))
  const run = await written({ disk, timers, segmentBytes: 64 * KIB })
  while (run.rolls.length < 3) await run.append(s0, 30, 'y'.repeat(250))
  const { stream } = run
  const before = { stream, index: 4 }
  const settled = recoverFrom(disk, { before })
  snapshotAll(disk, { before })
  for (const count of [1, 2]) {
    archive(disk, segmentsOf(disk, 2).slice(0, 1))
    sameBytes(recoverFrom(disk, { before }), settled, `${count} of the segments before the open one`)
  }
  await run.close()
  assert.is(reached(recoverFrom(disk))[0], run.newest(s0))
})

test('are found in the record only where it is whole', async () => {
  const { disk } = await fiveSegments()
  archive(disk, segmentsOf(disk).slice(0, 2))
  const path = `${journal}/${archiveRecordName}`
  const { length } = disk.bytesOf(path)
  for (let at = 0; at < length; at++) {
    for (const mask of [1, 32, 128]) {
      const image = disk.copy()
      image.flip(path, at, mask)
      assert.throws(
        () => readArchive(image.session(), journal),
        (error: unknown) => error instanceof BytesDamaged,
      )
      assert.throws(() => recoverFrom(image), isDamage, `bit ${mask} of byte ${at}`)
    }
  }
  const image = disk.copy()
  image.session().remove(path)
  assert.throws(() => recoverFrom(image), isDamage, 'without the record they are lost')
})

test('say what sequences went with them', async () => {
  const { disk } = await fiveSegments()
  const segments = segmentsOf(disk)
  const [, second, third] = segments.map((path) => framesIn(disk.bytesOf(path))[0] as Frame)
  archive(disk, segments.slice(0, 3), segments.slice(0, 1))
  const gone = () =>
    goneSequences(missingRanges(readArchive(disk.session(), journal), new Set(disk.files(journal))))
  const before = (frame: Frame | undefined) =>
    frame?.sections.map(({ firstSequence }) => firstSequence - 1).slice(0, 2)
  assert.equal([gone().get(s0), gone().get(s1)], before(second))
  disk.session().remove(segments[1] as string)
  assert.equal([gone().get(s0), gone().get(s1)], before(third))
})

test.run()
