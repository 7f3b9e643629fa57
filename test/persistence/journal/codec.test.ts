/** Bytes, checksum, events, states and frames: what is written is read back, and nothing else is ever read. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { InvariantBroken } from '../../../src/domain/assert.ts'
import type { Event } from '../../../src/domain/events.ts'
import { evolve } from '../../../src/domain/evolve.ts'
import type { ShardId } from '../../../src/domain/ids.ts'
import { emptyShard } from '../../../src/domain/stock.ts'
import { eventBytesMax, lineBytesMax } from '../../../src/limits.ts'
import { ByteReader, BytesDamaged, ByteWriter } from '../../../src/persistence/journal/bytes.ts'
import { crc32c } from '../../../src/persistence/journal/crc32c.ts'
import { readEvent, writeEvent } from '../../../src/persistence/journal/event-codec.ts'
import {
  eventsOf,
  FrameBuilder,
  frameHeaderBytes,
  linkIn,
  linkOf,
  noLink,
  parseFrame,
} from '../../../src/persistence/journal/frame.ts'
import { decodeState, encodeState } from '../../../src/persistence/journal/state-codec.ts'
import { portraitOf } from '../../domain/portrait.ts'
import { note, suite } from '../../support/suite.ts'
import { anyEvent, eventOfType, historyOf, noonMs, randomSteps, seed } from './values.ts'

const checksum = suite('CRC-32C')

checksum('of the vectors of RFC 3720, B.4', () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, n) => n)
  assert.is(crcOf(new Uint8Array(32)), 0x8a9136aa)
  assert.is(crcOf(new Uint8Array(32).fill(0xff)), 0x62a8ab43)
  assert.is(crcOf(ascending), 0x46dd794e)
  assert.is(crcOf(ascending.toReversed()), 0x113fdb5c)
  assert.is(crcOf(Buffer.from('123456789')), 0xe3069283)
  assert.is(crcOf(new Uint8Array(0)), 0)
})

checksum('is the same bit by bit, for every length, start and end', () => {
  note(`TEST_SEED=${seed}`)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(100), (bytes, a, b) => {
      const start = Math.min(a, b, bytes.length)
      const end = Math.min(Math.max(a, b), bytes.length)
      assert.is(crc32c(bytes, start, end), bitwise(bytes.subarray(start, end)))
    }),
    { seed, numRuns: 2_000 },
  )
})

checksum.run()

const values = suite('values')

values('of every kind are read back as they were written', () => {
  const value = fc.oneof(
    fc.record({ as: fc.constant('varint'), value: wholeNumber() }),
    fc.record({ as: fc.constant('signed'), value: fc.integer({ min: -(2 ** 31), max: 2 ** 31 }) }),
    fc.record({ as: fc.constant('signed'), value: fc.constantFrom(-(2 ** 52), 2 ** 52 - 1, 0, -1) }),
    fc.record({ as: fc.constant('f64'), value: fc.double({ noNaN: true }) }),
    fc.record({ as: fc.constant('u32'), value: fc.integer({ min: 0, max: 2 ** 32 - 1 }) }),
    fc.record({ as: fc.constant('u8'), value: fc.integer({ min: 0, max: 255 }) }),
    fc.record({ as: fc.constant('ascii'), value: fc.string({ unit: 'binary-ascii', maxLength: 255 }) }),
    fc.record({ as: fc.constant('text'), value: fc.option(wellFormed(), { nil: undefined }) }),
  )
  fc.assert(
    fc.property(fc.array(value, { maxLength: 60 }), (all) => {
      const writer = new ByteWriter(1)
      for (const { as, value } of all) (writer[as as 'text'] as (value: unknown) => void)(value)
      const reader = new ByteReader(writer.toBytes())
      for (const { as, value } of all) assert.is((reader[as as 'text'] as () => unknown)(), value)
      assert.ok(reader.isAtEnd)
    }),
    { seed, numRuns: 1_000 },
  )
})

values('take as many bytes as they must', () => {
  for (const [value, length] of [
    [0, 1],
    [127, 1],
    [128, 2],
    [2 ** 14 - 1, 2],
    [2 ** 14, 3],
    [2 ** 31 - 1, 5],
    [2 ** 31, 5],
    [2 ** 32, 5],
    [2 ** 35, 6],
    [Number.MAX_SAFE_INTEGER, 8],
  ] as const) {
    const writer = new ByteWriter(16)
    writer.varint(value)
    assert.is(writer.length, length, String(value))
    assert.is(new ByteReader(writer.toBytes()).varint(), value)
  }
})

values('that are no whole numbers, or negative, are not written', () => {
  for (const value of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    assert.throws(
      () => new ByteWriter(8).varint(value),
      (error: Error) => error instanceof InvariantBroken,
    )
  }
})

values('are never read past their end, nor made up from endless bytes', () => {
  for (const bytes of [[], [0x80], Array<number>(40).fill(0xff), [...Array<number>(200).fill(0x80), 1]]) {
    assert.throws(() => new ByteReader(Buffer.from(bytes)).varint(), isDamaged)
  }
  for (const read of ['u32', 'f64', 'ascii', 'text'] as const) {
    assert.throws(() => new ByteReader(Buffer.from([9, 1])).raw(3), isDamaged)
    assert.throws(() => new ByteReader(Buffer.from([9, 1]))[read](), isDamaged)
  }
})

values.run()

const events = suite('events')

for (const [type, arbitrary] of Object.entries(eventOfType)) {
  events(`${type} is read back as it was written, and takes no more room than is kept for it`, () => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<Event>, fc.constantFrom(noonMs, 0, 2 ** 42), (event, atMs) => {
        const writer = new ByteWriter(16)
        writeEvent(writer, event, atMs)
        assert.ok(writer.length <= roomFor(event) - 32, `${writer.length} bytes`)
        const reader = new ByteReader(writer.toBytes())
        assert.equal(readEvent(reader, atMs), event)
        assert.ok(reader.isAtEnd)
      }),
      { seed, numRuns: 300 },
    )
  })
}

events('cut short anywhere are not read', () => {
  fc.assert(
    fc.property(anyEvent, (event) => {
      const writer = new ByteWriter(16)
      writeEvent(writer, event, noonMs)
      const bytes = writer.toBytes()
      for (let length = 0; length < bytes.length; length++)
        assert.throws(() => readEvent(new ByteReader(bytes.subarray(0, length)), noonMs), isDamaged)
    }),
    { seed, numRuns: 100 },
  )
})

events('of unknown types are not read', () => {
  const bytes = Buffer.concat([Buffer.from([77, 1, 0x61, 1]), Buffer.alloc(40)])
  assert.throws(() => readEvent(new ByteReader(bytes), noonMs), isDamaged)
})

events.run()

const states = suite('a state')

states('of a random history is read back the same, and written again as the same bytes', () => {
  fc.assert(
    fc.property(randomSteps, (steps) => {
      const { state } = historyOf(steps)
      const bytes = Buffer.from(encodeState(state))
      const reader = new ByteReader(bytes)
      const read = decodeState(reader)
      assert.ok(reader.isAtEnd)
      assert.equal(plain(read), plain(state))
      assert.ok(encodeState(read).equals(bytes))
    }),
    { seed, numRuns: 300 },
  )
})

states('written in the middle of a history and gone on from ends as the same bytes', () => {
  fc.assert(
    fc.property(randomSteps, fc.nat(), (steps, at) => {
      const { state, chapters } = historyOf(steps)
      const middle = chapters.length === 0 ? 0 : at % (chapters.length + 1)
      const before = emptyShard()
      for (const { event, atMs } of chapters.slice(0, middle)) evolve(before, event, atMs)
      const after = decodeState(new ByteReader(Buffer.from(encodeState(before))))
      for (const { event, atMs } of chapters.slice(middle)) evolve(after, event, atMs)
      assert.ok(encodeState(after).equals(encodeState(state)))
    }),
    { seed, numRuns: 300 },
  )
})

states('cut short anywhere is not read', () => {
  fc.assert(
    fc.property(randomSteps, (steps) => {
      const bytes = Buffer.from(encodeState(historyOf(steps).state))
      for (let length = 0; length < bytes.length; length += 1 + (length >> 3))
        assert.throws(() => decodeState(new ByteReader(bytes.subarray(0, length))), isDamaged)
    }),
    { seed, numRuns: 30 },
  )
})

states.run()

const frames = suite('a frame')

frames('is read back with all its sections and events', () => {
  fc.assert(
    fc.property(randomSections(), (sections) => {
      const { bytes, link } = frameOf(sections)
      const parsed = parseFrame(bytes, 0)
      assert.is(parsed.type, 'frame')
      if (parsed.type !== 'frame') return
      const { frame } = parsed
      assert.is(frame.link, link)
      assert.is(frame.link, linkOf(bytes))
      assert.equal(frame.stream, { epoch: 7, worker: 3 })
      assert.equal([frame.ordinal, frame.durableOrdinal, frame.shards], [12, 11, 8])
      assert.equal(
        frame.sections.map((section) => ({ ...section, payload: [...eventsOf(section)] })),
        sections.map(({ shard, firstSequence, atMs, events: all }) => {
          return { shard, firstSequence, atMs, count: all.length, payload: all }
        }),
      )
    }),
    { seed, numRuns: 200 },
  )
})

frames('cut short, or with any bit flipped, never is a frame', () => {
  let flips = 0
  fc.assert(
    fc.property(randomSections(), (sections) => {
      const bytes = Buffer.from(frameOf(sections).bytes)
      for (let length = 0; length < bytes.length; length++) {
        const cut = parseFrame(bytes.subarray(0, length), 0)
        assert.is(cut.type, length === 0 ? 'blank' : 'damaged', `cut at ${length}`)
      }
      for (let at = 0; at < bytes.length; at++) {
        const mask = 1 << (at % 8)
        bytes[at] = (bytes[at] as number) ^ mask
        assert.is(parseFrame(bytes, 0).type, 'damaged', `flipped at ${at}`)
        bytes[at] = (bytes[at] as number) ^ mask
        flips += 1
      }
    }),
    { seed, numRuns: 30 },
  )
  note(`${flips} flips`)
})

frames('with every single bit flipped, one by one, never is a frame', () => {
  const bytes = Buffer.from(
    frameOf([
      {
        shard: 1 as ShardId,
        firstSequence: 5,
        atMs: noonMs,
        events: fc.sample(anyEvent, { numRuns: 5, seed }),
      },
    ]).bytes,
  )
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
    assert.is(parseFrame(bytes, 0).type, 'damaged', `bit ${bit}`)
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
  }
})

frames('half old and half new (torn at any sector) is no frame', () => {
  const sections = (version: number) => [
    {
      shard: 0 as ShardId,
      firstSequence: version,
      atMs: noonMs,
      events: fc.sample(anyEvent, { numRuns: 40, seed: seed + version }),
    },
  ]
  const older = Buffer.from(frameOf(sections(1)).bytes)
  const newer = Buffer.from(frameOf(sections(2)).bytes)
  for (let at = 512; at < newer.length; at += 512) {
    const torn = Buffer.alloc(Math.max(older.length, newer.length))
    older.copy(torn)
    newer.copy(torn, 0, 0, at)
    assert.is(parseFrame(torn, 0).type, 'damaged', `torn at ${at}`)
  }
})

frames('of zeros is blank, however few', () => {
  for (const size of [0, 1, frameHeaderBytes - 1, frameHeaderBytes, 4_096])
    assert.equal(parseFrame(Buffer.alloc(size), 0), { type: 'blank' })
  assert.is(parseFrame(Buffer.from([0, 0, 0, 1]), 0).type, 'damaged')
})

frames('of another format is refused by name, not taken for damage', () => {
  const bytes = Buffer.from(frameOf([]).bytes)
  bytes[12] = 2
  bytes.writeUInt32LE(crc32c(bytes, 12, bytes.length), 8)
  assert.throws(() => parseFrame(bytes, 0), /format 2; this version reads format 1/)
})

frames('that opens carries a link for each shard', () => {
  const builder = new FrameBuilder({ epoch: 1, worker: 0 }, { shards: 8, capacity: 64 })
  const link = 'ab'.repeat(16)
  builder.beginSection(5 as ShardId, 43, noonMs)
  builder.endSection(link)
  const parsed = parseFrame(
    builder.finish({ kind: 'open', ordinal: 1, durableOrdinal: 0, previous: noLink }).bytes,
    0,
  )
  assert.is(parsed.type, 'frame')
  if (parsed.type !== 'frame') return
  const [section] = parsed.frame.sections
  assert.ok(section)
  assert.is(linkIn(section), link)
  assert.equal([section.shard, section.firstSequence, section.count], [5, 43, 0])
  assert.is(parsed.frame.timeMs, noonMs)
})

frames.run()

type Sections = readonly {
  readonly shard: ShardId
  readonly firstSequence: number
  readonly atMs: number
  readonly events: readonly Event[]
}[]

function randomSections(): fc.Arbitrary<Sections> {
  const section = fc.record({
    shard: fc.nat({ max: 1_023 }).map((shard) => shard as ShardId),
    firstSequence: fc.integer({ min: 1, max: 2 ** 40 }),
    laterMs: fc.nat({ max: 100_000 }),
    events: fc.array(anyEvent, { minLength: 1, maxLength: 6 }),
  })
  return fc.array(section, { minLength: 1, maxLength: 5 }).map((sections) => {
    let atMs = noonMs
    return sections.map(({ laterMs, ...rest }) => {
      atMs += laterMs
      return { ...rest, atMs }
    })
  })
}

function frameOf(sections: Sections) {
  const builder = new FrameBuilder({ epoch: 7, worker: 3 }, { shards: 8, capacity: 64 })
  for (const { shard, firstSequence, atMs, events: all } of sections) {
    builder.beginSection(shard, firstSequence, atMs)
    for (const event of all) builder.addEvent(event)
    builder.endSection()
  }
  return builder.finish({ kind: 'batch', ordinal: 12, durableOrdinal: 11, previous: 'cd'.repeat(16) })
}

/** As a shard asks for it before it decides. */
function roomFor(event: Event): number {
  const lines = 'lines' in event ? event.lines.length : 'quantities' in event ? event.quantities.length : 0
  return eventBytesMax + lines * lineBytesMax
}

function wholeNumber(): fc.Arbitrary<number> {
  const powers = Array.from({ length: 54 }, (_, n) => 2 ** n - 1)
  return fc.oneof(fc.maxSafeNat(), fc.constantFrom(...powers), fc.nat({ max: 300 }))
}

function wellFormed(): fc.Arbitrary<string> {
  return fc.string({ unit: 'binary', maxLength: 40 }).filter((text) => text.isWellFormed())
}

function crcOf(bytes: Uint8Array): number {
  return crc32c(bytes, 0, bytes.length)
}

function bitwise(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

/** A sale that says nothing and one whose five limits are absent are the same. */
function plain(state: Parameters<typeof portraitOf>[0]) {
  return JSON.parse(JSON.stringify(portraitOf(state)))
}

function isDamaged(error: Error): boolean {
  return error instanceof BytesDamaged
}
