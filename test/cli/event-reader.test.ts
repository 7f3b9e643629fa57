import { readFileSync, writeFileSync } from 'node:fs'
import * as assert from 'uvu/assert'
import { type ReadOptions, readEvents } from '../../src/cli/event-reader.ts'
import { type JournalFiles, openJournalFiles } from '../../src/cli/journal-files.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import type { JournalEvent } from '../../src/persistence/journal/journal-follower.ts'
import { JournalDamaged } from '../../src/persistence/journal/streams.ts'
import { suite } from '../support/suite.ts'
import { allEventsOf, framesOf, segmentsOf, whileChanged, writeAt } from './files.ts'
import { makeEventful, Workshop } from './workshop.ts'

const SMALL = { segmentBytes: 16 * 1_024 }

function read(files: JournalFiles, options: ReadOptions = {}): { events: JournalEvent[]; heldBack: number } {
  const events: JournalEvent[] = []
  const reading = readEvents(files, options)
  for (;;) {
    const step = reading.next()
    if (step.done === true) return { events, heldBack: step.value }
    events.push(step.value)
  }
}

const test = suite('reading all events')

test('gives each once, by time, over starts, crashes, rolls and several workers at a time', async () => {
  const shop = await makeEventful(SMALL)
  const { events, heldBack } = read(openJournalFiles(shop.root))
  const all = allEventsOf(shop)
  assert.is(heldBack, 0)
  assert.equal(events, all)
  for (let shard = 0; shard < shop.shards; shard++) {
    const own = all.filter((event) => event.shard === shard)
    assert.equal(read(openJournalFiles(shop.root), { shard: shard as ShardId }).events, own)
    const from = (own.length >> 1) as number
    const later = read(openJournalFiles(shop.root), {
      shard: shard as ShardId,
      from: new Map([[shard as ShardId, from]]),
    })
    assert.equal(later.events, own.slice(from - 1))
  }
  await shop.remove()
})

test('leaves out nothing that is later than the time asked for, and whole segments that are not', async () => {
  const shop = await makeEventful(SMALL)
  const all = allEventsOf(shop)
  const files = openJournalFiles(shop.root)
  let bytesOfAll = 0
  read(files, {
    onBytes(bytes) {
      bytesOfAll += bytes
    },
  })
  for (const share of [0, 0.3, 0.6, 0.99]) {
    const fromMs = all[Math.floor(all.length * share)]?.atMs as number
    let bytes = 0
    const { events } = read(files, {
      fromMs,
      onBytes(more) {
        bytes += more
      },
    })
    assert.equal(
      events.filter(({ atMs }) => atMs >= fromMs),
      all.filter(({ atMs }) => atMs >= fromMs),
    )
    if (share === 0.99) assert.ok(bytes < bytesOfAll / 2, `${bytes} of ${bytesOfAll}`)
  }
  await shop.remove()
})

test('holds back what nothing proves, until a start has written it anew', async () => {
  const shop = new Workshop({ shards: 2 })
  await shop.start(1)
  await shop.trade(6)
  await shop.crash()
  const all = allEventsOf(shop)
  const before = read(openJournalFiles(shop.root))
  assert.ok(before.heldBack > 0)
  assert.is(before.events.length + before.heldBack, all.length)
  assert.equal(before.events, all.slice(0, before.events.length))
  await shop.start(1)
  assert.equal(read(openJournalFiles(shop.root)), { events: all, heldBack: 0 })
  await shop.crash()
  await shop.remove()
})

test('stops at damage, with all that comes before it', async () => {
  const shop = await makeEventful(SMALL)
  const [path] = segmentsOf(shop) as [string]
  const damaged = framesOf(path)[4]
  writeAt(path, (damaged?.offset ?? 0) + 70, Buffer.of(1, 2, 3))
  const events: JournalEvent[] = []
  assert.throws(
    () => {
      for (const event of readEvents(openJournalFiles(shop.root))) events.push(event)
    },
    (error: unknown) => error instanceof JournalDamaged && error.offset === damaged?.offset,
  )
  assert.ok(events.length > 0)
  await shop.remove()
})

test('takes a gap between streams for damage', async () => {
  const shop = new Workshop({ shards: 1 })
  for (let i = 0; i < 3; i++) {
    await shop.start(1)
    await shop.trade(4)
    await shop.close()
  }
  const path = segmentsOf(shop)[1] as string
  const opening = framesOf(path)[0]?.frame.bytes as Buffer
  const look = () => read(openJournalFiles(shop.root))
  whileChanged(
    path,
    () => opening,
    () => {
      writeFileSync(path.replace('-000001.segment', '.mark'), '')
      assert.throws(look, /shard 0 goes on at sequence \d+, and \d+ was due|lacks|durable/)
    },
  )
  await shop.remove()
})

test('beside a running engine goes on from where a turned page made it stop', async () => {
  const shop = new Workshop({ ...SMALL, shards: 2 })
  await shop.start(1)
  while (segmentsOf(shop).length < 4) await shop.trade(5)
  await shop.crash()
  const path = segmentsOf(shop)[1] as string
  const whole = readFileSync(path)
  const half = framesOf(path)[framesOf(path).length >> 1]
  let stale = 1
  const disk: JournalFiles['disk'] = {
    ...realDisk,
    open(name, mode) {
      const file = realDisk.open(name, mode)
      const read: typeof file.read = (offset, length) => {
        const bytes = file.read(offset, length)
        // What it would have read a moment before: the next segment was begun since.
        if (name === path && length === whole.length && stale-- > 0) bytes.fill(0, half?.offset)
        return bytes
      }
      return { ...file, read }
    },
  }
  const files = { ...openJournalFiles(shop.root), disk }
  assert.throws(
    () => read(files),
    (error: unknown) => error instanceof JournalDamaged,
  )
  stale = 1
  const { events, heldBack } = read({ ...files, isLive: () => true })
  assert.is(events.length + heldBack, allEventsOf(shop).length)
  assert.equal(events, allEventsOf(shop).slice(0, events.length))
  await shop.remove()
})

test.run()
