/** The writer's promises: J1 group commit in two stages, J2 no second try, J3 and J4 room, seals, marks and rolls. */
import { basename } from 'node:path'
import * as assert from 'uvu/assert'
import type { ShardId } from '../../../src/domain/ids.ts'
import {
  eventBytesMax,
  sealAgainMs,
  sealIdleMs,
  settlementRoomShare,
  storageRetryMs,
} from '../../../src/limits.ts'
import { type Frame, parseFrame } from '../../../src/persistence/journal/frame.ts'
import { markFileBytes, readMark } from '../../../src/persistence/journal/mark.ts'
import type { MemoryDisk } from '../../support/memory-disk.ts'
import { suite } from '../../support/suite.ts'
import { noonMs } from './values.ts'
import { journal, KIB, reached, recoverFrom, segmentsOf, type Written, written } from './writing.ts'

const [s0, s1] = [0, 1] as ShardId[] as [ShardId, ShardId]
const isSegment = (path: string) => path.endsWith('.segment')
const long = 'r'.repeat(1_000)

const commits = suite('group commit (J1)')

commits('reports a frame as durable only when its sync resolves', async () => {
  const run = await written()
  run.disk.holdSyncs = isSegment
  const restsOn = await run.append(s0, 3)
  assert.equal(run.durable, [])
  assert.is(run.writer.durableOrdinal, restsOn - 1)
  assert.equal(reached(recoverFrom(run.disk.afterPowerLoss())), [0, 0, 0, 0])
  run.disk.finishSyncs()
  await run.timers.settle()
  assert.equal(run.durable, [restsOn])
  assert.equal(reached(recoverFrom(run.disk.afterPowerLoss())), [3, 0, 0, 0])
})

commits('writes the next frame only when the one before it is durable, with all that gathered', async () => {
  const run = await written()
  run.disk.holdSyncs = isSegment
  await run.append(s0)
  const before = run.writer.counters.frames
  const offsets: number[] = []
  for (let n = 0; n < 5; n++) offsets.push(await run.append(n % 2 === 0 ? s0 : s1))
  assert.is(run.writer.counters.frames, before, 'nothing is written while a frame syncs')
  assert.is(new Set(offsets).size, 1, 'all of it rests on the one frame to come')
  run.disk.finishSyncs()
  await run.timers.settle()
  assert.is(run.writer.counters.frames, before + 1)
  assert.equal(run.durable, [2])
  assert.equal(offsets, [3, 3, 3, 3, 3])
  run.disk.finishSyncs()
  await run.timers.settle()
  assert.equal(run.durable, [2, 3])
  const { ordinal, durableOrdinal, sections } = framesOn(run.disk)[2] as Frame
  assert.equal([ordinal, durableOrdinal, sections.length], [3, 2, 5])
})

commits('without anything gathered rests on the newest frame written', async () => {
  const run = await written()
  await run.append(s0)
  assert.is(run.writer.restsOn, 2)
  run.disk.holdSyncs = isSegment
  await run.append(s0)
  assert.equal([run.writer.restsOn, run.writer.durableOrdinal], [3, 2])
})

commits('refuses sections that skip a sequence, go back in time, or are of other shards', async () => {
  const run = await written({ shards: [s0] })
  await run.append(s0)
  const nowMs = run.timers.clock.wallMs()
  assert.throws(() => run.writer.beginSection(s0, 3, nowMs), /no gaps/)
  assert.throws(() => run.writer.beginSection(s0, 1, nowMs), /no gaps/)
  assert.throws(() => run.writer.beginSection(s0, 2, nowMs - 1), /go back/)
  assert.throws(() => run.writer.beginSection(s1, 1, nowMs), /its own shards/)
})

commits.run()

const seals = suite('seals and marks')

seals(
  'say nothing before the file that they stand in is whole, whatever a loss of power leaves of it',
  async () => {
    const { disk, timers } = await written()
    const path = `${journal}/00000002-w000.mark`
    let images = 0
    disk.onChange = () => {
      for (const { name, disk: image } of disk.images()) {
        if (!image.files(journal).includes(basename(path))) continue
        const bytes = image.bytesOf(path)
        if (bytes.some((byte) => byte !== 0)) assert.is(bytes.length, markFileBytes, name)
        images += 1
      }
    }
    await written({ disk, timers })
    assert.ok(images > 20, `${images} images have the file`)
  },
)

seals('come when it was quiet for a while, the mark after the seal is durable', async () => {
  const run = await written()
  await run.append(s0)
  await run.timers.advance(sealIdleMs - 1)
  assert.is(run.writer.counters.seals, 0)
  run.disk.holdSyncs = isSegment
  await run.timers.advance(2)
  assert.is(run.writer.counters.seals, 1)
  assert.equal(markOf(run), { type: 'mark', ordinal: 1, damagedSlots: 0 }, 'as it was at the opening')
  run.disk.finishSyncs()
  await run.timers.settle()
  assert.equal(markOf(run), { type: 'mark', ordinal: 3, damagedSlots: 0 })
  assert.equal(
    framesOn(run.disk).map(({ kind }) => kind),
    ['open', 'batch', 'seal'],
  )
})

seals('come once, and then hourly, to record that time went on', async () => {
  const run = await written()
  await run.append(s0)
  await run.timers.advance(50 * sealIdleMs)
  assert.is(run.writer.counters.seals, 1)
  const { calls } = run.disk
  await run.timers.advance(1_000 * sealIdleMs)
  assert.is(run.disk.calls, calls)
  await run.timers.advance(3 * sealAgainMs)
  assert.is(run.writer.counters.seals, 4)
  const { lastTimeMs } = recoverFrom(run.disk)
  assert.ok(lastTimeMs >= noonMs + 3 * sealAgainMs, new Date(lastTimeMs).toISOString())
})

seals('of a quiet year roll to new segments, and need no more than one', async () => {
  const run = await written()
  await run.append(s0)
  for (let hour = 0; hour < 366 * 24; hour++) await run.timers.advance(sealAgainMs)
  assert.equal(run.failures, [])
  assert.ok(run.rolls.length > 5)
  await run.close()
  assert.is(reached(recoverFrom(run.disk))[0], 1)
})

seals('never say more than is durable', async () => {
  const run = await written()
  for (let n = 0; n < 20; n++) {
    await run.append(s0)
    if (n % 3 === 0) await run.timers.advance(sealIdleMs + 1)
    const mark = readMark(run.disk.afterPowerLoss().session(), `${journal}/00000001-w000.mark`)
    if (mark.type === 'mark') assert.ok(mark.ordinal <= run.writer.durableOrdinal)
  }
})

seals('are not put between a frame that is gathered and its replies', async () => {
  const run = await written()
  await run.append(s0)
  run.disk.holdSyncs = isSegment
  await run.timers.advance(sealIdleMs + 1)
  const restsOn = await run.append(s0)
  assert.is(restsOn, 4, 'behind the seal that syncs')
  run.disk.finishSyncs()
  await run.timers.settle()
  assert.equal(
    framesOn(run.disk).map(({ kind }) => kind),
    ['open', 'batch', 'seal', 'batch'],
  )
})

seals('are given up where the segment is not in its place any more (FAULTS.md, 32)', async () => {
  const run = await written()
  await run.append(s0)
  const [path] = segmentsOf(run.disk)
  run.disk.session().remove(path as string)
  await run.timers.advance(sealIdleMs + 1)
  assert.is(run.failures.length, 1)
  assert.match(String(run.failures[0]), /moved or removed/)
})

seals.run()

const rolls = suite('segments')

rolls(
  'are prepared ahead, zero-filled and durable with their names, before they are needed (J3)',
  async () => {
    const run = await written({ segmentBytes: 64 * KIB })
    const [, next] = segmentsOf(run.disk.afterPowerLoss())
    assert.ok(next, 'the second one survives power loss as soon as the first is open')
    const bytes = run.disk.afterPowerLoss().bytesOf(next)
    assert.is(bytes.length, 64 * KIB)
    assert.ok(bytes.every((byte) => byte === 0))
  },
)

rolls(
  'follow each other without a gap, and each begins with an opening that says where all go on',
  async () => {
    const run = await written({ segmentBytes: 64 * KIB })
    for (let n = 0; n < 200; n++) await run.append(n % 3 === 0 ? s1 : s0, 1, long)
    assert.ok(run.rolls.length >= 2)
    assert.equal(
      run.rolls,
      run.rolls.map((_, n) => n + 2),
    )
    const all = framesOn(run.disk)
    all.forEach(({ ordinal, previous }, n) => {
      assert.is(ordinal, n + 1)
      if (n > 0) assert.is(previous, all[n - 1]?.link)
    })
    assert.is(all.filter(({ kind }) => kind === 'open').length, run.rolls.length + 1)
    assert.equal(reached(recoverFrom(run.disk.afterPowerLoss())).slice(0, 2), [
      run.newest(s0),
      run.newest(s1),
    ])
  },
)

rolls('mark the old one as durable', async () => {
  const run = await written({ segmentBytes: 64 * KIB })
  while (run.rolls.length === 0) await run.append(s0, 1, long)
  const mark = markOf(run)
  assert.is(mark.type, 'mark')
  if (mark.type === 'mark') assert.ok(mark.ordinal >= framesIn(run.disk, 0).length)
})

rolls('hold whatever one turn may gather, at every size of the last frame before', async () => {
  for (let filler = 0; filler < 40; filler++) {
    const run = await written({ segmentBytes: 64 * KIB })
    for (let n = 0; n < 60; n++) {
      if (run.writer.isFull() || run.writer.room !== 'all') break
      run.gather(s0, 1, 'x'.repeat(n === 0 ? filler * 25 : 1_000))
    }
    run.writer.flush()
    await run.timers.settle()
    for (let n = 0; n < 80; n++) await run.append(s0, 1, long)
    assert.equal(run.failures, [])
    run.end()
  }
})

rolls.run()

const rooms = suite('room (J4)')

rooms('is kept for settlements where no next segment can be had, and then there is none', async () => {
  const run = await full()
  const { room } = run.writer
  assert.is(room, 'all')
  const seen = new Set<string>()
  for (let n = 0; n < 200 && run.writer.room !== 'none'; n++) {
    seen.add(run.writer.room)
    await run.append(s0, 1, long)
  }
  assert.equal([...seen], ['all', 'settlements'])
  assert.is(run.writer.room, 'none')
  assert.equal(run.failures, [], 'the last event fitted too')
  assert.is(run.rolls.length, 1)
})

rooms('for settlements is at least its share of a segment, less than one event of the largest', async () => {
  const run = await full()
  while (run.writer.room === 'all') await run.append(s0, 1, long)
  let bytes = 0
  while (run.writer.room === 'settlements') {
    const before = run.writer.counters.bytes
    await run.append(s0)
    bytes += run.writer.counters.bytes - before
  }
  assert.ok(bytes >= 64 * KIB * settlementRoomShare - eventBytesMax, `${bytes} bytes of settlements`)
})

rooms('that is gathered but not written counts as used', async () => {
  const run = await full()
  run.disk.holdSyncs = isSegment
  await run.append(s0)
  let gathered = 0
  while (run.writer.room !== 'none' && gathered < 200) {
    run.gather(s0, 1, long)
    gathered += 1
  }
  assert.ok(gathered > 10)
  run.disk.holdSyncs = undefined
  run.disk.finishSyncs()
  await run.timers.settle()
  assert.equal(run.failures, [])
  assert.is(run.writer.durableOrdinal, run.writer.restsOn)
})

rooms('comes back when a next segment can be made', async () => {
  const run = await full()
  while (run.writer.room !== 'none') await run.append(s0, 1, long)
  assert.is(String((run.storage.at(-1) as Error).message).startsWith('ENOSPC'), true)
  await run.timers.advance(3 * storageRetryMs)
  assert.is(run.writer.room, 'none')
  run.disk.heal()
  await run.timers.advance(storageRetryMs + 1)
  assert.is(run.writer.room, 'all')
  assert.is(run.storage.at(-1), undefined)
  for (let n = 0; n < 80; n++) await run.append(s0, 1, long)
  assert.is(reached(recoverFrom(run.disk.afterPowerLoss()))[0], run.newest(s0))
})

rooms('is left enough for the seal of a shutdown', async () => {
  const run = await full()
  while (run.writer.room !== 'none') {
    await run.append(s0, 1, run.writer.room === 'all' ? long : 'count')
    await run.timers.advance(sealIdleMs + 1)
  }
  await run.close()
  assert.equal(run.failures, [])
  assert.is(reached(recoverFrom(run.disk.afterPowerLoss()))[0], run.newest(s0))
})

rooms.run()

const failing = suite('a failing disk (J2)')

for (const code of ['EIO', 'ENOSPC', 'EROFS'] as const) {
  failing(`${code} on a write: reported once, nothing tried again, nothing durable after`, async () => {
    const run = await written()
    await run.append(s0)
    run.disk.fail({ code, kinds: ['write'], path: /segment$/ })
    const durable = [...run.durable]
    await run.append(s0)
    assert.is(run.failures.length, 1)
    const { calls } = run.disk
    run.writer.flush()
    await run.timers.advance(10 * sealIdleMs)
    assert.is(run.disk.calls, calls)
    assert.equal(run.durable, durable)
    assert.is(run.failures.length, 1)
    assert.throws(() => run.gather(s0, 1), /takes no events/)
  })

  failing(
    `${code} on a sync, which would succeed the next time: no second sync, nothing durable`,
    async () => {
      const run = await written()
      await run.append(s0)
      const durable = [...run.durable]
      run.disk.fail({ code, kinds: ['sync'], path: /-000001\.segment$/ })
      const { syncs } = run.writer.counters
      await run.append(s0)
      run.writer.flush()
      await run.timers.advance(10 * sealIdleMs)
      assert.is(run.failures.length, 1)
      assert.equal(run.durable, durable)
      assert.is(run.writer.counters.syncs, syncs)
    },
  )
}

failing('what was gathered behind a failing frame is never written', async () => {
  const run = await written()
  run.disk.holdSyncs = isSegment
  await run.append(s0)
  await run.append(s0)
  const { frames } = run.writer.counters
  run.disk.failSyncs('EIO')
  await run.timers.settle()
  run.writer.flush()
  assert.is(run.writer.counters.frames, frames)
  assert.is(run.failures.length, 1)
})

failing('a mark that cannot be written ends the writer too', async () => {
  const run = await written()
  run.disk.fail({ code: 'EIO', kinds: ['sync'], path: /mark$/ })
  await run.append(s0)
  await run.timers.advance(sealIdleMs + 1)
  assert.is(run.failures.length, 1)
})

failing('a next segment that cannot be made does not: it is told, and tried again', async () => {
  const run = await written()
  run.disk.fail({ code: 'ENOSPC', kinds: ['writeLater'], path: /-000003/ })
  while (run.rolls.length === 0) await run.append(s0, 1, long)
  assert.is(run.failures.length, 0)
  assert.ok(run.storage.at(-1))
  assert.equal(segmentsOf(run.disk).length, 2, 'what was begun is gone')
  await run.timers.advance(storageRetryMs + 1)
  assert.is(run.storage.at(-1), undefined)
  assert.equal(segmentsOf(run.disk).length, 3)
})

failing('a next segment of which something was left behind is made all the same', async () => {
  const run = await written()
  run.disk.fail({ code: 'ENOSPC', kinds: ['writeLater'], path: /-000003/ })
  run.disk.fail({ code: 'EROFS', kinds: ['remove'], path: /-000003/ })
  while (run.rolls.length === 0) await run.append(s0, 1, long)
  assert.ok(run.storage.at(-1))
  assert.equal(segmentsOf(run.disk).length, 3, 'what was begun is left')
  await run.timers.advance(2 * storageRetryMs)
  assert.is(run.storage.at(-1), undefined)
  assert.is(run.writer.room, 'all')
})

failing.run()

const closing = suite('closing')

closing('leaves a sealed, marked and trimmed file, and no next segment', async () => {
  const run = await written()
  await run.append(s0, 5)
  run.gather(s1, 2)
  await run.close()
  assert.is(segmentsOf(run.disk).length, 1)
  const image = run.disk.afterPowerLoss()
  const [path, ...others] = segmentsOf(image)
  // The name of the next one may come back with the power; it is blank, and the next start removes it.
  for (const other of others) assert.ok(image.bytesOf(other).every((byte) => byte === 0))
  const all = framesIn(image, 0)
  assert.equal(
    all.map(({ kind }) => kind),
    ['open', 'batch', 'batch', 'seal'],
  )
  assert.is(
    image.bytesOf(path as string).length,
    all.reduce((sum, { bytes }) => sum + bytes.length, 0),
  )
  assert.equal(markOf(run, image), { type: 'mark', ordinal: 4, damagedSlots: 0 })
  assert.equal(reached(recoverFrom(image)).slice(0, 2), [5, 2])
})

closing('waits for the frame that syncs and writes the one that gathered', async () => {
  const run = await written()
  run.disk.holdSyncs = isSegment
  await run.append(s0)
  await run.append(s0)
  let isClosed = false
  const closed = run.writer.close().then(() => {
    isClosed = true
  })
  let syncs = 0
  for (; !isClosed && syncs < 100; syncs++) {
    await run.timers.settle()
    assert.is(isClosed, false)
    run.disk.finishSyncs(1)
    await run.timers.settle()
  }
  await closed
  assert.is(syncs, 4, 'two frames, the seal, the trimming')
  assert.is(reached(recoverFrom(run.disk.afterPowerLoss()))[0], 2)
})

closing('rejects where its last frame cannot become durable', async () => {
  const run = await written()
  run.disk.holdSyncs = isSegment
  await run.append(s0)
  const closed = run.writer.close().then(
    () => 'closed',
    () => 'rejected',
  )
  await run.timers.settle()
  run.disk.holdSyncs = undefined
  run.disk.failSyncs('EIO')
  await run.timers.settle()
  assert.is(await closed, 'rejected')
  assert.equal(run.durable, [])
})

closing.run()

/** A writer in its second segment on a disk with no room for a third. */
async function full(): Promise<Written> {
  const run = await written({ segmentBytes: 64 * KIB })
  run.disk.capacityBytes = run.disk.usedBytes
  while (run.rolls.length === 0) await run.append(s0, 1, long)
  return run
}

function framesOn(disk: MemoryDisk): Frame[] {
  return segmentsOf(disk).flatMap((_, n) => framesIn(disk, n))
}

function framesIn(disk: MemoryDisk, index: number): Frame[] {
  const bytes = disk.bytesOf(segmentsOf(disk)[index] as string)
  const all: Frame[] = []
  for (let at = 0; ; ) {
    const parsed = parseFrame(bytes, at)
    if (parsed.type !== 'frame') return all
    all.push(parsed.frame)
    at += parsed.frame.bytes.length
  }
}

function markOf({ disk, stream }: Written, image: MemoryDisk = disk) {
  const name = `${String(stream.epoch).padStart(8, '0')}-w000.mark`
  return readMark(image.session(), `${journal}/${name}`)
}
