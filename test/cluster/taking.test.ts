import * as assert from 'uvu/assert'
import { graceMs, shouldGive, shouldTake } from '../../src/cluster/taking.ts'
import { suite } from '../support/suite.ts'

const taking = suite('taking and giving')

const at = { self: 'a', isMeant: false, hasRoom: true, seenForMs: 0 }
const free = { type: 'free' } as const

taking('a free shard is taken at once by whom it is meant for, by others only if nobody comes', () => {
  assert.ok(shouldTake(free, { ...at, isMeant: true, hasRoom: false }))
  assert.not.ok(shouldTake(free, { ...at, seenForMs: graceMs }))
  assert.ok(shouldTake(free, { ...at, seenForMs: graceMs + 1 }))
  assert.not.ok(shouldTake(free, { ...at, hasRoom: false, seenForMs: 3 * graceMs }))
  assert.ok(shouldTake(free, { ...at, hasRoom: false, seenForMs: 3 * graceMs + 1 }))
})

taking('what is promised is taken by nobody else, and what is held by nobody', () => {
  assert.ok(shouldTake({ type: 'promised', to: 'a' }, at))
  assert.not.ok(shouldTake({ type: 'promised', to: 'b' }, { ...at, isMeant: true, seenForMs: 60_000 }))
  const held = { type: 'held', node: 'b', token: 't', address: '', to: undefined } as const
  assert.not.ok(shouldTake(held, { ...at, seenForMs: 60_000 }))
})

taking('a lease of its own that it no longer believes in is taken anew where it is meant for it', () => {
  const own = { type: 'held', node: 'a', token: 't', address: '', to: undefined } as const
  assert.ok(shouldTake(own, { ...at, isMeant: true }))
  assert.not.ok(shouldTake(own, { ...at, seenForMs: 60_000 }))
})

const given = { isMeant: true, isLeaving: false, isAlone: false, leaseMs: 1_000, nowMs: 10_000 }
const settled = { state: 'held', sinceMs: 9_000 } as const

taking('only what is held, is above the share and has settled is given away', () => {
  assert.ok(shouldGive(settled, given))
  assert.not.ok(shouldGive(settled, { ...given, isMeant: false }))
  assert.not.ok(shouldGive({ ...settled, sinceMs: 9_500 }, given))
  for (const state of ['claiming', 'claimed', 'leaving'] as const) {
    assert.not.ok(shouldGive({ ...settled, state }, given))
  }
})

taking('who leaves gives at once, to nobody only where there is nobody', () => {
  const leaving = { ...given, isLeaving: true }
  assert.ok(shouldGive({ ...settled, sinceMs: 10_000 }, leaving))
  assert.not.ok(shouldGive(settled, { ...leaving, isMeant: false }))
  assert.ok(shouldGive(settled, { ...leaving, isMeant: false, isAlone: true }))
})

taking.run()
