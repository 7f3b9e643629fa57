import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import * as assert from 'uvu/assert'
import { moveFiles } from '../../src/cli/archive/move.ts'
import { planArchive } from '../../src/cli/archive/plan.ts'
import { openJournalFiles } from '../../src/cli/journal-files.ts'
import { lossText } from '../../src/cli/repair/loss.ts'
import type { ProductId } from '../../src/domain/ids.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import { encodeSnapshot, readSnapshot } from '../../src/persistence/journal/snapshot.ts'
import { suite } from '../support/suite.ts'
import { makeArchivable } from './archivable.ts'
import { fingerprint, framesOf, inFormat, namesIn, segmentsOf, sizeOf, writeAt } from './files.ts'
import { chosen, endsOf, expectServed, mend, planned } from './mending.ts'
import { makeEventful, Workshop } from './workshop.ts'

const SMALL = { segmentBytes: 16 * 1_024, frames: 12 }

/** Four bytes inside a frame, which no single bit explains. */
function spoil(path: string, frame: number): void {
  const at = framesOf(path).at(frame)
  assert.ok(at, `${basename(path)} has a frame ${frame}`)
  writeAt(path, (at?.offset ?? 0) + 66, Buffer.of(0xaa, 0x55, 0xaa, 0x55))
}

function flip(path: string, at: number, mask = 4): void {
  const bytes = readFileSync(path)
  writeAt(path, at, Buffer.of((bytes[at] as number) ^ mask))
}

/** One stream of several segments, with snapshots in the middle of it. */
async function makeLong({ shards = 2 } = {}): Promise<Workshop> {
  const shop = new Workshop({ segmentBytes: 16 * 1_024, shards })
  await shop.start(1)
  while (segmentsOf(shop).length < 5) await shop.trade(2)
  shop.snapshot()
  while (segmentsOf(shop).length < 7) await shop.trade(2)
  await shop.close()
  return shop
}

const frames = suite('repair of a frame', { limitMs: 60_000 })

frames('turns a single flipped bit back, wherever in the frame it is, and loses nothing', async () => {
  const shop = await makeEventful(SMALL)
  const whole = fingerprint(shop.journal)
  const ends = endsOf(shop)
  const path = segmentsOf(shop)[1] as string
  const { offset, frame } = framesOf(path)[5] as ReturnType<typeof framesOf>[number]
  // Magic, length, checksum, format, kind, epoch, ordinal, link, and what it holds.
  for (const at of [0, 4, 5, 8, 11, 13, 17, 26, 50, 64, 70, frame.bytes.length - 1]) {
    flip(path, offset + at)
    const plan = planned(shop)
    assert.equal(chosen(plan), ['bit'], `byte ${at}`)
    assert.match(plan.steps[0]?.chosen.does ?? '', `turns bit 2 of byte ${offset + at} back`)
    assert.equal([plan.loss.events, plan.loss.untold], [[], []])
    flip(path, offset + at)
  }
  flip(path, offset + 80)
  mend(shop, { ends })
  const { [path]: mended } = fingerprint(shop.journal)
  assert.is(mended, whole[path])
  await expectServed(shop)
  await shop.remove()
})

frames('that snapshots make up for gives up its history, and no event', async () => {
  const shop = await makeEventful(SMALL)
  const ends = endsOf(shop)
  spoil(segmentsOf(shop)[0] as string, 5)
  const plan = mend(shop, { ends })
  assert.equal(new Set(chosen(plan)), new Set(['snapshot']))
  assert.equal(plan.loss.events, [])
  assert.ok(plan.loss.history.length > 0)
  assert.equal(endsOf(shop), ends)
  const options = plan.steps[0]?.options ?? []
  assert.equal(
    options.map(({ choice }) => choice.name),
    ['snapshot', 'cut'],
  )
  const [bySnapshot, byCut] = options.map(({ outcome }) =>
    outcome.type === 'known' ? outcome.loss : undefined,
  )
  assert.equal(bySnapshot?.events, [])
  assert.ok((byCut?.events.length ?? 0) > 0 && (byCut?.reservations.length ?? 0) > 0)
  await expectServed(shop)
  await shop.remove()
})

frames('behind the last snapshots cuts what comes after it, and says exactly what that is', async () => {
  const shop = await makeEventful(SMALL)
  const ends = endsOf(shop)
  const path = segmentsOf(shop).at(-2) as string
  spoil(path, -3)
  const plan = mend(shop, { ends })
  assert.equal(chosen(plan), ['cut'])
  const products = Object.values(plan.loss.products).reduce((sum, count) => sum + count, 0)
  assert.ok(products > 10 && plan.loss.reservations.length > 0)
  assert.ok(plan.loss.isMore, 'those in the damaged frame itself nobody can name')
  const lastBit = framesOf(path).at(-1) as ReturnType<typeof framesOf>[number]
  flip(path, lastBit.offset + 70)
  assert.equal(planned(shop).loss.untold, [], 'what is put back is not lost')
  flip(path, lastBit.offset + 70)
  await expectServed(shop)
  await shop.remove()
})

frames('is cut where that is asked for, with all that went on from it', async () => {
  const shop = await makeEventful(SMALL)
  const ends = endsOf(shop)
  spoil(segmentsOf(shop)[1] as string, 4)
  const plan = mend(shop, { ends, prefer: 'cut' })
  assert.is(plan.steps[0]?.chosen.name, 'cut')
  assert.ok(plan.loss.events.length > 0)
  assert.equal(plan.loss.history, [])
  await expectServed(shop)
  await shop.remove()
})

frames('within a long stream lets it begin behind its snapshots', async () => {
  const shop = await makeLong()
  const ends = endsOf(shop)
  const [first, second, third] = segmentsOf(shop) as [string, string, string]
  for (const damage of [
    () => spoil(first, 5),
    () => spoil(second, 3),
    () => rmSync(second),
    () => rmSync(first),
    () => writeAt(third, 0, Buffer.alloc(200, 7)),
  ]) {
    const copy = join(shop.root, 'copy')
    cpSync(shop.journal, copy, { recursive: true })
    damage()
    const plan = mend(shop, { ends })
    assert.equal(chosen(plan), ['snapshot'])
    assert.equal(plan.loss.events, [])
    assert.match(
      plan.steps[0]?.chosen.does ?? '',
      /begins the stream at its segment \d; snapshots know all that came before/,
    )
    assert.equal(endsOf(shop), ends)
    rmSync(shop.journal, { recursive: true })
    renameSync(copy, shop.journal)
  }
  spoil(second, 3)
  mend(shop, { ends })
  await expectServed(shop)
  await shop.remove()
})

frames('is taken from the copy that a later start made', async () => {
  const shop = new Workshop({ shards: 2 })
  await shop.start(1)
  await shop.trade(8)
  await shop.crash()
  await shop.start(1)
  await shop.trade(4)
  await shop.close()
  const ends = endsOf(shop)
  const path = segmentsOf(shop)[0] as string
  const whole = readFileSync(path)
  spoil(path, -1)
  const plan = mend(shop, { ends })
  assert.equal(chosen(plan), ['copy'])
  assert.match(
    plan.steps[0]?.chosen.does ?? '',
    /puts frame \d+ back from its copy in 00000002-w000-000000\.segment/,
  )
  assert.ok(readFileSync(path).equals(whole))
  await expectServed(shop)
  await shop.remove()
})

frames('is taken from a backup that has the file whole', async () => {
  const shop = await makeEventful(SMALL)
  const ends = endsOf(shop)
  const backup = join(shop.root, 'backup')
  cpSync(shop.journal, backup, { recursive: true })
  const [first, second] = segmentsOf(shop) as [string, string]
  spoil(first, 3)
  rmSync(second)
  spoil(segmentsOf(shop).at(-1) as string, 3)
  const plan = mend(shop, { ends, sources: [backup] })
  assert.equal(chosen(plan), ['copy', 'copy', 'copy'])
  assert.equal([plan.loss.events, plan.loss.history], [[], []])
  await expectServed(shop)
  await shop.remove()
})

frames('that says what cannot be so is cut like one that cannot be read', async () => {
  const shop = new Workshop({ shards: 1 })
  await shop.start(1)
  await shop.trade(6)
  const before = framesOf(segmentsOf(shop)[0] as string).length
  const phone = { productId: 'phone' as ProductId }
  await shop.forge(0, [
    { type: 'StockAdjusted', ...phone, version: 1, delta: 5, onHand: 7, reason: '', reference: undefined },
  ])
  await shop.close()
  const plan = planned(shop)
  assert.equal(chosen(plan), ['cut'])
  assert.match(plan.steps[0]?.finding.reason ?? '', 'says 7 are on hand, and 5 are')
  assert.match(plan.steps[0]?.chosen.does ?? '', `cuts the stream before frame ${before + 1}`)
  assert.equal(plan.loss.products, { phone: 1 })
  mend(shop, { ends: [plan.loss.events[0]?.to as number] })
  await expectServed(shop)
  await shop.remove()
})

frames('of a format that this version does not know is left to the version that does', async () => {
  const shop = await makeEventful(SMALL)
  const path = segmentsOf(shop)[2] as string
  const { frame, offset } = framesOf(path)[3] as ReturnType<typeof framesOf>[number]
  writeAt(path, offset, inFormat(frame.bytes, 9))
  const plan = planned(shop)
  assert.equal(plan.steps, [])
  assert.match(plan.stuck ?? '', /nothing mends this: .*a frame of format 9; this version reads format 1/)
  await shop.remove()
})

frames.run()

const streams = suite('repair of a stream', { limitMs: 60_000 })

streams('goes on behind one that is gone, where snapshots know what it held', async () => {
  const shop = await makeEventful(SMALL)
  const ends = endsOf(shop)
  for (const path of namesIn(shop.journal, /^00000002-/)) rmSync(path)
  const plan = mend(shop, { ends })
  assert.equal(new Set(chosen(plan)), new Set(['snapshot']))
  assert.equal(plan.loss.events, [])
  await expectServed(shop)
  await shop.remove()
})

streams('gives up what went on from one that is gone, where none do', async () => {
  const shop = await makeEventful(SMALL)
  const ends = endsOf(shop)
  for (const path of namesIn(shop.snapshots, /./)) rmSync(path)
  for (const path of namesIn(shop.journal, /^00000003-.*segment$/)) rmSync(path)
  const plan = mend(shop, { ends })
  assert.equal(new Set(chosen(plan)), new Set(['cut']))
  assert.ok(plan.steps.some(({ finding }) => finding.what === 'streamGone'))
  assert.ok(plan.loss.isMore)
  await expectServed(shop)
  await shop.remove()
})

streams('that lost its end says what nobody can count', async () => {
  const shop = await makeEventful(SMALL)
  const path = segmentsOf(shop).at(-1) as string
  const all = framesOf(path)
  const kept = all[1] as ReturnType<typeof framesOf>[number]
  truncateSync(path, kept.offset + kept.frame.bytes.length)
  const plan = planned(shop)
  const [from, to] = [kept.frame.ordinal + 1, all.at(-1)?.frame.ordinal]
  assert.equal(plan.loss.untold, [{ stream: '00000007-w000', from, to }])
  assert.equal(plan.loss.events, [])
  assert.match(
    lossText(plan.loss).join('\n'),
    `whatever was in frames ${from} to ${to} of stream 00000007-w000`,
  )
  await shop.remove()
})

streams('begins a new one where snapshots know more than what is left', async () => {
  const shop = await makeEventful(SMALL)
  await shop.start(1)
  await shop.trade(5)
  shop.snapshot()
  await shop.close()
  const ends = endsOf(shop)
  for (const path of namesIn(shop.journal, /^00000008-/)) rmSync(path)
  for (const path of namesIn(shop.journal, /^00000007-/)) rmSync(path)
  const plan = mend(shop, { ends })
  assert.equal(new Set(chosen(plan)), new Set(['snapshot']))
  assert.match(plan.steps[0]?.chosen.does ?? '', /goes on from the snapshots of s0\.\d+, .*, in a new stream/)
  assert.equal(plan.loss.events, [])
  assert.equal(endsOf(shop), ends)
  await expectServed(shop)
  await shop.remove()
})

streams('sets snapshots of a lost end aside, where that is asked for', async () => {
  const shop = await makeEventful(SMALL)
  await shop.start(1)
  await shop.trade(5)
  shop.snapshot()
  await shop.close()
  const ends = endsOf(shop)
  for (const path of namesIn(shop.journal, /^0000000[78]-/)) rmSync(path)
  const plan = mend(shop, { ends, prefer: 'cut' })
  assert.equal(new Set(chosen(plan)), new Set(['cut']))
  assert.equal(plan.loss.products, {}, 'what is gone nobody can name')
  await expectServed(shop)
  await shop.remove()
})

streams('mends an opening that cannot be read', async () => {
  for (const nth of [0, 2, -2]) {
    const shop = await makeEventful(SMALL)
    const ends = endsOf(shop)
    spoil(segmentsOf(shop).at(nth) as string, 0)
    mend(shop, { ends })
    await expectServed(shop)
    await shop.remove()
  }
})

streams('of another history is dropped', async () => {
  const shop = new Workshop({ shards: 2 })
  const ends: number[][] = []
  for (let i = 0; i < 3; i++) {
    await shop.start(1)
    await shop.trade(4)
    await shop.close()
    ends.push(endsOf(shop))
  }
  const other = new Workshop({ shards: 2, seed: 9 })
  await other.start(1)
  await other.trade(4)
  await other.close()
  for (const path of namesIn(other.journal, /./)) cpSync(path, join(shop.journal, basename(path)))
  const [lengths] = [endsOf(other)]
  const plan = planned(shop)
  assert.ok(plan.steps.every(({ finding }) => finding.what === 'history' || finding.what === 'gap'))
  assert.equal(new Set(chosen(plan)), new Set(['cut']))
  assert.equal(
    plan.audit.shards.map(({ sequence }) => sequence),
    lengths,
  )
  await other.remove()
  await shop.remove()
})

streams.run()

const others = suite('repair of what holds no events', { limitMs: 60_000 })

others('writes marks anew', async () => {
  const shop = await makeEventful(SMALL)
  const ends = endsOf(shop)
  const marks = namesIn(shop.journal, /\.mark$/)
  writeFileSync(marks[0] as string, '')
  truncateSync(marks[1] as string, 100)
  rmSync(marks[2] as string)
  writeAt(marks[3] as string, 4, Buffer.of(1, 2, 3, 4))
  writeAt(marks[4] as string, 2_000, Buffer.of(1))
  writeAt(marks.at(-1) as string, 0, Buffer.alloc(4_128, 9))
  const plan = mend(shop, { ends })
  assert.equal(new Set(chosen(plan)), new Set(['rebuild']))
  assert.equal(endsOf(shop), ends)
  await expectServed(shop)
  await shop.remove()
})

others('clears bytes where nothing was written, and gives segments their size', async () => {
  const shop = await makeLong()
  const ends = endsOf(shop)
  const [first, second, third] = segmentsOf(shop) as [string, string, string]
  const { offset, frame } = framesOf(first).at(-1) as ReturnType<typeof framesOf>[number]
  if (offset + frame.bytes.length + 8 < sizeOf(first)) writeAt(first, sizeOf(first) - 3, Buffer.of(1))
  const end = framesOf(second).at(-1) as ReturnType<typeof framesOf>[number]
  truncateSync(second, end.offset + end.frame.bytes.length)
  writeAt(third, sizeOf(third), Buffer.alloc(77))
  const plan = mend(shop, { ends })
  assert.equal(new Set(chosen(plan)), new Set(['clear']))
  await expectServed(shop)
  await shop.remove()
})

others('cuts bytes behind the end of a stream that newer ones took over from', async () => {
  const shop = await makeEventful(SMALL)
  const ends = endsOf(shop)
  const [first] = segmentsOf(shop) as [string]
  writeAt(first, sizeOf(first), Buffer.from('something'))
  writeFileSync(first.replace('000001.segment', '000002.segment'), 'more of it')
  const plan = mend(shop, { ends })
  assert.equal(new Set(chosen(plan)), new Set(['clear']))
  assert.equal(endsOf(shop), ends)
  await expectServed(shop)
  await shop.remove()
})

others('writes carried frames anew from their originals', async () => {
  const shop = await makeEventful(SMALL)
  const ends = endsOf(shop)
  const carried = namesIn(shop.journal, /-000000\.segment$/)
  assert.ok(carried.length >= 3)
  const whole = carried.map((path) => readFileSync(path))
  writeAt(carried[0] as string, 80, Buffer.of(9, 9, 9, 9))
  truncateSync(carried[1] as string, 10)
  rmSync(carried[2] as string)
  const plan = mend(shop, { ends })
  assert.equal(new Set(chosen(plan)), new Set(['rebuild']))
  carried.forEach((path, i) => {
    assert.ok(readFileSync(path).equals(whole[i] as Buffer), basename(path))
  })
  await expectServed(shop)
  await shop.remove()
})

others('sets damaged snapshots aside', async () => {
  const shop = await makeEventful(SMALL)
  const ends = endsOf(shop)
  const [cut, wrong] = namesIn(shop.snapshots, /snapshot$/) as [string, string]
  const differing = namesIn(shop.snapshots, /snapshot$/).at(-1) as string
  truncateSync(cut, 30)
  renameSync(wrong, wrong.replace(/\d{16}/, '0000000000000007'))
  const snapshot = readSnapshot(realDisk, differing)
  for (const stock of snapshot.state.products.values()) stock.sold += 1
  writeFileSync(differing, encodeSnapshot(snapshot))
  const plan = mend(shop, { ends })
  assert.equal(chosen(plan), ['drop', 'drop', 'drop'])
  assert.equal([plan.loss.events, plan.loss.history], [[], []])
  await expectServed(shop)
  await shop.remove()
})

others("writes the directory's record anew", async () => {
  const shop = await makeEventful(SMALL)
  const ends = endsOf(shop)
  const record = join(shop.root, 'holdfast.json')
  for (const text of ['{"product":"holdf', '{"product":"holdfast","format":1,"shards":8}', undefined]) {
    if (text === undefined) rmSync(record)
    else writeFileSync(record, text)
    const plan = planned(shop)
    assert.equal(chosen(plan), ['rebuild'])
  }
  mend(shop, { ends })
  assert.is(JSON.parse(readFileSync(record, 'utf8')).shards, 4)
  await expectServed(shop)
  await shop.remove()
})

others("sets aside what is not the journal's", async () => {
  const shop = await makeEventful(SMALL)
  const ends = endsOf(shop)
  writeFileSync(join(shop.journal, '00000099-w000-000001.segment'), 'a letter')
  const plan = mend(shop, { ends })
  assert.equal(chosen(plan), ['drop'])
  await expectServed(shop)
  await shop.remove()
})

others('mends many things at once', async () => {
  const shop = await makeEventful(SMALL)
  const ends = endsOf(shop)
  spoil(segmentsOf(shop)[0] as string, 5)
  flip(segmentsOf(shop)[3] as string, (framesOf(segmentsOf(shop)[3] as string)[2]?.offset ?? 0) + 70)
  writeFileSync(namesIn(shop.journal, /\.mark$/)[1] as string, '')
  truncateSync(namesIn(shop.snapshots, /^s0001-/)[0] as string, 20)
  rmSync(join(shop.root, 'holdfast.json'))
  const plan = mend(shop, { ends })
  assert.equal(new Set(chosen(plan)), new Set(['rebuild', 'bit', 'snapshot', 'drop']))
  assert.equal(plan.loss.events, [])
  await expectServed(shop)
  await shop.remove()
})

others.run()

const archives = suite('repair of a journal with archived segments', { limitMs: 60_000 })

async function makeArchived() {
  const shop = await makeArchivable({ frames: 14 })
  const ends = endsOf(shop)
  const to = join(shop.root, 'old')
  mkdirSync(to)
  moveFiles(
    { disk: realDisk, journal: shop.journal, to, at: 'then' },
    planArchive(openJournalFiles(shop.root)).files,
  )
  assert.equal(endsOf(shop), ends)
  return { shop, ends, to }
}

archives('takes the record from the archive', async () => {
  const { shop, ends, to } = await makeArchived()
  flip(join(shop.journal, 'archived.jsonl'), 300)
  const plan = mend(shop, { ends, sources: [to] })
  assert.equal(chosen(plan), ['copy'])
  assert.equal([plan.loss.events, plan.loss.history], [[], []])
  await expectServed(shop)
  await shop.remove()
})

archives('goes on from the snapshots where the record is gone for good', async () => {
  const { shop, ends } = await makeArchived()
  flip(join(shop.journal, 'archived.jsonl'), 300)
  const plan = mend(shop, { ends })
  assert.is(chosen(plan)[0], 'forget')
  assert.equal(plan.loss.events, [])
  assert.ok(plan.loss.history.length > 0)
  await expectServed(shop)
  await shop.remove()
})

archives('brings the archive back where no snapshot is left', async () => {
  const { shop, ends, to } = await makeArchived()
  for (const path of namesIn(shop.snapshots, /snapshot$/)) truncateSync(path, 20)
  const alone = planned(shop)
  assert.match(alone.stuck ?? '', /are archived, and no snapshot knows them/)
  const plan = mend(shop, { ends, sources: [to] })
  assert.equal(new Set(chosen(plan)), new Set(['drop', 'copy']))
  assert.equal([plan.loss.events, plan.loss.history], [[], []])
  await expectServed(shop)
  await shop.remove()
})

archives('cuts nothing that the archive rests on', async () => {
  const { shop, ends } = await makeArchived()
  const path = segmentsOf(shop)[0] as string
  spoil(path, 1)
  const plan = mend(shop, { ends, prefer: 'cut' })
  assert.ok(plan.loss.history.length > 0 || plan.loss.events.length > 0)
  await expectServed(shop)
  await shop.remove()
})

archives.run()
