/** From files back to state: carry, fences, torn tails, damage, snapshots, and any number of workers (C1 to C4). */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { ShardId } from '../../../src/domain/ids.ts'
import { sealIdleMs } from '../../../src/limits.ts'
import { crc32c } from '../../../src/persistence/journal/crc32c.ts'
import { frameHeaderBytes, parseFrame } from '../../../src/persistence/journal/frame.ts'
import { nextEpoch } from '../../../src/persistence/journal/segments.ts'
import { writeSnapshot } from '../../../src/persistence/journal/snapshot.ts'
import { JournalDamaged } from '../../../src/persistence/journal/streams.ts'
import type { MemoryDisk } from '../../support/memory-disk.ts'
import { note, suite } from '../../support/suite.ts'
import { seed } from './values.ts'
import {
  allShards,
  clearLeftovers,
  journal,
  KIB,
  reached,
  recoverFrom,
  sameBytes,
  segmentsOf,
  shardsOfData,
  snapshots,
  Written,
  written,
} from './writing.ts'

const [s0, s1, s2] = allShards as [ShardId, ShardId, ShardId]
const isSegment = (path: string) => path.endsWith('.segment')
const long = 'r'.repeat(1_000)

const carries = suite('what is not proven durable')

carries(
  'is written anew, and survives although the pages of its failed sync are lost afterwards',
  async () => {
    const run = await written()
    await run.append(s0, 2)
    await loseFrame(run, () => run.append(s0, 3))
    const next = await written({ disk: run.disk, timers: run.timers })
    assert.is(next.recovery?.carry.length, 1)
    assert.equal(reached(next.recovery as never)[0], 5)
    assert.equal(reached(recoverFrom(run.disk.afterPowerLoss()))[0], 5)
  },
)

carries('is written anew with the opening before it, where it begins a segment', async () => {
  const run = await written()
  await loseRoll(run)
  const total = run.newest(s0)
  const next = await written({ disk: run.disk, timers: run.timers })
  assert.is(reached(next.recovery as never)[0], total)
  assert.is(reached(recoverFrom(run.disk.afterPowerLoss()))[0], total)
})

carries('is written anew again by the next start, where the first lost its own opening too', async () => {
  const run = await written()
  await run.append(s0, 2)
  await loseFrame(run, () => run.append(s0, 3))
  // The second start writes the frame anew, and then the sync of its own opening fails.
  run.disk.fail({ code: 'EIO', kinds: ['sync'], path: /00000002-w000-000001/, nth: 2 })
  await rejects(written({ disk: run.disk, timers: run.timers }))
  const third = await written({ disk: run.disk, timers: run.timers })
  assert.is(reached(third.recovery as never)[0], 5)
  assert.is(reached(recoverFrom(run.disk.afterPowerLoss()))[0], 5)
})

carries('is written anew again where the second start was killed before its opening was synced', async () => {
  const run = await written()
  await run.append(s0, 2)
  await loseFrame(run, () => run.append(s0, 3))
  const second = new Written({ disk: run.disk, timers: run.timers })
  run.disk.holdSyncs = (path) => path.includes('00000002-w000-000001') && openingIsWritten(run.disk)
  await rejects(second.open())
  second.end()
  // What the second wrote as its opening is seen by the third, and the power then takes it.
  run.disk.failSyncs('EIO')
  run.disk.holdSyncs = undefined
  const third = await written({ disk: run.disk, timers: run.timers })
  assert.is(reached(third.recovery as never)[0], 5)
  assert.is(reached(recoverFrom(run.disk.afterPowerLoss()))[0], 5)
})

carries('is carried by each of several new workers, whichever of them starts', async () => {
  const run = await written()
  await loseFrame(run, async () => {
    for (const shard of allShards) run.gather(shard, 2)
    run.writer.flush()
    await run.timers.settle()
  })
  const even = await written({ disk: run.disk, timers: run.timers, worker: 0, shards: [s0, s2] })
  even.end()
  const image = run.disk.afterPowerLoss()
  assert.equal(reached(recoverFrom(image, { shards: [s0, s2] })), [2, 2])
  const odd = await written({ disk: image, worker: 1, shards: [s1, allShards[3] as ShardId] })
  assert.equal(reached(odd.recovery as never), [2, 2])
  assert.equal(reached(recoverFrom(image.afterPowerLoss())), [2, 2, 2, 2])
})

carries('is nothing where a seal, or a later frame, says that it was durable', async () => {
  const run = await written()
  await run.append(s0)
  await run.timers.advance(sealIdleMs + 1)
  run.end()
  assert.is(recoverFrom(run.disk).carry.length, 0)
})

carries('that is not carried whole stops the shards (C4)', async () => {
  const run = await written()
  await loseFrame(run, () => run.append(s0, 3))
  const next = await written({ disk: run.disk, timers: run.timers })
  await next.append(s0)
  next.end()
  const [carried] = segmentsOf(run.disk).filter((path) => path.includes('-000000.'))
  run.disk.flip(carried as string, 70)
  assert.throws(() => recoverFrom(run.disk), damaged(/carried frame/, carried as string, 0))
})

carries.run()

const fences = suite('a take-over')

fences('leaves what the old epoch writes afterwards out of account', async () => {
  const old = await written()
  await old.append(s0, 2)
  const next = await written({ disk: old.disk, timers: old.timers })
  await next.append(s0, 3)
  await old.append(s0, 4)
  await old.append(s1, 4)
  assert.is(reached(recoverFrom(old.disk))[0], 5)
  assert.is(reached(recoverFrom(old.disk))[1], 0)
  await next.append(s0)
  const third = await written({ disk: old.disk, timers: old.timers })
  assert.equal(reached(third.recovery as never).slice(0, 2), [6, 0])
})

fences('of some shards leaves the others to the old epoch', async () => {
  const old = await written()
  await old.append(s0, 2)
  await old.append(s1, 2)
  old.end()
  const next = await written({ disk: old.disk, timers: old.timers, shards: [s0], worker: 1 })
  await next.append(s0)
  assert.equal(reached(recoverFrom(old.disk)), [3, 2, 0, 0])
})

fences('that says the old epoch had more than can be found stops the shard', async () => {
  const old = await written()
  await old.append(s0, 2)
  await old.append(s0, 2)
  old.end()
  const next = await written({ disk: old.disk, timers: old.timers })
  await next.append(s0)
  next.end()
  // The last frame of the old stream, with all it could be proven by, is gone as if it had never been.
  const [path] = segmentsOf(old.disk, 1)
  const bytes = old.disk.bytesOf(path as string)
  const last = offsetsIn(bytes).at(-1) as number
  bytes.fill(0, last)
  old.disk.place(path as string, bytes)
  old.disk.session().remove(segmentsOf(old.disk, 2)[0] as string)
  assert.throws(() => recoverFrom(old.disk), isDamage)
})

fences.run()

const tails = suite('the end of a journal')

tails('torn in its last frame is cut, kept aside, and gone on from', async () => {
  const run = await written()
  await run.append(s0, 2)
  await run.append(s0, 2)
  run.end()
  const [path] = segmentsOf(run.disk)
  const offsets = offsetsIn(run.disk.bytesOf(path as string))
  run.disk.flip(path as string, (offsets.at(-1) as number) + frameHeaderBytes)
  const next = await written({ disk: run.disk, timers: run.timers })
  assert.is(reached(next.recovery as never)[0], 2)
  assert.is(next.cuts.length, 1)
  assert.ok(run.disk.files(journal).includes((next.cuts[0] as string).slice(journal.length + 1)))
  await next.append(s0)
  assert.is(reached(recoverFrom(run.disk.afterPowerLoss()))[0], 3)
})

tails('torn at any byte of the last frame loses that frame and nothing else', async () => {
  const run = await written()
  await run.append(s0, 2)
  await run.append(s1, 2)
  run.end()
  const [path] = segmentsOf(run.disk)
  const bytes = run.disk.bytesOf(path as string)
  const [start, end] = [offsetsIn(bytes).at(-1) as number, endOf(bytes)]
  for (let cut = start; cut < end; cut++) {
    const torn = Buffer.from(bytes)
    torn.fill(0, cut)
    run.disk.place(path as string, torn)
    // A frame may itself end in zeros.
    const left = torn.equals(bytes) ? 2 : 0
    assert.equal(reached(recoverFrom(run.disk)).slice(0, 2), [2, left], `cut at ${cut}`)
    run.disk.place(path as string, bytes.subarray(0, cut))
    assert.equal(reached(recoverFrom(run.disk)).slice(0, 2), [2, 0], `truncated at ${cut}`)
  }
})

tails('of zeros, or none at all, is no frame (B19)', async () => {
  const run = await written()
  await run.append(s0, 2)
  run.end()
  const [path] = segmentsOf(run.disk)
  const bytes = run.disk.bytesOf(path as string)
  for (const size of [
    endOf(bytes),
    endOf(bytes) + 1,
    endOf(bytes) + 63,
    bytes.length,
    bytes.length + 4_096,
  ]) {
    const sized = Buffer.alloc(size)
    bytes.copy(sized)
    run.disk.place(path as string, sized)
    assert.is(reached(recoverFrom(run.disk))[0], 2)
  }
})

tails('is made tidy once: again does nothing', async () => {
  const run = await written()
  await run.append(s0, 2)
  run.end()
  const next = await written({ disk: run.disk, timers: run.timers })
  await next.close()
  const again = await written({ disk: run.disk, timers: run.timers })
  assert.equal(again.cuts, [])
  await again.close()
  assert.equal(
    run.disk.files(journal).filter((name) => name.includes('cut')),
    [],
  )
})

tails('of a stream that several workers take over from is left to the next start', async () => {
  const run = await written()
  await run.append(s0, 2)
  run.end()
  const { disk } = run
  const [path] = segmentsOf(disk) as [string]
  disk.flip(path, (offsetsIn(disk.bytesOf(path)).at(-1) as number) + frameHeaderBytes)
  const before = disk.files(journal).filter((name) => name.startsWith('00000001'))
  const halves = [
    [s0, s2],
    [s1, allShards[3] as ShardId],
  ]
  for (const [worker, shards] of halves.entries()) {
    const half = await written({ disk, timers: run.timers, worker, shards })
    assert.equal(half.cuts, [])
    half.end()
  }
  assert.equal(
    disk.files(journal).filter((name) => name.startsWith('00000001')),
    before,
    'another may still be reading it',
  )
  const whole = recoverFrom(disk)
  assert.is(clearLeftovers(disk).length, 1)
  assert.is(disk.files(journal).filter((name) => /^00000001.*segment$/.test(name)).length, 1)
  sameBytes(recoverFrom(disk), whole)
  assert.equal(clearLeftovers(disk), [], 'once')
})

tails.run()

const damage = suite('damage')

damage('in a frame that was proven durable stops the shard, naming file and offset', async () => {
  const run = await written()
  for (let n = 0; n < 4; n++) await run.append(s0, 2)
  await run.timers.advance(sealIdleMs + 1)
  run.end()
  const [path] = segmentsOf(run.disk)
  const bytes = run.disk.bytesOf(path as string)
  for (const offset of offsetsIn(bytes).slice(1, -1)) {
    const image = run.disk.copy()
    image.flip(path as string, offset + frameHeaderBytes + 3)
    assert.throws(() => recoverFrom(image), damaged(/was durable and cannot be read/, path as string, offset))
  }
})

damage(
  'of any single bit is noticed, or costs nothing: never is an acknowledged event lost in silence',
  async () => {
    const run = await written({ segmentBytes: 64 * KIB })
    for (let n = 0; n < 70; n++)
      await run.append(allShards[n % 4] as ShardId, 1, n % 2 === 0 ? long : 'count')
    await run.timers.advance(sealIdleMs + 1)
    run.end()
    const whole = recoverFrom(run.disk)
    const { random } = chance(seed)
    const flips = 3_000
    let refused = 0
    const paths = segmentsOf(run.disk).filter((path) => endOf(run.disk.bytesOf(path)) > 0)
    for (let n = 0; n < flips; n++) {
      const path = paths[random(paths.length)] as string
      const [offset, bit] = [random(endOf(run.disk.bytesOf(path))), 1 << random(8)]
      run.disk.flip(path, offset, bit)
      assert.throws(() => recoverFrom(run.disk), isDamage, `flip ${bit} at ${offset} of ${path}`)
      run.disk.flip(path, offset, bit)
      refused += 1
    }
    // A mark is written twice over, so one flip costs nothing, or all that the file says.
    const mark = `${journal}/00000001-w000.mark`
    for (let offset = 0; offset < run.disk.bytesOf(mark).length; offset += offset === 32 ? 4_064 : 1) {
      for (let bit = 1; bit < 256; bit *= 2) {
        run.disk.flip(mark, offset, bit)
        try {
          sameBytes(recoverFrom(run.disk), whole)
        } catch (error) {
          if (!(error instanceof JournalDamaged)) throw error
          refused += 1
        }
        run.disk.flip(mark, offset, bit)
      }
    }
    note(`TEST_SEED=${seed}: ${flips} flips in segments, 520 in the mark, ${refused} refused`)
  },
)

damage('by blocks swapped, doubled, or from an older time is noticed (D38)', async () => {
  const run = await written()
  for (let n = 0; n < 12; n++) await run.append(s0, 1, long)
  await run.timers.advance(sealIdleMs + 1)
  run.end()
  const [path] = segmentsOf(run.disk)
  const bytes = run.disk.bytesOf(path as string)
  const offsets = offsetsIn(bytes)
  const frame = (n: number) => bytes.subarray(offsets[n] as number, offsets[n + 1] as number)
  const [one, two] = [Buffer.from(frame(2)), Buffer.from(frame(3))]
  for (const [name, pair] of [
    ['swapped', [two, one]],
    ['first twice', [one, one]],
    ['second twice', [two, two]],
  ] as const) {
    const changed = Buffer.from(bytes)
    pair[0].copy(changed, offsets[2])
    pair[1].copy(changed, (offsets[2] as number) + pair[0].length)
    run.disk.place(path as string, changed)
    assert.throws(() => recoverFrom(run.disk), isDamage, name)
  }
  const older = Buffer.from(bytes)
  bytes.copy(older, 4_096, 512, 1_024)
  run.disk.place(path as string, older)
  assert.throws(() => recoverFrom(run.disk), isDamage)
})

damage(
  'by a whole frame of another history is noticed, though it stands where one of its number would',
  async () => {
    const histories = await Promise.all(
      ['count', 'delay'].map(async (reason) => {
        const run = await written()
        for (const each of ['count', reason, 'count']) await run.append(s0, 1, each)
        await run.timers.advance(sealIdleMs + 1)
        run.end()
        return run
      }),
    )
    const [one, other] = histories.map(({ disk }) => disk) as [MemoryDisk, MemoryDisk]
    const [path] = segmentsOf(one) as [string]
    const [bytes, foreign] = [one.bytesOf(path), other.bytesOf(path)]
    const offsets = offsetsIn(bytes)
    assert.equal(offsetsIn(foreign), offsets)
    const [second, third] = offsets.slice(2) as [number, number]
    assert.ok(!bytes.subarray(second, third).equals(foreign.subarray(second, third)))
    foreign.copy(bytes, second, second, third)
    one.place(path, bytes)
    assert.throws(() => recoverFrom(one), isDamage)
  },
)

damage('by a segment that is missing is noticed', async () => {
  for (const missing of [0, 1]) {
    const run = await written()
    while (run.rolls.length < 2) await run.append(s0, 1, long)
    run.end()
    run.disk.session().remove(segmentsOf(run.disk)[missing] as string)
    assert.throws(() => recoverFrom(run.disk), isDamage)
  }
})

damage('by all segments of a stream that are missing is noticed, and its mark is kept', async () => {
  for (const isSealed of [false, true]) {
    const first = await written()
    await first.append(s0, 2)
    await first.close()
    const run = await written({ disk: first.disk, timers: first.timers })
    await run.append(s0, 3)
    if (isSealed) await run.close()
    else run.end()
    for (const path of segmentsOf(run.disk, 2)) run.disk.session().remove(path)
    assert.throws(() => recoverFrom(run.disk), isDamage)
    assert.throws(() => clearLeftovers(run.disk), isDamage)
    assert.ok(run.disk.files(journal).includes('00000002-w000.mark'))
    assert.is(nextEpoch(run.disk.session(), journal), 3, 'no other stream gets its name')
  }
})

damage('in the opening of a stream that served is noticed, and the stream is no leftover', async () => {
  const run = await written()
  await run.append(s0, 3)
  run.end()
  run.disk.flip(segmentsOf(run.disk)[0] as string, 30)
  assert.throws(() => recoverFrom(run.disk), isDamage)
  assert.throws(() => clearLeftovers(run.disk), isDamage)
})

damage(
  'of another kind: a file of another format or of another program is refused, not removed',
  async () => {
    const run = await written()
    await run.append(s0, 3)
    run.end()
    const [path] = segmentsOf(run.disk)
    const bytes = run.disk.bytesOf(path as string)
    const foreign = `${journal}/00000002-w000-000001.segment`
    for (const [name, content, why] of [
      ['other format', withVersion(bytes, 2), /format 2/],
      ['foreign', Buffer.from('SQLite format 3\0'.repeat(500)), /./],
      ['a text', Buffer.from('what is this doing here?\n'.repeat(200)), /./],
    ] as const) {
      const image = run.disk.copy()
      image.place(foreign, content)
      assert.throws(
        () => recoverFrom(image),
        (error: Error) => error instanceof JournalDamaged && why.test(error.message),
        name,
      )
      assert.throws(() => clearLeftovers(image), isDamage, name)
      assert.ok(image.bytesOf(foreign).equals(content), name)
    }
  },
)

damage('by data of another number of shards is refused', async () => {
  const run = await written()
  await run.append(s0)
  run.end()
  assert.throws(() => recoverFrom(run.disk, { shardsOfData: 8 }), /written for 4 shards, not 8/)
})

damage.run()

const leftovers = suite('starts that came to nothing')

leftovers('are removed, with nothing else, and their epoch can be used again', async () => {
  const run = await written()
  await run.append(s0, 3)
  run.end()
  const { disk } = run
  for (const at of ['000001', 'mark']) {
    disk.fail({
      code: 'EIO',
      kinds: at === 'mark' ? ['write'] : ['sync'],
      path: new RegExp(`00000002-.*${at}`),
    })
    await rejects(written({ disk, timers: run.timers }))
    disk.heal()
    clearLeftovers(disk)
    assert.equal(segmentsOf(disk, 2), [])
    assert.is(reached(recoverFrom(disk))[0], 3)
  }
  const next = await written({ disk, timers: run.timers })
  assert.is(next.stream.epoch, 2)
})

leftovers('are removed wherever their opening was torn, within its first bytes too', async () => {
  const run = await written()
  await run.append(s0, 3)
  run.end()
  const parsed = parseFrame(run.disk.bytesOf(segmentsOf(run.disk)[0] as string), 0)
  assert.is(parsed.type, 'frame')
  const opening = (parsed as Extract<typeof parsed, { type: 'frame' }>).frame.bytes
  for (let torn = 0; torn < opening.length; torn++) {
    const image = run.disk.copy()
    const segment = Buffer.alloc(4 * KIB)
    opening.copy(segment, 0, 0, torn)
    image.place(`${journal}/00000002-w000-000001.segment`, segment)
    assert.is(reached(recoverFrom(image))[0], 3, `torn at byte ${torn}`)
    clearLeftovers(image)
    assert.equal(segmentsOf(image, 2), [], `torn at byte ${torn}`)
  }
})

leftovers.run()

const meanwhile = suite('a recovery beside that of another worker')

meanwhile('takes a stream that opens while it looks for what it is, and for no loss', async () => {
  const run = await written({ shards: [s0, s1] })
  await run.append(s0, 2)
  const session = run.disk.session()
  const list = session.list.bind(session)
  const before = list(journal)
  const other = await written({ disk: run.disk, timers: run.timers, worker: 1, shards: [s2] })
  await other.append(s2, 3)
  // What it writes anew is there before its own first segment is.
  const carried = '00000002-w001-000000.segment'
  run.disk.place(`${journal}/${carried}`, Buffer.alloc(0))
  for (const seen of [before, [...before, carried]]) {
    // Whichever look at the directory is the first that sees it.
    for (let looks = 0; looks < 8; looks++) {
      let looked = 0
      session.list = (path) => (path === journal && looked++ < looks ? seen : list(path))
      const recovery = recoverFrom(session, { shards: [s0, s1] })
      assert.equal(reached(recovery).slice(0, 2), [2, 0], `it is seen after ${looks} looks`)
    }
  }
})

meanwhile.run()

const shots = suite('snapshots')

shots('and the tail behind them make the same bytes as all events, wherever they were taken', async () => {
  const run = await written({ segmentBytes: 64 * KIB })
  for (let n = 0; n < 120; n++) {
    await run.append(allShards[n % 3] as ShardId, 1 + (n % 3), n % 2 === 0 ? long : 'count')
    if (n % 11 === 0) takeSnapshots(run.disk)
    if (n % 5 === 0) sameBytes(recoverFrom(run.disk), recoverFrom(run.disk, { useSnapshots: false }))
  }
  assert.ok(run.rolls.length > 0)
  run.end()
  const next = await written({ disk: run.disk, timers: run.timers })
  await next.append(s0, 3)
  const quick = recoverFrom(run.disk)
  sameBytes(quick, recoverFrom(run.disk, { useSnapshots: false }))
  assert.ok(quick.eventsReplayed < 30)
})

shots('that are damaged are passed over for the one before, with a note (D36)', async () => {
  const run = await written()
  await run.append(s0, 3)
  takeSnapshots(run.disk, [s0])
  await run.append(s0, 3)
  takeSnapshots(run.disk, [s0])
  await run.append(s0, 3)
  const whole = recoverFrom(run.disk, { useSnapshots: false })
  const [older, newer] = run.disk.files(snapshots).map((name) => `${snapshots}/${name}`) as [string, string]
  const size = run.disk.bytesOf(newer).length
  for (let offset = 0; offset < size; offset++) {
    const image = run.disk.copy()
    image.flip(newer, offset)
    const recovery = recoverFrom(image)
    sameBytes(recovery, whole)
    assert.is(recovery.notes.length, 1)
    assert.is(recovery.shards.get(s0)?.snapshotSequence, 3)
  }
  for (const path of [older, newer]) run.disk.flip(path, 20)
  const recovery = recoverFrom(run.disk)
  sameBytes(recovery, whole)
  assert.is(recovery.notes.length, 2)
  assert.is(recovery.shards.get(s0)?.snapshotSequence, 0)
})

shots('cut short at any byte are passed over', async () => {
  const run = await written()
  await run.append(s0, 3)
  takeSnapshots(run.disk, [s0])
  const path = `${snapshots}/${run.disk.files(snapshots)[0]}`
  const bytes = run.disk.bytesOf(path)
  for (let length = 0; length < bytes.length; length++) {
    run.disk.place(path, bytes.subarray(0, length))
    const recovery = recoverFrom(run.disk)
    assert.equal([reached(recovery)[0], recovery.notes.length], [3, 1])
  }
})

shots('under the name of another shard or sequence are passed over', async () => {
  const run = await written()
  await run.append(s0, 3)
  await run.append(s1, 3)
  takeSnapshots(run.disk, [s0])
  const [name] = run.disk.files(snapshots)
  const bytes = run.disk.bytesOf(`${snapshots}/${name}`)
  run.disk.place(`${snapshots}/s0001-0000000000000003.snapshot`, bytes)
  run.disk.place(`${snapshots}/s0002-0000000000000003.snapshot`, bytes)
  const recovery = recoverFrom(run.disk)
  assert.equal(reached(recovery), [3, 3, 0, 0])
  assert.is(recovery.notes.length, 2)
})

shots('beyond the end of the journal mean that it lost its end, and stop the shard (B21)', async () => {
  const run = await written()
  await run.append(s0, 3)
  const [path] = segmentsOf(run.disk)
  const before = run.disk.bytesOf(path as string)
  await run.append(s0, 3)
  takeSnapshots(run.disk, [s0])
  run.end()
  run.disk.place(path as string, before)
  assert.throws(() => recoverFrom(run.disk), /ends at sequence 3, and its snapshot is of 6/)
})

shots('of another history are noticed where the journal goes on', async () => {
  const [run, other] = [await written(), await written()]
  await run.append(s0, 3)
  await other.append(s0, 3, 'another reason')
  takeSnapshots(other.disk, [s0])
  run.end()
  const next = await written({ disk: run.disk, timers: run.timers })
  await next.append(s0)
  next.end()
  const name = other.disk.files(snapshots)[0] as string
  run.disk.place(`${snapshots}/${name}`, other.disk.bytesOf(`${snapshots}/${name}`))
  assert.throws(() => recoverFrom(run.disk), /another history/)
})

shots('are kept two a shard', async () => {
  const run = await written()
  for (let n = 0; n < 5; n++) {
    await run.append(s0)
    await run.append(s1)
    takeSnapshots(run.disk, [s0, s1])
  }
  assert.equal(run.disk.files(snapshots), [
    's0000-0000000000000004.snapshot',
    's0000-0000000000000005.snapshot',
    's0001-0000000000000004.snapshot',
    's0001-0000000000000005.snapshot',
  ])
})

for (const kind of ['write', 'syncNow', 'rename', 'create', 'syncDirectory'] as const) {
  shots(`that fail at ${kind} leave the older one in use (C24)`, async () => {
    const run = await written()
    await run.append(s0, 3)
    takeSnapshots(run.disk, [s0])
    await run.append(s0, 3)
    run.disk.fail({ code: 'ENOSPC', kinds: [kind], path: /snapshots/ })
    assert.throws(() => takeSnapshots(run.disk, [s0]), /ENOSPC/)
    const image = run.disk.afterPowerLoss()
    assert.is(reached(recoverFrom(image))[0], 6)
    assert.is(recoverFrom(image).shards.get(s0)?.snapshotSequence, 3)
    assert.is(reached(recoverFrom(run.disk))[0], 6)
    takeSnapshots(run.disk, [s0])
    assert.is(
      recoverFrom(run.disk.afterPowerLoss()).shards.get(s0)?.snapshotSequence,
      kind === 'syncDirectory' ? 3 : 6,
    )
  })
}

shots('of finished segments can be taken while the journal is written', async () => {
  const run = await written({ segmentBytes: 64 * KIB })
  while (run.rolls.length < 3) await run.append(allShards[run.rolls.length] as ShardId, 1, long)
  await run.append(s0, 2)
  const before = { stream: run.stream, index: run.writer.segmentIndex }
  takeSnapshots(run.disk, allShards, before)
  sameBytes(recoverFrom(run.disk), recoverFrom(run.disk, { useSnapshots: false }))
  const fresh = await written()
  takeSnapshots(fresh.disk, allShards, { stream: fresh.stream, index: 1 })
  assert.equal(fresh.disk.files(snapshots), [])
})

shots.run()

const restarts = suite('restarts')

restarts('by any numbers of workers, orderly or not, lose and change nothing', async () => {
  note(`TEST_SEED=${seed}`)
  const life = fc.record({
    workers: fc.integer({ min: 1, max: 3 }),
    batches: fc.array(
      fc.record({ shard: fc.nat({ max: 3 }), count: fc.integer({ min: 1, max: 12 }), isLong: fc.boolean() }),
      {
        maxLength: 12,
      },
    ),
    end: fc.constantFrom('closed', 'killed', 'power lost', 'failed sync'),
    snapshot: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 7 }), async (lives) => {
      let disk: MemoryDisk | undefined
      const durable = [0, 0, 0, 0]
      for (const { workers, batches, end, snapshot } of lives) {
        if (disk !== undefined) clearLeftovers(disk)
        const runs: Written[] = []
        for (let worker = 0; worker < workers; worker++) {
          const shards = allShards.filter((shard) => shard % workers === worker)
          const run: Written = await written({
            ...(disk && { disk }),
            worker,
            shards,
            segmentBytes: 64 * KIB,
          })
          disk = run.disk
          runs.push(run)
          shards.forEach((shard) => {
            const found = run.recovery?.shards.get(shard)?.nextSequence ?? 0
            assert.ok(
              found - 1 >= (durable[shard] as number),
              `shard ${shard} has ${found - 1} of ${durable[shard]}`,
            )
            durable[shard] = found - 1
          })
        }
        for (const { shard, count, isLong } of batches) {
          const run = runs[shard % workers] as Written
          await run.append(shard as ShardId, count, isLong ? long : 'count')
          assert.equal(run.failures, [])
          durable[shard] = run.newest(shard as ShardId)
        }
        if (snapshot) takeSnapshots(disk as MemoryDisk)
        if (end === 'closed') for (const run of runs) await run.close()
        if (end === 'failed sync') {
          for (const run of runs)
            await loseFrame(run, () => run.append([...(run.recovery?.shards.keys() ?? [])][0] as ShardId, 2))
        }
        for (const run of runs) run.end()
        if (end === 'power lost') disk = (disk as MemoryDisk).afterPowerLoss()
        sameBytes(recoverFrom(disk as MemoryDisk), recoverFrom(disk as MemoryDisk, { useSnapshots: false }))
      }
    }),
    { seed, numRuns: 60 },
  )
})

restarts.run()

async function rejects(promise: Promise<unknown>): Promise<void> {
  const outcome = await promise.then(
    () => 'resolved',
    () => 'rejected',
  )
  assert.is(outcome, 'rejected')
}

/** Lets a frame be written whose sync then fails: readers see it, and no sync to come makes it durable. */
async function loseFrame(run: Written, write: () => Promise<unknown>): Promise<void> {
  run.disk.holdSyncs = isSegment
  await write()
  run.disk.holdSyncs = undefined
  run.disk.failSyncs('EIO')
  await run.timers.settle()
  run.end()
}

/** The same for the frame that begins a segment, with the opening before it. */
async function loseRoll(run: Written): Promise<void> {
  run.disk.holdSyncs = isSegment
  for (;;) {
    await run.append(s0, 1, long)
    if (run.rolls.length > 0) break
    run.disk.finishSyncs()
    await run.timers.settle()
  }
  run.disk.holdSyncs = undefined
  run.disk.failSyncs('EIO')
  await run.timers.settle()
  run.end()
}

function takeSnapshots(
  disk: MemoryDisk,
  shards = allShards,
  before?: { stream: Written['stream']; index: number },
) {
  const recovery = recoverFrom(disk, before === undefined ? {} : { before })
  for (const { shard, nextSequence, link, lastTimeMs: timeMs, state } of recovery.shards.values()) {
    if (!shards.includes(shard) || nextSequence === 1) continue
    const sequence = nextSequence - 1
    writeSnapshot(disk.session(), snapshots, { shard, shards: shardsOfData, sequence, timeMs, link, state })
  }
}

function openingIsWritten(disk: MemoryDisk): boolean {
  return disk.bytesOf(`${journal}/00000002-w000-000001.segment`).subarray(0, 4).toString() === 'HFM1'
}

/** Where the frames of a segment begin. */
function offsetsIn(bytes: Buffer): number[] {
  const offsets: number[] = []
  for (let at = 0; ; ) {
    const parsed = parseFrame(bytes, at)
    if (parsed.type !== 'frame') return offsets
    offsets.push(at)
    at += parsed.frame.bytes.length
  }
}

function endOf(bytes: Buffer): number {
  const last = offsetsIn(bytes).at(-1)
  return last === undefined ? 0 : last + bytes.readUInt32LE(last + 4)
}

function withVersion(bytes: Buffer, version: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[12] = version
  changed.writeUInt32LE(crc32c(changed, 12, changed.readUInt32LE(4)), 8)
  return changed
}

/** Numbers below a bound, always the same for a seed. */
function chance(from: number) {
  let drawn = from
  return {
    random: (below: number) => {
      drawn = (Math.imul(drawn, 1_103_515_245) + 12_345) >>> 0
      return Math.floor((drawn / 2 ** 32) * below)
    },
  }
}

function isDamage(error: Error): boolean {
  return error instanceof JournalDamaged
}

function damaged(why: RegExp, file: string, offset: number) {
  return (error: Error) =>
    error instanceof JournalDamaged &&
    why.test(error.message) &&
    error.file === file &&
    error.offset === offset
}
