import * as assert from 'uvu/assert'
import type { WorkerState } from '../../src/actors/protocol.ts'
import { readinessOf, SharedReadiness } from '../../src/http/readiness.ts'
import { suite } from '../support/suite.ts'

const LISTENER = { name: 'listener', ready: true }

function ofWorker(state: WorkerState) {
  return readinessOf([{ worker: 0, state }], false)
}

const test = suite('readiness')

test('is given where every worker serves and the listener stays', () => {
  const workers = [0, 1].map((worker) => ({ worker, state: { type: 'ready', room: 'all' } as const }))
  assert.equal(readinessOf(workers, false), {
    ready: true,
    parts: [
      { name: 'worker-0', ready: true },
      { name: 'journal-0', ready: true },
      { name: 'worker-1', ready: true },
      { name: 'journal-1', ready: true },
      LISTENER,
    ],
  })
})

test('stays where rows of the tables are damaged, and that is said', () => {
  const { ready, parts } = readinessOf([{ worker: 0, state: { type: 'ready', room: 'all' } }], false, 2)
  assert.ok(ready)
  const tables = parts.find(({ name }) => name === 'tables')
  assert.not(tables?.ready)
  assert.match(tables?.reason ?? '', /^2 damaged rows/)
})

test('ends when the listener is told to go', () => {
  const { ready, parts } = readinessOf([], true)
  assert.not(ready)
  assert.equal(parts, [{ name: 'listener', ready: false, reason: 'shutting down' }])
})

for (const [state, reason] of [
  [{ type: 'starting' }, 'recovering'],
  [{ type: 'stopped', why: 'segment 3 is missing' }, 'segment 3 is missing'],
  [{ type: 'readOnly', why: 'the disk has no room' }, 'the disk has no room'],
] as const) {
  test(`is not given while a worker is ${state.type}, and says why`, () => {
    const expected = { ready: false, parts: [{ name: 'worker-0', ready: false, reason }, LISTENER] }
    assert.equal(ofWorker(state), expected)
  })
}

for (const [room, reason] of [
  ['settlements', /new reservations.*confirmed, released and returned/],
  ['none', /any change.*reads/i],
] as const) {
  test(`names a journal that has room for ${room} only, and keeps the instance in rotation`, () => {
    const { ready, parts } = ofWorker({ type: 'ready', room })
    assert.ok(ready)
    const [worker, journal] = parts
    assert.equal(worker, { name: 'worker-0', ready: true })
    assert.is(journal?.name, 'journal-0')
    assert.is(journal?.ready, false)
    assert.match(journal?.reason ?? '', reason)
  })
}

test.run()

const shared = suite('readiness of a node among others')
const ready = { type: 'ready', room: 'all' } as const
const starting = { type: 'starting' } as const

function among(...states: readonly WorkerState[]) {
  return states.map((state, worker) => ({ worker, state }))
}

shared('comes when it has met all shards, wherever they are', () => {
  const readiness = new SharedReadiness()
  assert.not(readiness.of(among(ready, starting), false).ready)
  assert.ok(readiness.of(among(ready, ready), false).ready)
})

shared('is not withheld for a shard that nobody can serve', () => {
  const stopped = { type: 'stopped', why: 'frame 3 is missing' } as const
  assert.ok(new SharedReadiness().of(among(ready, stopped), false).ready)
})

shared('stays while a shard changes hands, which is away from every node', () => {
  const readiness = new SharedReadiness()
  readiness.of(among(ready, ready), false)
  const { ready: isReady, parts } = readiness.of(among(ready, starting), false)
  assert.ok(isReady)
  assert.equal(
    parts.filter((part) => !part.ready).map(({ name }) => name),
    ['worker-1'],
  )
})

shared('ends where no shard answers any more, and when the listener is told to go', () => {
  const readiness = new SharedReadiness()
  assert.ok(readiness.of(among(ready, ready), false).ready)
  assert.not(readiness.of(among(starting, starting), false).ready)
  assert.not(readiness.of(among(ready, ready), true).ready)
})

shared.run()
