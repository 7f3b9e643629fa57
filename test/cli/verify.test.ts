import { readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import * as assert from 'uvu/assert'
import { type JournalFiles, openJournalFiles } from '../../src/cli/journal-files.ts'
import { type Audit, auditJournal } from '../../src/cli/verify/audit.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import { FrameBuilder, type Link } from '../../src/persistence/journal/frame.ts'
import { encodeSnapshot, readSnapshot } from '../../src/persistence/journal/snapshot.ts'
import { JournalDamaged } from '../../src/persistence/journal/streams.ts'
import { recoverAll, witness } from '../storage/witness.ts'
import { suite } from '../support/suite.ts'
import {
  framesOf,
  inFormat,
  namesIn,
  segmentsOf,
  sizeOf,
  snapshotInFormat,
  whileChanged,
  writeAt,
} from './files.ts'
import { makeEventful, Workshop } from './workshop.ts'

const SMALL = { segmentBytes: 16 * 1_024 }
const audit = (shop: Workshop, change: Partial<JournalFiles> = {}): Audit => {
  return auditJournal({ ...openJournalFiles(shop.root), ...change })
}

/** Fails unless a finding of this kind is in this file and gives this reason. */
function finds(found: Audit, kind: 'damaged' | 'torn' | 'note', file: string, reason: RegExp): void {
  const of = found.findings.filter((finding) => finding.kind === kind)
  assert.ok(
    of.some((finding) => finding.file.endsWith(basename(file)) && reason.test(finding.reason)),
    `no ${kind} ${reason} in ${basename(file)}, but ${JSON.stringify(found.findings, undefined, 1)}`,
  )
}

const whole = suite('verify of a whole journal')

whole('passes over starts, crashes, rolls, carried frames and snapshots', async () => {
  const shop = await makeEventful(SMALL)
  const found = audit(shop)
  assert.is(found.verdict, 'good', JSON.stringify(found.findings))
  const { counts, stock } = found
  assert.is(counts.streams, 7)
  assert.ok(counts.segments > counts.streams, 'segments were rolled')
  assert.ok(counts.carriedFrames > 0)
  assert.is(counts.snapshotsCompared, counts.snapshots)
  assert.is(counts.snapshots, 8)
  assert.is(stock.onHand + stock.sold, stock.adjusted)

  const recovery = recoverAll(shop.files, { useSnapshots: false })
  assert.is(counts.events, recovery.eventsReplayed)
  for (const { shard, sequence } of found.shards) {
    assert.is(sequence, (recovery.shards.get(shard)?.nextSequence ?? 0) - 1)
  }
  await shop.remove()
})

whole('passes before and after a restart from a crash, and says what is unsealed', async () => {
  const shop = await makeEventful({ ...SMALL, end: 'crashed' })
  const before = audit(shop)
  assert.is(before.verdict, 'good', JSON.stringify(before.findings))
  assert.is(before.counts.unprovenFrames, 1)
  await shop.start(2)
  await shop.crash()
  const after = audit(shop)
  assert.is(after.verdict, 'good', JSON.stringify(after.findings))
  assert.is(after.counts.events, before.counts.events)
  await shop.remove()
})

whole('passes over a data directory in which nothing has happened', async () => {
  const shop = new Workshop()
  assert.is(audit(shop).verdict, 'good')
  await shop.start(2)
  assert.is(audit(shop).verdict, 'good')
  await shop.close()
  const found = audit(shop)
  assert.is(found.verdict, 'good', JSON.stringify(found.findings))
  assert.is(found.counts.events, 0)
  await shop.remove()
})

whole('tells memory what it reads, all of it', async () => {
  const shop = await makeEventful(SMALL)
  let expected = 0
  let read = 0
  auditJournal(openJournalFiles(shop.root), {
    onInventory: (bytes) => {
      expected = bytes
    },
    onBytes: (bytes) => {
      read += bytes
    },
  })
  const carried = namesIn(shop.journal, /-000000\.segment$/).reduce((sum, path) => sum + sizeOf(path), 0)
  assert.is(read, expected - carried)
  await shop.remove()
})

whole('shares no rule and no recovery with the engine', () => {
  const cli = join(import.meta.dirname, '../../src/cli')
  const paths = [
    ...namesIn(join(cli, 'verify'), /\.ts$/),
    join(cli, 'verify.ts'),
    join(cli, 'repairs-record.ts'),
    join(cli, '../persistence/journal/frames-in.ts'),
    join(cli, '../persistence/journal/archived.ts'),
  ]
  assert.ok(paths.length > 7)
  for (const path of paths) {
    const imports = readFileSync(path, 'utf8').match(/from '[^']+'/g) ?? []
    for (const from of imports) assert.not.match(from, /decide|evolve|decision|recovery|streams|actors/, path)
  }
})

whole.run()

const torn = suite('verify of a torn tail', { limitMs: 60_000 })

torn('says what is torn and that the next start cuts it, which it then does', async () => {
  const shop = await makeEventful({ ...SMALL, end: 'crashed' })
  const watch = witness(shop.files)
  const path = segmentsOf(shop).at(-2) as string
  const last = framesOf(path).at(-1)
  assert.ok(last)
  const end = last.offset + last.frame.bytes.length
  for (const cut of [1, 12, 63, 64, last.frame.bytes.length - 1]) {
    whileChanged(
      path,
      (bytes) => bytes.fill(0, last.offset + cut, end),
      () => {
        const found = audit(shop)
        assert.is(found.verdict, 'torn', `cut to ${cut} bytes`)
        finds(found, 'torn', path, /nothing says that it was durable, and the next start cuts it/)
        assert.equal(new Set(watch.recoveries(`cut to ${cut} bytes`)), new Set(['shorter']))
      },
    )
  }

  writeAt(path, last.offset + 70, Buffer.alloc(end - last.offset - 70))
  assert.is(audit(shop).verdict, 'torn')
  await shop.start(1)
  await shop.close()
  const found = audit(shop)
  assert.is(found.verdict, 'good', JSON.stringify(found.findings))
  finds(found, 'note', `${path}.cut-${last.offset}`, /torn tail that an earlier start cut off/)
  await shop.remove()
})

torn('is not what stands behind a frame that was proven durable', async () => {
  const shop = await makeEventful({ ...SMALL, end: 'crashed' })
  const path = segmentsOf(shop).at(-2) as string
  const [proven] = framesOf(path).slice(-2)
  assert.ok(proven)
  whileChanged(
    path,
    (bytes) => bytes.fill(0, proven.offset + 80, proven.offset + 90),
    () => {
      const found = audit(shop)
      assert.is(found.verdict, 'damaged')
      finds(
        found,
        'damaged',
        path,
        /was durable, as a frame behind it says, and cannot be read: the checksum/,
      )
      const [finding] = found.findings
      assert.is(finding?.offset, proven.offset)
      const shards = proven.frame.sections.map(({ shard, firstSequence: sequence }) => `${shard}.${sequence}`)
      const named = finding?.positions?.map(({ shard, sequence }) => `${shard}.${sequence}`) ?? []
      assert.ok(
        shards.some((position) => named.includes(position)),
        'the lost events are named',
      )
    },
  )
  await shop.remove()
})

torn('is a start that was cut off while it opened its stream', async () => {
  const shop = await makeEventful(SMALL)
  const opening = framesOf(segmentsOf(shop)[0] as string)[0]?.frame.bytes as Buffer
  const path = join(shop.journal, '00000099-w000-000001.segment')
  writeFileSync(join(shop.journal, '00000099-w000.mark'), Buffer.alloc(4_128))
  writeFileSync(path, Buffer.alloc(16_384))
  const blank = audit(shop)
  assert.is(blank.verdict, 'good')
  finds(blank, 'note', path, /never opened; the next start removes it/)
  for (const torn of [1, 2, 3, 4, 40]) {
    writeAt(path, 0, opening.subarray(0, torn))
    const found = audit(shop)
    assert.is(found.verdict, 'torn', `torn at byte ${torn}`)
    finds(found, 'torn', path, /cut off while it opened/)
  }
  // Whole, but without a mark: it served nothing before that.
  writeAt(path, 0, opening)
  assert.is(audit(shop).verdict, 'good')
  writeAt(path, 0, Buffer.from('PK\u0003\u0004'))
  assert.is(audit(shop).verdict, 'damaged')
  await shop.remove()
})

torn.run()

const damage = suite('verify of a damaged journal', { limitMs: 120_000 })

damage('finds every segment cut at every 512 bytes', async () => {
  const shop = await makeEventful(SMALL)
  const watch = witness(shop.files)
  for (const path of namesIn(shop.journal, /\.segment$/)) {
    for (let size = 0; size < sizeOf(path); size += 512) {
      whileChanged(
        path,
        (bytes) => bytes.subarray(0, size),
        () => {
          const what = `${basename(path)} cut to ${size} bytes`
          assert.is.not(watch.verdict(), 'good', what)
          watch.recoveries(what)
        },
      )
    }
  }
  await shop.remove()
})

damage(
  'finds the last segment of a crashed journal cut anywhere, and recovery never makes up a state',
  async () => {
    const shop = await makeEventful({ ...SMALL, end: 'crashed' })
    // Where a file loses its end, it loses with it what said that the rest was durable: only the mark is left to say so.
    const watch = witness(shop.files, { proven: 'by marks' })
    const path = segmentsOf(shop).at(-2) as string
    for (let size = 512; size < sizeOf(path); size += 512) {
      whileChanged(
        path,
        (bytes) => bytes.subarray(0, size),
        () => {
          assert.is.not(watch.verdict(), 'good', `cut to ${size} bytes`)
          watch.recoveries(`cut to ${size} bytes`)
        },
      )
    }
    await shop.remove()
  },
)

damage('finds any file that is gone', async () => {
  const shop = await makeEventful(SMALL)
  const watch = witness(shop.files)
  const all = namesIn(shop.journal, /\.(?:segment|mark)$/)
  for (const path of all) {
    renameSync(path, `${shop.root}/aside`)
    assert.is(watch.verdict(), 'damaged', `without ${basename(path)}`)
    watch.recoveries(`without ${basename(path)}`)
    renameSync(`${shop.root}/aside`, path)
  }
  await shop.remove()
})

damage('finds a mark that is cut at any byte, or wiped', async () => {
  const shop = await makeEventful(SMALL)
  const watch = witness(shop.files)
  for (const path of namesIn(shop.journal, /\.mark$/)) {
    for (const size of [0, 1, 31, 32, 33, 2_000, 4_096, 4_100, 4_127]) {
      const cut = (bytes: Buffer) => bytes.subarray(0, size)
      assert.is(whileChanged(path, cut, watch.verdict), 'damaged', `${basename(path)} cut to ${size}`)
    }
    assert.is(
      whileChanged(path, (bytes) => bytes.fill(0), watch.verdict),
      'damaged',
      `${basename(path)} wiped`,
    )
    assert.is(
      whileChanged(path, (bytes) => Buffer.concat([bytes, Buffer.of(0)]), watch.verdict),
      'damaged',
    )
  }
  await shop.remove()
})

damage('finds a whole stream that is gone from the middle', async () => {
  const shop = await makeEventful(SMALL)
  const gone = namesIn(shop.journal, /^00000003-/)
  assert.ok(gone.length >= 2)
  gone.forEach((path, i) => void renameSync(path, join(shop.root, String(i))))
  const found = audit(shop)
  assert.is(found.verdict, 'damaged')
  assert.ok(found.findings.some(({ reason }) => /shard \d lacks sequence \d+ to \d+/.test(reason)))
  assert.throws(() => recoverAll(shop.files, { useSnapshots: false }), /lacks sequence/)
  await shop.remove()
})

damage('finds frames that changed places, came twice, or came back in an older version', async () => {
  const shop = await makeEventful(SMALL)
  const watch = witness(shop.files)
  for (const path of segmentsOf(shop)) {
    const frames = framesOf(path)
    const [, second, third, fourth] = frames
    if (second === undefined || third === undefined || fourth === undefined) continue
    const [a, b] = [second.frame.bytes, third.frame.bytes]
    const changes: Record<string, (bytes: Buffer) => Buffer> = {
      swapped: (bytes) => {
        Buffer.concat([b, a]).copy(bytes, second.offset)
        return bytes
      },
      twice: (bytes) => Buffer.concat([bytes.subarray(0, third.offset), a, bytes.subarray(third.offset)]),
      'left out': (bytes) => Buffer.concat([bytes.subarray(0, second.offset), bytes.subarray(third.offset)]),
      'an older block': (bytes) => {
        bytes.copyWithin(1_024, 0, 512)
        return bytes
      },
      'blocks swapped': (bytes) => {
        const block = Buffer.from(bytes.subarray(512, 1_024))
        bytes.copyWithin(512, 1_024, 1_536)
        block.copy(bytes, 1_024)
        return bytes
      },
      'a block of zeros': (bytes) => bytes.fill(0, 512, 1_024),
    }
    for (const [name, change] of Object.entries(changes)) {
      whileChanged(path, change, () => {
        assert.is(watch.verdict(), 'damaged', `${name} in ${basename(path)}`)
        watch.recoveries(`${name} in ${basename(path)}`)
      })
    }
  }
  await shop.remove()
})

damage('finds the files of another journal among its own', async () => {
  const shop = await makeEventful(SMALL)
  const other = await makeEventful({ ...SMALL, seed: 7 })
  const watch = witness(shop.files)
  for (const path of segmentsOf(shop)) {
    const theirs = readFileSync(join(other.journal, basename(path)))
    whileChanged(
      path,
      () => theirs,
      () => {
        assert.is(watch.verdict(), 'damaged', basename(path))
        watch.recoveries(`${basename(path)} of another journal`)
      },
    )
  }
  await shop.remove()
  await other.remove()
})

damage('refuses what is in a format that it does not know, and says so', async () => {
  const shop = await makeEventful({ ...SMALL, end: 'crashed' })
  for (const path of segmentsOf(shop)) {
    const frames = framesOf(path)
    for (const { frame, offset } of [frames[0], frames[3], frames.at(-1)].filter(
      (found) => found !== undefined,
    )) {
      whileChanged(
        path,
        (bytes) => {
          inFormat(frame.bytes, 9).copy(bytes, offset)
          return bytes
        },
        () => {
          const found = audit(shop)
          assert.is(found.verdict, 'damaged', `frame ${frame.ordinal} of ${basename(path)}`)
          finds(found, 'damaged', path, /a frame of format 9; this version reads format 1/)
          const refusal = (error: Error) => error instanceof JournalDamaged && /format 9/.test(error.message)
          assert.throws(() => recoverAll(shop.files, { useSnapshots: false }), refusal)
        },
      )
    }
  }
  const [snapshot] = namesIn(shop.snapshots, /\.snapshot$/)
  whileChanged(
    snapshot as string,
    (bytes) => snapshotInFormat(bytes, 9),
    () =>
      finds(
        audit(shop),
        'damaged',
        snapshot as string,
        /a snapshot of format 9; this version reads format 2/,
      ),
  )
  await shop.remove()
})

damage('finds a snapshot that is of the future, of another history, or counts otherwise', async () => {
  const shop = await makeEventful(SMALL)
  const path = namesIn(shop.snapshots, /^s0002-/).at(-1) as string
  const snapshot = readSnapshot(realDisk, path)
  const future = join(shop.snapshots, 's0002-0000000000009999.snapshot')
  writeFileSync(future, encodeSnapshot({ ...snapshot, sequence: 9_999 }))
  finds(audit(shop), 'damaged', future, /ends at sequence \d+, before this snapshot/)
  renameSync(future, join(shop.root, 'aside'))

  const otherwise = (change: (copy: ReturnType<typeof readSnapshot>) => object, reason: RegExp) => {
    const copy = readSnapshot(realDisk, path)
    whileChanged(
      path,
      () => encodeSnapshot({ ...copy, ...change(copy) }),
      () => finds(audit(shop), 'damaged', path, reason),
    )
  }
  otherwise(() => ({ link: 'ab'.repeat(16) as Link }), /another history/)
  otherwise(() => ({ shard: 1 as ShardId }), /of shard 1 at sequence \d+, and its name says otherwise/)
  otherwise(() => ({ shards: 8 }), /of data with 8 shards, and the record says 4/)
  otherwise(({ state }) => {
    for (const stock of state.products.values()) stock.sold += 1
    return {}
  }, /it says sold \d+, and the events make \d+/)
  otherwise(({ state }) => {
    for (const stock of state.products.values()) stock.customers?.clear()
    return {}
  }, /customers' counts differ/)
  otherwise(({ state }) => {
    for (const reservation of state.reservations.values()) reservation.status = 'expired'
    return {}
  }, /reservation res_\w+ differs/)
  otherwise(({ state }) => {
    state.products.clear()
    state.holds.clear()
    for (const { id } of state.reservations.values()) state.reservations.delete(id)
    return {}
  }, /it has 0 products, and the events make \d+/)
  await shop.remove()
})

damage('finds a record of the data directory that is gone, or speaks of other data', async () => {
  const shop = await makeEventful(SMALL)
  const record = join(shop.root, 'holdfast.json')
  const told = (text: string, reason: RegExp) =>
    whileChanged(
      record,
      () => Buffer.from(text),
      () => {
        const found = audit(shop)
        assert.is(found.verdict, 'damaged')
        assert.ok(found.findings.some((finding) => reason.test(finding.reason)))
      },
    )
  told('{"product":"holdfast","format":1,"shards":8}', /data with 4 shards, and the record says 8/)
  told('{"product":"holdfa', /not a record of Holdfast's, or damaged/)
  renameSync(record, `${record}.aside`)
  assert.is(audit(shop).verdict, 'damaged')
  await shop.remove()
})

damage.run()

const streams = suite('verify where one stream takes over from another', { limitMs: 60_000 })

streams('leaves out what an older stream wrote after a newer one had taken its shards', async () => {
  const shop = new Workshop({ shards: 2 })
  await shop.start(1)
  await shop.trade(5)
  await shop.crash()
  const path = segmentsOf(shop)[0] as string
  const last = framesOf(path).at(-1)
  assert.ok(last)
  await shop.start(1)
  await shop.trade(5)
  await shop.close()
  const before = audit(shop)

  // What a worker wrote that had lost its shards and did not know.
  const builder = new FrameBuilder(last.frame.stream, { shards: 2, capacity: 1_024 })
  const [section] = last.frame.sections
  assert.ok(section)
  const own = framesOf(path).flatMap(({ frame }) =>
    frame.sections.filter(({ shard }) => shard === section.shard),
  )
  const next = Math.max(...own.map(({ firstSequence, count }) => firstSequence + count))
  builder.beginSection(section.shard, next, last.frame.timeMs + 5)
  builder.addEvent({ type: 'ProductRetired', productId: 'product-0' as never, version: 999 })
  builder.endSection()
  const { ordinal, link } = last.frame
  const late = builder.finish({
    kind: 'batch',
    ordinal: ordinal + 1,
    durableOrdinal: ordinal,
    previous: link,
  })
  writeAt(path, last.offset + last.frame.bytes.length, late.bytes)

  const found = audit(shop)
  assert.is(found.verdict, 'good', JSON.stringify(found.findings))
  assert.is(found.counts.supersededEvents, 1)
  assert.is(found.counts.events, before.counts.events)
  await shop.remove()
})

streams('takes a frame that only its carried copy still holds, and says so', async () => {
  const shop = new Workshop({ shards: 2 })
  await shop.start(1)
  await shop.trade(5)
  await shop.crash()
  await shop.start(1)
  await shop.trade(5)
  await shop.close()
  const before = audit(shop)
  assert.ok(before.counts.carriedFrames > 0)
  const path = segmentsOf(shop)[0] as string
  const last = framesOf(path).at(-1)
  assert.ok(last)

  whileChanged(
    path,
    (bytes) => bytes.fill(1, last.offset + 70, last.offset + 80),
    () =>
      finds(audit(shop), 'damaged', path, /the checksum does not match, and a newer stream has taken over/),
  )
  truncateSync(path, last.offset)
  const found = audit(shop)
  assert.is(found.verdict, 'good', JSON.stringify(found.findings))
  finds(found, 'note', path, /whole in their carried copies only/)
  assert.is(found.counts.events, before.counts.events)
  await shop.remove()
})

streams('has what it needs where a whole segment is lost that nothing proved', async () => {
  const shop = new Workshop({ shards: 2, segmentBytes: 16 * 1_024 })
  await shop.start(1)
  const begun = () => framesOf(segmentsOf(shop)[1] ?? '').length
  while (begun() === 0) await shop.trade(1)
  assert.is(begun(), 2, 'an opening and the frame for which the segment was turned to')
  await shop.crash()
  await shop.start(1)
  await shop.trade(3)
  await shop.close()
  const before = audit(shop)
  const { eventsReplayed } = recoverAll(shop.files, { useSnapshots: false })

  truncateSync(segmentsOf(shop)[1] as string, 0)
  assert.is(recoverAll(shop.files, { useSnapshots: false }).eventsReplayed, eventsReplayed)
  const found = audit(shop)
  assert.is(found.verdict, 'good', JSON.stringify(found.findings))
  assert.is(found.counts.events, before.counts.events)
  await shop.remove()
})

streams('finds copies that differ from what they are copies of', async () => {
  const shop = new Workshop({ shards: 2 })
  await shop.start(1)
  await shop.trade(5)
  await shop.crash()
  await shop.start(1)
  await shop.close()
  const [carried] = namesIn(shop.journal, /-000000\.segment$/)
  const [copy] = framesOf(carried as string)
  assert.ok(copy)
  const { stream, shards, ordinal, durableOrdinal, previous, sections, timeMs } = copy.frame
  const builder = new FrameBuilder(stream, { shards, capacity: 4_096 })
  for (const { shard, firstSequence } of sections) {
    builder.beginSection(shard, firstSequence, timeMs)
    builder.addEvent({ type: 'ProductRetired', productId: 'product-0' as never, version: 1 })
    builder.endSection()
  }
  const { bytes } = builder.finish({ kind: 'batch', ordinal, durableOrdinal, previous })
  whileChanged(
    carried as string,
    () => Buffer.from(bytes),
    () => {
      const found = audit(shop)
      assert.is(found.verdict, 'damaged')
      assert.ok(found.findings.some(({ reason }) => /differs from its copy in/.test(reason)))
    },
  )
  await shop.remove()
})

streams.run()

const live = suite('verify beside a running engine')

live('reads a frame again that was half written when it came by', async () => {
  const shop = await makeEventful({ ...SMALL, end: 'crashed' })
  const path = segmentsOf(shop).at(-2) as string
  const last = framesOf(path).at(-1)
  assert.ok(last)
  let halves = 3
  const disk: JournalFiles['disk'] = {
    ...realDisk,
    open(name, mode) {
      const file = realDisk.open(name, mode)
      const read: typeof file.read = (offset, length) => {
        const bytes = file.read(offset, length)
        if (name === path && length > 65_536 - 1) return bytes
        if (name === path && bytes.length > last.offset + 100 && halves-- > 0)
          bytes.fill(0, last.offset + 100)
        return bytes
      }
      return { ...file, read }
    },
  }
  const found = audit(shop, { disk, isLive: () => true })
  assert.is(found.verdict, 'good', JSON.stringify(found.findings))
  assert.ok(found.isLive)
  finds(found, 'note', path, /was being written while it was read/)
  await shop.remove()
})

live('tolerates nothing else', async () => {
  const shop = await makeEventful({ ...SMALL, end: 'crashed' })
  const [first] = segmentsOf(shop)
  const path = segmentsOf(shop).at(-2) as string
  const last = framesOf(path).at(-1)
  assert.ok(last)
  const change = (at: number) => (bytes: Buffer) => bytes.fill(7, at, at + 3)
  const look = () => audit(shop, { isLive: () => true }).verdict
  assert.is(whileChanged(first as string, change(700), look), 'damaged')
  assert.is(whileChanged(path, change(700), look), 'damaged')
  // It stays so, however often it is read: no write takes so long.
  assert.is(whileChanged(path, change(last.offset + 80), look), 'torn')
  await shop.remove()
})

live.run()
