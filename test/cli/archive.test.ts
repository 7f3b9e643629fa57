import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import * as assert from 'uvu/assert'
import { planArchive } from '../../src/cli/archive/plan.ts'
import { withArchives } from '../../src/cli/archive-view.ts'
import { type JournalFiles, openJournalFiles } from '../../src/cli/journal-files.ts'
import { replayJournal } from '../../src/cli/replay.ts'
import { noProgress } from '../../src/cli/terminal.ts'
import { auditJournal } from '../../src/cli/verify/audit.ts'
import { readArchive } from '../../src/persistence/journal/archived.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import { recoverAll } from '../storage/witness.ts'
import { suite } from '../support/suite.ts'
import { makeArchivable } from './archivable.ts'
import { journal } from './command.ts'
import {
  allEventsOf,
  fingerprint,
  framesOf,
  namesIn,
  productEventsOf,
  segmentsOf,
  whileChanged,
  writeAt,
} from './files.ts'
import { Workshop } from './workshop.ts'

const test = suite('archive', { limitMs: 60_000 })

const sequencesOf = (shop: Workshop, useSnapshots: boolean) =>
  [...recoverAll(shop.files, { useSnapshots }).shards.values()].map(({ nextSequence }) => nextSequence - 1)

async function archived(shop: Workshop, ...more: string[]) {
  const to = join(shop.root, 'old')
  const { code, out, err } = await journal(['archive', '--to', to, '--json', '--data', shop.root, ...more])
  assert.is(code, 0, err + out)
  return {
    to,
    ...(JSON.parse(out) as { files: string[]; kept: number; reasons: { file: string; why: string }[] }),
  }
}

test('moves what two snapshots know, and everything goes on without it', async () => {
  const shop = await makeArchivable()
  const all = allEventsOf(shop)
  const before = { sequences: sequencesOf(shop, true), names: readdirSync(shop.journal).sort() }
  const { to, files, kept } = await archived(shop)
  const streams = new Set(files.map((name) => name.slice(0, 8)))
  assert.equal([...streams], ['00000001', '00000002', '00000003', '00000004'])
  assert.ok(files.filter((name) => name.endsWith('.mark')).length === 3, 'three streams went as a whole')
  assert.ok(
    files.some((name) => name.endsWith('-000000.segment')),
    'with what they carried',
  )
  assert.is(segmentsOf(shop).length, kept)
  assert.equal(
    [...readdirSync(shop.journal), ...readdirSync(to)].filter((name) => name !== 'archived.jsonl').sort(),
    before.names,
    'each file is in one place',
  )

  assert.equal(sequencesOf(shop, true), before.sequences)
  const audit = auditJournal(openJournalFiles(shop.root))
  assert.is(audit.verdict, 'good', JSON.stringify(audit.findings))
  assert.is(audit.counts.archivedFiles, files.length)
  assert.ok(
    audit.counts.snapshotsCompared >= 4,
    'snapshots are still compared with what comes behind the first',
  )
  assert.is(
    replayJournal(openJournalFiles(shop.root), noProgress).snapshots.filter((s) => s.difference).length,
    0,
  )
  const verified = await journal(['verify', '--data', shop.root])
  assert.is(verified.code, 0, verified.out)
  assert.match(
    verified.out,
    new RegExp(`archived   ${files.length} files, in ${to}; stock is judged from s0\\.\\d+ `),
  )

  const view = withArchives(openJournalFiles(shop.root), [to])
  const whole = auditJournal(view)
  assert.is(whole.verdict, 'good', JSON.stringify(whole.findings))
  assert.is(whole.counts.events, all.length)
  assert.is(replayJournal(view, noProgress).events, all.length)
  const exported = await journal(['export', '--archive', to, '--data', shop.root])
  assert.is(exported.out.trimEnd().split('\n').length, all.length)
  assert.is(exported.err, '')

  await shop.start(2)
  await shop.trade(10)
  await shop.close()
  assert.is(auditJournal(openJournalFiles(shop.root)).verdict, 'good')
  assert.equal((await archived(shop)).files, [], 'nothing more, until there are newer snapshots')
  await shop.remove()
})

test('is told of by whoever reads what is not here any more', async () => {
  const shop = await makeArchivable()
  const all = productEventsOf(shop)
  const { to } = await archived(shop)
  const first = all.find(({ event }) => event.type === 'StockAdjusted') as (typeof all)[number]
  const { productId } = first.event
  const at = ['--at', `s${first.shard}.${first.sequence}`]
  const gone = await journal(['stock', productId, ...at, '--data', shop.root])
  assert.is(gone.code, 3)
  assert.match(
    gone.err,
    new RegExp(`is not in this journal any more\\. \\d+ older files .* went to ${to}; --archive reads`),
  )
  const found = await journal(['stock', productId, ...at, '--archive', to, '--json', '--data', shop.root])
  assert.is(found.code, 0, found.err)
  assert.is(JSON.parse(found.out).sequence, first.sequence)
  assert.is((await journal(['stock', productId, '--data', shop.root])).code, 0, 'now is not affected')

  const part = await journal(['history', productId, '--limit', '1000000', '--json', '--data', shop.root])
  const whole = await journal([
    'history',
    productId,
    '--limit',
    '1000000',
    '--json',
    '--archive',
    to,
    '--data',
    shop.root,
  ])
  assert.is(
    whole.out.trimEnd().split('\n').length,
    all.filter(({ event }) => event.productId === productId).length,
  )
  assert.ok(whole.out.endsWith(part.out) && part.out.length < whole.out.length)
  assert.match(part.err, `went to ${to}; --archive reads them too`)
  assert.is(whole.err, '')

  for (const from of [`s${first.shard}.1`, new Date(first.atMs).toISOString()]) {
    const refused = await journal(['export', '--from', from, '--data', shop.root])
    assert.is(refused.code, 3)
    assert.match(refused.err, /is not in this journal any more\./)
  }
  assert.match(
    (await journal(['export', '--data', shop.root])).err,
    `went to ${to}; --archive reads them too`,
  )

  mkdirSync(join(shop.root, 'other'))
  const wrong = await journal(['verify', '--archive', join(shop.root, 'other'), '--data', shop.root])
  assert.is(wrong.code, 3)
  assert.match(wrong.err, new RegExp(`holds none of the \\d+ files that were archived; they went to ${to}`))
  await shop.remove()
})

test('of customers and reservations knows what snapshots know of what is not here', async () => {
  const shop = await makeArchivable()
  const all = allEventsOf(shop)
  const { to } = await archived(shop)
  const here = openJournalFiles(shop.root)
  const kept = new Set(
    segmentsOf(shop).flatMap((path) =>
      framesOf(path).flatMap(({ frame }) =>
        frame.sections.flatMap(({ shard, firstSequence, count }) =>
          Array.from({ length: count }, (_, i) => `${shard}.${firstSequence + i}`),
        ),
      ),
    ),
  )
  const placeOf = ({ shard, sequence }: { shard: number; sequence: number }) => `${shard}.${sequence}`
  const isKept = (at: { shard: number; sequence: number }) => kept.has(placeOf(at))
  const later = all.find((at) => isKept(at) && at.event.type !== 'UnitsHeld' && 'reservationId' in at.event)
  assert.ok(later !== undefined && 'reservationId' in later.event)
  const id = (later as { event: { reservationId: string } }).event.reservationId
  const shown = await journal(['history', id, '--json', '--data', here.root])
  assert.is(shown.code, 0, shown.err)
  const whole = await journal(['history', id, '--json', '--archive', to, '--data', here.root])
  assert.ok(whole.out.endsWith(shown.out))
  const ann = await journal(['history', 'ann', '--limit', '1000000', '--json', '--data', here.root])
  const own = new Set(
    all.flatMap(({ event }) =>
      'customerId' in event && event.customerId === 'ann' && 'reservationId' in event
        ? event.reservationId
        : [],
    ),
  )
  const expected = all.filter((at) => {
    const { event } = at
    if (!isKept(at) || event.type === 'KeyClaimed') return false
    const isTheirs = 'customerId' in event && event.customerId === 'ann'
    return isTheirs || ('reservationId' in event && own.has(event.reservationId))
  })
  const places = new Set(
    ann.out
      .trimEnd()
      .split('\n')
      .map((line) => placeOf(JSON.parse(line))),
  )
  const missing = expected.filter((at) => !places.has(placeOf(at)))
  assert.is(places.size, expected.length - missing.length)
  // Of a reservation that was made before and forgotten before the first snapshot, nothing says whose it was.
  for (const { event } of missing)
    assert.match(event.type, /^(?:ReturnsClosed|ReservationForgotten|HoldSettled|Split(?!Held).*)$/)
  await shop.remove()
})

test('keeps what it is told to keep, and says why the rest stays', async () => {
  const shop = await makeArchivable()
  const files = openJournalFiles(shop.root)
  const all = planArchive(files)
  const segments = all.files.filter(({ segment }) => segment !== undefined)
  const total = segments.length + all.kept
  for (const keep of [0, 3, all.kept, all.kept + 2, total]) {
    const plan = planArchive(files, { keep })
    assert.ok(plan.kept >= keep, `${plan.kept} of ${total} are kept, and ${keep} were to be`)
    if (keep <= 3) assert.is(plan.kept, all.kept)
    if (keep === total) assert.equal(plan.files, [])
  }
  const middle = segments[segments.length >> 1]?.segment?.begins as string
  const older = planArchive(files, { beforeMs: Date.parse(middle) })
  assert.ok(older.files.length > 0 && older.files.length < all.files.length)
  for (const { segment } of older.files) assert.ok(segment === undefined || segment.ends < middle)

  const { code, out } = await journal(['archive', '--dry-run', '--data', shop.root])
  assert.is(code, 0)
  assert.match(out, /^goes {3}00000001-w000-000001\.segment, 2026-\S+Z to 2026-\S+Z$/m)
  assert.match(
    out,
    /^stays {2}00000004-w000-\d{6}\.segment: (?:no|only one) snapshot of shard \d knows its events up to s\d/m,
  )
  assert.match(
    out,
    new RegExp(
      `Would move ${segments.length} segments in ${all.files.length} files, .*; ${all.kept} segments stay`,
    ),
  )
  await shop.remove()
})

test('moves nothing that one damaged snapshot would make needed', async () => {
  const shop = await makeArchivable()
  const files = openJournalFiles(shop.root)
  const whole = planArchive(files).files.length
  for (const path of namesIn(shop.snapshots, /^s0001-/)) {
    const damaged = whileChanged(
      path,
      (bytes) => bytes.fill(0, 20, 24),
      () => planArchive(files),
    )
    assert.ok(damaged.files.length < whole)
    for (const { segment } of damaged.files) assert.not(segment?.events.some(({ shard }) => shard === 1))
    assert.ok(damaged.reasons.some(({ why }) => /only one snapshot of shard 1 knows/.test(why)))
  }
  // And whatever was moved is needed by nobody, whichever snapshot is damaged then.
  const before = sequencesOf(shop, true)
  await archived(shop)
  for (const path of namesIn(shop.snapshots, /snapshot$/)) {
    whileChanged(
      path,
      (bytes) => bytes.fill(0, 20, 24),
      () => assert.equal(sequencesOf(shop, true), before),
    )
  }
  const without = new Workshop()
  await without.start(1)
  await without.trade(5)
  await without.close()
  const none = await journal(['archive', '--to', join(without.root, 'old'), '--data', without.root])
  assert.is(none.code, 0)
  assert.match(none.out, 'Nothing to archive: 1 segment stays.')
  assert.not(existsSync(join(without.root, 'old')))
  await without.remove()
  await shop.remove()
})

test('changes nothing in a dry run, nor where the journal is damaged', async () => {
  const shop = await makeArchivable()
  const before = fingerprint(shop.root)
  assert.is((await journal(['archive', '--dry-run', '--data', shop.root])).code, 0)
  assert.equal(fingerprint(shop.root), before)
  const path = segmentsOf(shop)[0] as string
  writeAt(path, (framesOf(path)[1]?.offset ?? 0) + 70, Buffer.of(1, 2, 3))
  const damaged = await journal(['archive', '--to', join(shop.root, 'old'), '--data', shop.root])
  assert.is(damaged.code, 1)
  assert.match(damaged.out, 'Damaged: ')
  const { [path]: _, ...others } = fingerprint(shop.root)
  const { [path]: __, ...othersBefore } = before
  for (const lock of ['lock.sqlite', 'maintenance.sqlite']) delete others[join(shop.root, lock)]
  assert.equal(others, othersBefore)
  await shop.remove()
})

test('refuses what it cannot do, and says what it would need', async () => {
  const shop = await makeArchivable({ frames: 12 })
  writeFileSync(join(shop.root, 'file'), '')
  const refused: readonly (readonly [args: string[], why: RegExp])[] = [
    [[], /archive needs --to DIR, --to s3, or --dry-run/],
    [['--to', shop.journal], /is where the journal is; name another directory/],
    [['--to', join(shop.snapshots, 'old')], /is where the journal is/],
    [['--to', shop.root], /is where the journal is/],
    [['--to', '/nowhere/at/all'], /There is no directory \/nowhere\/at/],
    [['--to', join(shop.root, 'file')], /is no directory/],
    [
      ['--dry-run', '--keep', '1', '--before', '2026-01-01T00:00:00Z'],
      /--keep and --before exclude one another/,
    ],
    [['--dry-run', '--before', '12'], /--before takes a time, such as .*, and was given "12"/],
    [['--dry-run', '--keep', 'all'], /--keep takes a whole number/],
    [['--dryrun'], /There is no option --dryrun\. Did you mean --dry-run\?/],
  ]
  for (const [args, why] of refused) {
    const { code, out, err } = await journal(['archive', ...args, '--data', shop.root])
    assert.is(code, 3, `${args.join(' ')}: ${err}`)
    assert.is(out, '')
    assert.match(err, why)
  }
  const other = join(shop.root, 'other')
  mkdirSync(other)
  const [name] = planArchive(openJournalFiles(shop.root)).files.map(({ file }) => file)
  writeFileSync(join(other, name as string), 'of another journal')
  const before = fingerprint(shop.journal)
  const taken = await journal(['archive', '--to', other, '--data', shop.root])
  assert.is(taken.code, 3)
  assert.match(taken.err, /is there already, and is not .*\. Archive to an empty directory/)
  assert.equal(fingerprint(shop.journal), before)
  await shop.remove()
})

test('leaves a journal in which any other loss is still a loss', async () => {
  const shop = await makeArchivable()
  const { to, files } = await archived(shop)
  const verdict = (view: JournalFiles) => auditJournal(view).verdict
  const view = () => withArchives(openJournalFiles(shop.root), [to])
  const aside = join(shop.root, 'aside')
  for (const path of namesIn(shop.journal, /\.(?:segment|mark)$|^archived/)) {
    // What was carried from an archived stream is missed only by who reads that stream.
    const isOfArchived = path.endsWith('-000000.segment')
    renameSync(path, aside)
    const look = isOfArchived ? view() : openJournalFiles(shop.root)
    assert.is(verdict(look), 'damaged', `without ${basename(path)}`)
    renameSync(aside, path)
  }
  for (const name of files) {
    const path = join(to, name)
    const flip = (bytes: Buffer) => {
      bytes[bytes.length >> 1] = 255 - (bytes[bytes.length >> 1] as number)
      return bytes
    }
    assert.is(
      whileChanged(path, flip, () => verdict(view())),
      'damaged',
      `${name} changed in the archive`,
    )
    assert.is(verdict(openJournalFiles(shop.root)), 'good', 'which nobody needs')
  }
  const record = join(shop.journal, 'archived.jsonl')
  const cut = (bytes: Buffer) => bytes.subarray(0, bytes.length - 10)
  whileChanged(record, cut, () => {
    const found = auditJournal(openJournalFiles(shop.root))
    assert.ok(
      found.findings.some(({ file, what }) => file === 'journal/archived.jsonl' && what === 'archiveRecord'),
    )
    assert.throws(
      () => recoverAll(shop.files, { useSnapshots: true }),
      /archived\.jsonl .*does not match its checksum/,
    )
  })
  rmSync(shop.snapshots, { recursive: true })
  mkdirSync(shop.snapshots)
  const bare = auditJournal(openJournalFiles(shop.root))
  assert.ok(bare.findings.some(({ what }) => what === 'base'))
  assert.throws(
    () => recoverAll(shop.files, { useSnapshots: true }),
    new RegExp(`lacks sequence.*what was archived is in ${to}`),
  )
  assert.is(verdict(view()), 'good', 'with the archive all is there')
  await shop.remove()
})

test('takes back what is copied back', async () => {
  const shop = await makeArchivable()
  const all = allEventsOf(shop)
  const { to, files } = await archived(shop)
  for (const name of files) cpSync(join(to, name), join(shop.journal, name))
  const whole = auditJournal(openJournalFiles(shop.root))
  assert.is(whole.verdict, 'good', JSON.stringify(whole.findings))
  assert.is(whole.counts.events, all.length)
  assert.is(recoverAll(shop.files, { useSnapshots: false }).eventsReplayed, all.length)
  assert.equal((await archived(shop)).files, files, 'and moves it again')
  await shop.remove()
})

test('goes on from an earlier run, to the same place or another', async () => {
  const shop = await makeArchivable()
  const all = allEventsOf(shop)
  const first = await archived(shop, '--keep', '6')
  await shop.start(1)
  await shop.trade(30)
  shop.snapshot()
  await shop.trade(30)
  shop.snapshot()
  await shop.trade(5)
  await shop.close()
  const elsewhere = join(shop.root, 'older')
  const second = await journal(['archive', '--to', elsewhere, '--data', shop.root])
  assert.is(second.code, 0, second.err)
  assert.match(second.out, /^Moved \d+ segments in \d+ files/m)
  assert.equal(readArchive(realDisk, shop.journal).directories, [first.to, elsewhere])
  assert.is((await journal(['verify', '--data', shop.root])).code, 0)
  const both = ['--archive', first.to, '--archive', elsewhere, '--data', shop.root]
  assert.is((await journal(['verify', ...both])).code, 0)
  assert.is((await journal(['replay', ...both])).code, 0)
  const { out } = await journal(['export', ...both])
  assert.ok(out.split('\n').length > all.length)
  for (const one of [first.to, elsewhere])
    assert.is((await journal(['verify', '--archive', one, '--data', shop.root])).code, 0, `with ${one} alone`)
  await shop.remove()
})

test('shows the same tail with and without the rest', async () => {
  const shop = await makeArchivable()
  const before = await journal(['tail', '-n', '50', '--data', shop.root])
  await archived(shop)
  const after = await journal(['tail', '-n', '50', '--data', shop.root])
  assert.is(after.out, before.out)
  assert.is((await journal(['stats', '--data', shop.root])).code, 0)
  await shop.remove()
})

test.run()
