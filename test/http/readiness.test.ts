import * as assert from 'uvu/assert'
import type { WorkerState } from '../../src/actors/protocol.ts'
import { readinessOf } from '../../src/http/readiness.ts'
import { suite } from '../support/suite.ts'

const LISTENER = { name: 'listener', ready: true }

function ofWorker(state: WorkerState) {
  return readinessOf([{ worker: 0, state }], { isClosing: false })
}

const test = suite('readiness')

test('is given where every worker serves and the listener stays', () => {
  const workers = [0, 1].map((worker) => ({ worker, state: { type: 'ready', room: 'all' } as const }))
  assert.equal(readinessOf(workers, { isClosing: false }), {
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
  const { ready, parts } = readinessOf([{ worker: 0, state: { type: 'ready', room: 'all' } }], {
    isClosing: false,
    damaged: 2,
  })
  assert.ok(ready)
  const tables = parts.find(({ name }) => name === 'tables')
  assert.not(tables?.ready)
  assert.match(tables?.reason ?? '', /^2 damaged rows/)
})

test('stays where nobody is told of events, and that is said', () => {
  const workers = [{ worker: 0, state: { type: 'ready', room: 'all' } as const }]
  const partOf = (trouble: 'broker' | 'journal' | 'tables' | undefined) => {
    const { ready, parts } = readinessOf(workers, { isClosing: false, events: { trouble } })
    assert.ok(ready)
    return parts.find(({ name }) => name === 'events')
  }
  assert.equal(partOf(undefined), { name: 'events', ready: true })
  for (const trouble of ['broker', 'journal', 'tables'] as const) {
    assert.not(partOf(trouble)?.ready)
    assert.match(partOf(trouble)?.reason ?? '', trouble)
  }
})

test('ends when the listener is told to go', () => {
  const { ready, parts } = readinessOf([], { isClosing: true })
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

test('names a restored backup that is not reconciled, and keeps the instance in rotation', () => {
  const of = (undecided: number) => readinessOf([], { isClosing: false, undecided })
  assert.ok(of(0).ready)
  const [sales] = of(0).parts
  assert.equal([sales?.name, sales?.ready], ['sales', false])
  assert.match(sales?.reason ?? '', /restored from a backup.*being reconciled/)
  assert.match(of(3).parts[0]?.reason ?? '', /3 payments are to be decided about/)
})

test('among several nodes stays while half of the shards are reached, and ends below that', () => {
  const worker = (index: number, isReady: boolean) => ({
    worker: index,
    state: isReady ? ({ type: 'ready', room: 'all' } as const) : ({ type: 'starting' } as const),
  })
  const of = (reached: number) =>
    readinessOf(
      [0, 1, 2, 3].map((index) => worker(index, index < reached)),
      { isClosing: false, isShared: true },
    ).ready
  assert.equal([4, 3, 2, 1, 0].map(of), [true, true, true, false, false])
})

test.run()
