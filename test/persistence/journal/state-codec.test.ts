/** The state of shards with reservations of several products, lines and keys as bytes, and what becomes of changed bytes. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { evolve } from '../../../src/domain/evolve.ts'
import { footprintOf } from '../../../src/domain/footprint.ts'
import type { Fingerprint, KeyHash } from '../../../src/domain/key-table.ts'
import { packedWords, packId } from '../../../src/domain/packed-id.ts'
import { rowBytes } from '../../../src/domain/reservation-row.ts'
import { emptyShard, type ShardState } from '../../../src/domain/stock.ts'
import { ByteReader, BytesDamaged, ByteWriter } from '../../../src/persistence/journal/bytes.ts'
import { readEvent, writeEvent } from '../../../src/persistence/journal/event-codec.ts'
import { decodeState, encodeState } from '../../../src/persistence/journal/state-codec.ts'
import { portraitOf } from '../../domain/portrait.ts'
import { note, suite } from '../../support/suite.ts'
import { anyEvent, idOf, noonMs, seed, shardSteps, shardsAfter } from './values.ts'

const states = suite('a state with everything in it')

states('is read back the same, and written again as the same bytes', () => {
  note(`TEST_SEED=${seed}`)
  const seen = { splits: 0, aborted: 0, holds: 0, keys: 0, waiting: 0, served: 0, earmarked: 0 }
  fc.assert(
    fc.property(shardSteps, (steps) => {
      for (const { state } of shardsAfter(steps)) {
        const bytes = bytesOf(state)
        const reader = new ByteReader(bytes)
        const read = decodeState(reader)
        assert.ok(reader.isAtEnd)
        assert.equal(plain(read), plain(state))
        assert.ok(bytesOf(read).equals(bytes))
        assert.is(read.footprintBytes, state.footprintBytes)
        assert.is(read.footprintBytes, footprintOf(read))
        for (const part of ['splits', 'aborted', 'holds', 'keys'] as const) seen[part] += state[part].size
        for (const { waitlist, earmarked } of state.products.values()) {
          seen.waiting += waitlist?.line.size ?? 0
          seen.served += waitlist?.served.size ?? 0
          seen.earmarked += earmarked
        }
      }
    }),
    { seed, numRuns: 200 },
  )
  // A part that no history had proves nothing.
  for (const [part, times] of Object.entries(seen)) assert.ok(times > 0, part)
})

states('written in the middle of a history and gone on from ends as the same bytes', () => {
  fc.assert(
    fc.property(shardSteps, fc.nat(), (steps, at) => {
      for (const { state, journal } of shardsAfter(steps)) {
        const middle = at % (journal.length + 1)
        const before = emptyShard()
        for (const { event, atMs } of journal.slice(0, middle)) evolve(before, event, atMs)
        const after = decodeState(new ByteReader(bytesOf(before)))
        for (const { event, atMs } of journal.slice(middle)) evolve(after, event, atMs)
        assert.ok(bytesOf(after).equals(bytesOf(state)))
        assert.is(after.footprintBytes, state.footprintBytes)
      }
    }),
    { seed, numRuns: 200 },
  )
})

states('cut short anywhere is not read', () => {
  fc.assert(
    fc.property(shardSteps, (steps) => {
      for (const { state } of shardsAfter(steps)) {
        const bytes = bytesOf(state)
        for (let length = 0; length < bytes.length; length++)
          assert.throws(() => decodeState(new ByteReader(bytes.subarray(0, length))), isDamaged)
      }
    }),
    { seed, numRuns: 20 },
  )
})

states('with any bit flipped is not read, or is another state', () => {
  let flips = 0
  fc.assert(
    fc.property(shardSteps, fc.nat({ max: 6 }), (steps, from) => {
      for (const { state } of shardsAfter(steps)) {
        const bytes = bytesOf(state)
        const right = plain(state)
        for (let bit = from; bit < bytes.length * 8; bit += 7) {
          flip(bytes, bit)
          const read = readOrDamaged(() => {
            const reader = new ByteReader(bytes)
            const decoded = decodeState(reader)
            return reader.isAtEnd ? plain(decoded) : undefined
          })
          flip(bytes, bit)
          if (read !== undefined) assert.not.equal(read, right, `bit ${bit} says nothing`)
          flips += 1
        }
      }
    }),
    { seed, numRuns: 12 },
  )
  note(`${flips} flips`)
})

states('that has a reservation twice, or a key of no time that is, is damaged and no broken rule', () => {
  const shard = emptyShard()
  const made = { productId: 'a' as never, customerId: undefined, reference: undefined, quantity: 1 }
  const stock = { type: 'StockAdjusted', productId: 'a' as never, version: 1, delta: 2, onHand: 2 } as const
  evolve(shard, { ...stock, reason: '', reference: undefined }, noonMs)
  for (const [n, available] of [1, 0].entries()) {
    const place = { version: n + 2, reservationId: idOf(n), expiresAtMs: noonMs, available }
    evolve(shard, { type: 'UnitsHeld', ...made, ...place }, noonMs)
  }
  const bytes = bytesOf(shard)
  // Rows begin with the first words of an id, and have its end in their word 14.
  const packed = new Int32Array(packedWords)
  assert.ok(packId(idOf(0), packed))
  const first = bytes.indexOf(Buffer.from(packed.buffer).subarray(0, 16))
  assert.ok(first > 0)
  bytes.copyWithin(first + rowBytes, first, first + 16)
  bytes.copyWithin(first + rowBytes + 56, first + 56, first + 60)
  assert.throws(() => decodeState(new ByteReader(bytes)), isDamaged)

  const keyed = emptyShard()
  const [hash, fingerprint] = ['h'.repeat(16) as KeyHash, 'f'.repeat(8) as Fingerprint]
  evolve(keyed, { type: 'KeyAnswered', hash, fingerprint, answer: '' }, 2 ** 48 - 1)
  const late = bytesOf(keyed)
  const time = late.indexOf(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f]))
  assert.ok(time > 0)
  late[time + 6] = 0x7f
  assert.throws(() => decodeState(new ByteReader(late)), isDamaged)
})

states.run()

const events = suite('an event with any bit flipped')

events('is not read, or is another event', () => {
  let flips = 0
  fc.assert(
    fc.property(anyEvent, fc.nat({ max: 10 }), (event, from) => {
      const writer = new ByteWriter(16)
      writeEvent(writer, event, noonMs)
      const bytes = writer.toBytes()
      for (let bit = from; bit < bytes.length * 8; bit += 11) {
        flip(bytes, bit)
        const read = readOrDamaged(() => {
          const reader = new ByteReader(bytes)
          const other = readEvent(reader, noonMs)
          return reader.isAtEnd ? other : undefined
        })
        flip(bytes, bit)
        if (read !== undefined) assert.not.equal(read, event, `bit ${bit} says nothing`)
        flips += 1
      }
    }),
    { seed, numRuns: 400 },
  )
  note(`${flips} flips`)
})

events.run()

/** `undefined` where the bytes are refused, as they may be; whatever else is thrown goes on. */
function readOrDamaged<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof BytesDamaged) return undefined
    throw error
  }
}

function flip(bytes: Buffer, bit: number): void {
  bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
}

function bytesOf(state: ShardState): Buffer {
  return Buffer.from(encodeState(state))
}

/** A sale that says nothing and one whose five limits are absent are the same. */
function plain(state: ShardState) {
  return JSON.parse(JSON.stringify(portraitOf(state)))
}

function isDamaged(error: Error): boolean {
  return error instanceof BytesDamaged
}
