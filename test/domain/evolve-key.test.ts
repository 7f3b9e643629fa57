/** Events of idempotency keys. */
import * as assert from 'uvu/assert'
import type { Event } from '../../src/domain/events.ts'
import { evolve } from '../../src/domain/evolve.ts'
import { footprintOf } from '../../src/domain/footprint.ts'
import type { Fingerprint, KeyHash } from '../../src/domain/key-table.ts'
import { emptyShard, type ShardState } from '../../src/domain/stock.ts'
import { suite } from '../support/suite.ts'
import { noonMs } from './examples.ts'
import { isBroken } from './given.ts'
import { split1, split2 } from './split-examples.ts'

const hashOf = (n: number) => String(n).padStart(16, '0') as KeyHash
const fingerprint = 'body one' as Fingerprint

const claimed = (n: number, reservationId = split1): Event => {
  return { type: 'KeyClaimed', hash: hashOf(n), fingerprint, reservationId }
}
const answered = (n: number, answer: string): Event => {
  return { type: 'KeyAnswered', hash: hashOf(n), fingerprint, answer }
}

const keys = suite('the keys of a shard')

keys('are claimed, answered, freed and forgotten, the oldest first', () => {
  const shard = after(claimed(1), answered(2, 'two'), claimed(3, split2), answered(1, 'one'))
  assert.equal(shard.keys.find(hashOf(1)), {
    hash: hashOf(1),
    fingerprint,
    kind: 'answer',
    atMs: noonMs + 3,
    value: 'one',
  })
  assert.equal(namesIn(shard), ['two', split2, 'one'])
  assert.equal(namesIn(after(claimed(1), { type: 'KeyFreed', hash: hashOf(1) })), [])
  evolve(shard, { type: 'KeysForgotten', count: 2 }, noonMs)
  assert.equal(namesIn(shard), ['one'])
})

keys('take the heap only for what does not fit their cell', () => {
  const short = after(claimed(1)).footprintBytes
  assert.is(after(answered(1, 'x'.repeat(32))).footprintBytes, short)
  assert.ok(after(answered(1, 'x'.repeat(33))).footprintBytes > short + 33)
  const long = after(answered(1, 'x'.repeat(500)), claimed(2), answered(3, 'y'.repeat(90)))
  assert.is(long.footprintBytes, footprintOf(long))
  for (const event of [
    answered(1, 'x'),
    { type: 'KeyFreed', hash: hashOf(2) } as const,
    { type: 'KeysForgotten', count: 1 } as const,
    { type: 'KeysForgotten', count: 1 } as const,
  ]) {
    evolve(long, event, noonMs)
    assert.is(long.footprintBytes, footprintOf(long))
  }
  assert.is(long.footprintBytes, 0)
})

keys('that are not there cannot be freed, nor more forgotten than there are', () => {
  const breaks = (history: readonly Event[], event: Event, message: RegExp) => {
    const shard = after(...history)
    assert.throws(() => evolve(shard, event, noonMs), isBroken(message))
  }
  breaks([], { type: 'KeyFreed', hash: hashOf(1) }, /names what exists/)
  breaks([claimed(1)], { type: 'KeyFreed', hash: hashOf(2) }, /names what exists/)
  breaks([claimed(1)], { type: 'KeysForgotten', count: 2 }, /than there are/)
  const short: Event = { type: 'KeyAnswered', hash: 'x' as KeyHash, fingerprint, answer: '' }
  breaks([], short, /16 characters/)
})

keys.run()

function after(...events: readonly Event[]): ShardState {
  const shard = emptyShard()
  events.forEach((event, later) => void evolve(shard, event, noonMs + later))
  return shard
}

function namesIn({ keys: table }: ShardState): string[] {
  return [...table.values()].map(({ value }) => value)
}
