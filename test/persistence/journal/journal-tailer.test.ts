/** Every event once, in order, and none that could still be taken back (L1 to L4). */
import * as assert from 'uvu/assert'
import type { ShardId } from '../../../src/domain/ids.ts'
import { sealIdleMs } from '../../../src/limits.ts'
import { type Checkpoint, OtherHistory } from '../../../src/persistence/journal/cursors.ts'
import { eventsOf } from '../../../src/persistence/journal/frame.ts'
import { JournalGap, JournalTailer } from '../../../src/persistence/journal/journal-tailer.ts'
import { JournalDamaged } from '../../../src/persistence/journal/streams.ts'
import type { MemoryDisk } from '../../support/memory-disk.ts'
import { note, suite } from '../../support/suite.ts'
import { seed } from './values.ts'
import {
  allShards,
  clearLeftovers,
  emptyDisk,
  journal,
  KIB,
  reached,
  recoverFrom,
  segmentsOf,
  shardsOfData,
  type Written,
  written,
} from './writing.ts'

const [s0, s1] = allShards as [ShardId, ShardId]
const isSegment = (path: string) => path.endsWith('.segment')
const long = 'r'.repeat(1_000)

/** What a reader was handed out, by shard, checked as it comes. */
class Reader {
  readonly disk: MemoryDisk
  tailer: JournalTailer
  /** By shard, the newest sequence. */
  readonly seen = new Map<ShardId, number>()
  events = 0

  constructor(disk: MemoryDisk, checkpoints?: ReadonlyMap<ShardId, Checkpoint>) {
    this.disk = disk
    this.tailer = this.#tailer(checkpoints)
    for (const [shard, { sequence }] of checkpoints ?? []) this.seen.set(shard, sequence)
  }

  #tailer(checkpoints?: ReadonlyMap<ShardId, Checkpoint>): JournalTailer {
    const place = { disk: this.disk.session(), journal }
    return JournalTailer.behind(place, { shards: shardsOfData, ...(checkpoints && { checkpoints }) })
  }

  /** Reads to the end in steps of so many bytes. */
  read(bytesMax = 64 * KIB): this {
    for (let isAtEnd = false; !isAtEnd; ) isAtEnd = this.step(bytesMax)
    return this
  }

  step(bytesMax: number): boolean {
    const { sections, isAtEnd } = this.tailer.read(bytesMax)
    for (const { section } of sections) {
      const { shard, firstSequence, count } = section
      assert.is(firstSequence, (this.seen.get(shard) ?? 0) + 1, `shard ${shard} without gap or repeat`)
      for (const event of eventsOf(section)) {
        assert.ok('version' in event && event.version === (this.seen.get(shard) ?? 0) + 1)
        this.seen.set(shard, event.version)
        this.events += 1
      }
      assert.is(this.seen.get(shard), firstSequence + count - 1)
    }
    return isAtEnd
  }

  look(): this {
    this.tailer.look()
    return this
  }

  /** Ends, and begins anew from its checkpoint. */
  restart(): void {
    const checkpoints = new Map([...this.tailer.checkpoints].map(([shard, at]) => [shard, { ...at }]))
    this.tailer.close()
    this.tailer = this.#tailer(checkpoints)
  }

  get reached(): number[] {
    return allShards.map((shard) => this.seen.get(shard) ?? 0)
  }
}

const certain = suite('a tailer')

certain('hands out what is sealed, and what its worker or a later frame says is durable', async () => {
  const run = await written()
  const reader = new Reader(run.disk)
  const ordinal = await run.append(s0, 2)
  assert.equal(reader.read().reached, [0, 0, 0, 0], 'written and synced, and nothing says so yet')
  assert.is(reader.tailer.heldBack, 2)
  assert.is(reader.tailer.noteDurable(run.stream, ordinal), true)
  assert.equal(reader.read().reached, [2, 0, 0, 0])
  const early = await run.append(s0, 1)
  reader.tailer.noteDurable(run.stream, early)
  assert.equal(reader.read().reached, [3, 0, 0, 0], 'told before it was read')
  await run.append(s1, 3)
  await run.append(s0, 1)
  assert.equal(reader.read().reached, [3, 3, 0, 0], 'the frame behind it says so')
  await run.timers.advance(sealIdleMs)
  assert.equal(reader.read().reached, [4, 3, 0, 0], 'the seal says so')
  assert.is(reader.tailer.heldBack, 0)
})

certain('never hands out a frame whose sync has not come back', async () => {
  const run = await written()
  await run.append(s0, 2)
  await run.timers.advance(sealIdleMs)
  run.disk.holdSyncs = isSegment
  await run.append(s0, 5)
  const reader = new Reader(run.disk).read()
  assert.equal(reader.reached, [2, 0, 0, 0])
  run.disk.failSyncs('EIO')
  run.disk.holdSyncs = undefined
  await run.timers.settle()
  run.end()
  assert.equal(reader.read().reached, [2, 0, 0, 0])
  // The next start writes it anew, and from then on it counts.
  const next = await written({ disk: run.disk, timers: run.timers })
  assert.is(next.recovery?.carry.length, 1)
  assert.equal(reader.look().read().reached, [7, 0, 0, 0])
})

certain('takes what a lost page held from the copy that was written anew', async () => {
  const run = await written()
  await run.append(s0, 2)
  run.disk.holdSyncs = isSegment
  await run.append(s0, 3)
  run.disk.holdSyncs = undefined
  run.disk.failSyncs('EIO')
  await run.timers.settle()
  run.end()
  const reader = new Reader(run.disk).read()
  await written({ disk: run.disk, timers: run.timers })
  const image = run.disk.afterPowerLoss()
  const after = await written({ disk: image })
  await after.append(s1, 1)
  await after.close()
  const checkpoints = reader.tailer.checkpoints
  assert.equal(new Reader(image, checkpoints).read().reached, [5, 1, 0, 0])
  assert.equal(new Reader(image).read().reached, [5, 1, 0, 0])
})

certain('passes over what a torn tail left, and over what nobody was told', async () => {
  const run = await written()
  await run.append(s0, 2)
  await run.timers.advance(sealIdleMs)
  run.disk.holdSyncs = isSegment
  await run.append(s0, 1)
  run.end()
  const frame = run.disk.unsynced.findLastIndex(({ type }) => type === 'write')
  const torn = run.disk.afterPowerLoss((index) => (index === frame ? 80 : 'lost'))
  const reader = new Reader(torn).read()
  assert.equal(reader.reached, [2, 0, 0, 0])
  const next = await written({ disk: torn })
  await next.append(s0, 4)
  await next.close()
  assert.equal(reader.look().read().reached, [6, 0, 0, 0])
})

certain('begins at the end with what comes from then on', async () => {
  const run = await written({ segmentBytes: 64 * KIB })
  for (let i = 0; i < 200; i++) await run.append(s0, 1, long)
  assert.ok(run.rolls.length > 2)
  const tailer = JournalTailer.atEnd({ disk: run.disk.session(), journal }, { shards: shardsOfData })
  const before = tailer.checkpoints.get(s0)?.sequence ?? 0
  assert.ok(before > 100 && before <= 200, `it begins with the newest segment, at ${before}`)
  await run.append(s0, 7)
  await run.timers.advance(sealIdleMs)
  const { sections } = tailer.read(Number.POSITIVE_INFINITY)
  assert.is(sections.at(-1)?.section.firstSequence, 201)
  assert.is(tailer.checkpoints.get(s0)?.sequence, 207)
})

certain('knows how many events it is behind', async () => {
  const run = await written({ segmentBytes: 64 * KIB })
  for (let i = 0; i < 200; i++) await run.append(s0, 1, long)
  await run.close()
  await written({ disk: run.disk, timers: run.timers })
  const reader = new Reader(run.disk).look()
  assert.is(reader.tailer.behindBy, 200)
  while (reader.events === 0) reader.step(1)
  assert.ok(reader.events < 200)
  assert.is(reader.tailer.behindBy, 200 - reader.events)
  assert.is(reader.read(1).tailer.behindBy, 0)
})

certain('goes on through rolls, crashes, losses of power and other numbers of workers', async () => {
  for (let run = 0; run < 40; run++) await randomLife(seed + run)
  note(`TEST_SEED=${seed}`)
})

certain.run()

const history = suite('a checkpoint')

/** A journal of 10 events, a copy of it, and the checkpoint after 5 more. */
async function twoHistories() {
  const run = await written()
  await run.append(s0, 10)
  await run.close()
  const copy = run.disk.copy()
  const next = await written({ disk: run.disk, timers: run.timers })
  await next.append(s0, 5)
  await next.close()
  const { checkpoints } = new Reader(run.disk).read().tailer
  return { disk: run.disk, copy, checkpoints }
}

history('is gone on from where the journal holds its frame', async () => {
  const { disk, checkpoints } = await twoHistories()
  const reader = new Reader(disk, checkpoints).read()
  assert.is(reader.events, 0)
  const next = await written({ disk })
  await next.append(s0, 1)
  await next.close()
  assert.equal(reader.look().read().reached, [16, 0, 0, 0])
})

history('is of another history where the journal ends before it', async () => {
  const { copy, checkpoints } = await twoHistories()
  assert.throws(
    () => new Reader(copy, checkpoints).read(),
    (error: unknown) => error instanceof OtherHistory,
  )
  assert.throws(
    () => new Reader(emptyDisk(), checkpoints).read(),
    (error: unknown) => error instanceof OtherHistory,
  )
})

history('is of another history where the journal came to its sequence another way', async () => {
  const { copy, checkpoints } = await twoHistories()
  for (const count of [4, 5, 6, 50]) {
    const image = copy.copy()
    const other = await written({ disk: image })
    await other.append(s0, count, 'otherwise')
    await other.close()
    const again = await written({ disk: image })
    await again.append(s0, 50)
    await again.close()
    assert.throws(
      () => new Reader(image, checkpoints).read(),
      (error: unknown) => error instanceof OtherHistory,
      `after ${count} other events`,
    )
  }
})

history('is gone on from although the writer rolled, or was replaced, right behind it', async () => {
  const run = await written({ segmentBytes: 64 * KIB })
  while (run.rolls.length < 2) await run.append(s0, 1, long)
  await run.timers.advance(sealIdleMs)
  for (let at = 1; at <= run.newest(s0); at++) {
    const reader = new Reader(run.disk)
    while ((reader.seen.get(s0) ?? 0) < at) reader.step(1)
    reader.restart()
    assert.is(reader.read().reached[0], run.newest(s0))
  }
})

history('behind which segments are missing is a gap, or damage, and never passed over', async () => {
  const run = await written({ segmentBytes: 64 * KIB })
  while (run.rolls.length < 4) await run.append(s0, 1, long)
  await run.close()
  const [, second] = segmentsOf(run.disk)
  run.disk.session().remove(second as string)
  assert.throws(
    () => new Reader(run.disk).read(),
    (error: unknown) => error instanceof JournalDamaged || error instanceof JournalGap,
  )
})

history.run()

/** Workers come and go and die in every way, while a reader reads now and then; in the end it has everything. */
async function randomLife(lifeSeed: number): Promise<void> {
  const random = randomOf(lifeSeed)
  const below = (count: number) => Math.floor(random() * count)
  let disk = emptyDisk()
  let workers = await start(disk, 1 + below(3))
  let reader = new Reader(disk)
  for (let step = 0; step < 60; step++) {
    const worker = workers[below(workers.length)] as Written
    switch (below(9)) {
      case 0:
      case 1:
      case 2: {
        const shard = worker.recovery?.shards.keys().toArray()
        const own = shard?.[below(shard.length)] as ShardId
        await worker.append(own, 1 + below(20), below(3) === 0 ? long : undefined)
        break
      }
      case 3:
        await worker.timers.advance(sealIdleMs)
        break
      case 4: {
        const told = worker.durable.at(-1)
        if (told !== undefined && !reader.tailer.noteDurable(worker.stream, told)) reader.look()
        break
      }
      case 5:
        reader.step(1 + below(8 * KIB))
        break
      case 6:
        reader.restart()
        break
      case 7:
      case 8: {
        if (below(3) > 0) break
        for (const each of workers) each.end()
        if (below(2) === 0) {
          // What was handed out survives, whichever of the writes that were not synced are lost (S2).
          disk = disk.afterPowerLoss(() => (below(2) === 0 ? 'kept' : below(2) === 0 ? 'lost' : below(900)))
          const held = reached(recoverFrom(disk))
          reader.reached.forEach((seen, shard) => {
            assert.ok(seen <= (held[shard] as number), `seed ${lifeSeed}: shard ${shard} was shown ${seen}`)
          })
          const { checkpoints } = reader.tailer
          reader = new Reader(disk, new Map([...checkpoints].map(([shard, at]) => [shard, { ...at }])))
        }
        clearLeftovers(disk)
        workers = await start(disk, 1 + below(3))
        if (below(2) === 0) reader.look()
        break
      }
    }
  }
  for (const worker of workers) await worker.close()
  assert.equal(
    reader.look().read(1 + below(64 * KIB)).reached,
    reached(recoverFrom(disk)),
    `seed ${lifeSeed}`,
  )
}

/** Shards are dealt to so many workers. */
async function start(disk: MemoryDisk, count: number): Promise<Written[]> {
  const workers: Written[] = []
  for (let worker = 0; worker < count; worker++) {
    const shards = allShards.filter((shard) => shard % count === worker)
    workers.push(await written({ disk, worker, shards }))
  }
  return workers
}

function randomOf(start: number): () => number {
  let state = start | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 0x1_0000_0000
  }
}
