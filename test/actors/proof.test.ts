/** What a start takes for proven durable was read from memory, perhaps: it has to be on the disk before others rest on it. */
import * as assert from 'uvu/assert'
import { auditJournal } from '../../src/cli/verify/audit.ts'
import { sealIdleMs } from '../../src/limits.ts'
import {
  type InProcessEngine,
  inProcessEngine,
  journalDirectory,
  snapshotDirectory,
} from '../support/in-process-engine.ts'
import type { MemoryDisk } from '../support/memory-disk.ts'
import { suite } from '../support/suite.ts'
import { isError, isUnanswered, phone, reserve, setStock, stockOf } from './asking.ts'

const proof = suite('what was written and not synced when a process ended')

const ENDS: readonly (readonly [string, (first: InProcessEngine) => Promise<void>])[] = [
  [
    'a seal that says that the frame before is durable',
    async (first) => {
      const { disk } = first
      disk.holdSyncs = isSegment
      await first.advance(2 * sealIdleMs)
      assert.ok(disk.heldSyncs.length > 0, 'its sync is under way')
    },
  ],
  [
    'the same, whose sync failed: no later one brings it to the disk',
    async (first) => {
      const { disk } = first
      disk.holdSyncs = isSegment
      await first.advance(2 * sealIdleMs)
      disk.failSyncs('EIO')
      await first.advance(1)
    },
  ],
]

for (const [what, ends] of ENDS) {
  proof(`outlasts the power once a successor rests on it: ${what}`, async () => {
    const first = await inProcessEngine()
    await first.ask(setStock(phone, 5))
    await first.ask(reserve(first))
    await ends(first)
    first.crash()
    first.disk.holdSyncs = undefined
    const next = await inProcessEngine({ disk: first.disk, timers: first.timers, workers: 2 })
    await next.ask(reserve(next))
    next.crash()
    const image = next.disk.afterPowerLoss()
    assert.equal(damageIn(image), [])
    assert.is((await stockOf(await inProcessEngine({ disk: image, timers: first.timers }))).held, 2)
  })
}

proof(
  'outlasts the power once a successor rests on it: an opening, and the frames carried ahead of it',
  async () => {
    const first = await inProcessEngine()
    await first.ask(setStock(phone, 5))
    first.disk.holdSyncs = isSegment
    const unanswered = first.call(reserve(first))
    await first.settle()
    first.crash()
    isUnanswered(unanswered)
    // A segment's first sync is of its zeros, the second of its opening.
    const synced = new Set<string>()
    first.disk.holdSyncs = (path) => isSegment(path) && synced.size === synced.add(path).size
    const second = await inProcessEngine({ disk: first.disk, timers: first.timers, workers: 2 })
    assert.is(second.worker().state.type, 'starting')
    second.crash()
    first.disk.holdSyncs = undefined
    const third = await inProcessEngine({ disk: first.disk, timers: first.timers, workers: 3 })
    assert.is((await stockOf(third)).held, 1)
    third.crash()
    const image = third.disk.afterPowerLoss()
    assert.equal(damageIn(image), [])
    assert.is((await stockOf(await inProcessEngine({ disk: image, timers: first.timers }))).held, 1)
  },
)

proof.run()

const lies = suite('a disk that says that it has synced, and has not (FAULTS.md, 21)')

lies('is found out at the next start by what the mark says, and nothing is sold', async () => {
  const world = await inProcessEngine()
  await world.ask(setStock(phone, 5))
  await world.advance(2 * sealIdleMs)
  world.disk.lyingSyncs = isSegment
  await world.ask(reserve(world))
  await world.advance(2 * sealIdleMs)
  world.crash()
  const image = world.disk.afterPowerLoss()
  assert.ok(damageIn(image).length > 0, 'verify says so too')
  const next = await inProcessEngine({ disk: image, timers: world.timers })
  const { state } = next.worker()
  assert.is(state.type, 'stopped')
  if (state.type === 'stopped') assert.match(state.why, /durable/)
  const refused = next.call(reserve(next))
  await next.settle()
  isError(refused, 'shard-unavailable')
})

lies.run()

function damageIn(disk: MemoryDisk): readonly string[] {
  const place = { disk: disk.session(), journal: journalDirectory, snapshots: snapshotDirectory }
  const files = { ...place, root: '/data', shards: 4, recordProblem: undefined, isLive: () => false }
  return auditJournal(files).findings.flatMap(({ kind, reason }) => (kind === 'damaged' ? [reason] : []))
}

function isSegment(path: string): boolean {
  return path.endsWith('.segment')
}
