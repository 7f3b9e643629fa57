import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import * as assert from 'uvu/assert'
import { openJournalFiles } from '../../src/cli/journal-files.ts'
import { applyChanges, keptNames } from '../../src/cli/repair/apply.ts'
import { planRepair } from '../../src/cli/repair/plan.ts'
import { flippedBit } from '../../src/cli/repair/single-bit.ts'
import { addRepair, readRepairs } from '../../src/cli/repairs-record.ts'
import { auditJournal } from '../../src/cli/verify/audit.ts'
import { lockDirectory } from '../../src/persistence/directory.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import { changingCalls, type MemoryDisk, SessionOver } from '../support/memory-disk.ts'
import { suite } from '../support/suite.ts'
import { filesOn, inMemory, onMemoryDisk } from './archivable.ts'
import { journal } from './command.ts'
import { fingerprint, framesOf, inFormat, namesIn, segmentsOf, writeAt } from './files.ts'
import { endsOf, expectServed } from './mending.ts'
import { makeEventful, Workshop } from './workshop.ts'

const SMALL = { segmentBytes: 16 * 1_024, frames: 10 }
const AT = '2026-01-06T10:00:00.000Z'

function spoil(path: string, nth: number): void {
  const at = framesOf(path).at(nth)
  writeAt(path, (at?.offset ?? 0) + 66, Buffer.of(0xaa, 0x55, 0xaa, 0x55))
}

const command = suite('journal repair', { limitMs: 60_000 })

command('explains, changes nothing, and ends with 1; with --yes it does what it said', async () => {
  const shop = await makeEventful(SMALL)
  const ends = endsOf(shop)
  const path = segmentsOf(shop)[0] as string
  spoil(path, 4)
  const damaged = readFileSync(path)
  const before = fingerprint(shop.root)
  const told = await journal(['repair', '--data', shop.root])
  assert.is(told.code, 1, told.err)
  assert.equal(fingerprint(shop.root), before)
  assert.match(told.out, /^1\. journal\/00000001-w000-000001\.segment, byte \d+: frame 5 was durable/m)
  assert.match(
    told.out,
    /^ {3}> snapshot {2}cuts the stream before frame 5, and goes on from what snapshots know$/m,
  )
  assert.match(told.out, /^ {15}lost: no event$/m)
  assert.match(
    told.out,
    /^ {5}cut {7}cuts the stream before frame 5, and drops 6 streams that went on from it$/m,
  )
  assert.match(
    told.out,
    /^ {15}lost: s0\.\d+ to s0\.\d+, .* events\)\n.*by product, as far as they can be read: "product-\d+" \d+/m,
  )
  assert.match(told.out, /reservations: res_\w+, /)
  assert.match(told.out, /only snapshots know then of s0\.\d+ to/)
  assert.match(told.out, /Nothing was changed: --yes does what is marked\.$/m)

  const json = await journal(['repair', '--json', '--data', shop.root])
  assert.is(json.code, 1)
  const plan = JSON.parse(json.out)
  assert.equal([plan.command, plan.exitCode, plan.isDone, plan.loss.events], ['repair', 1, false, []])
  assert.equal(
    plan.steps[0].choices.map(({ name, isChosen }: { name: string; isChosen: boolean }) => [name, isChosen]),
    [
      ['snapshot', true],
      ['cut', false],
    ],
  )

  const done = await journal(['repair', '--yes', '--data', shop.root])
  assert.is(done.code, 0, done.out + done.err)
  assert.match(
    done.out,
    /^kept {7}journal\/00000001-w000-000001\.segment as journal\/00000001-w000-000001\.segment\.damaged-\S+Z$/m,
  )
  assert.match(done.out, 'Repaired. What was done is in journal/repairs.jsonl')
  const [kept] = namesIn(shop.journal, /000001\.segment\.damaged-/)
  assert.ok(readFileSync(kept as string).equals(damaged))
  assert.equal(endsOf(shop), ends)

  const { repairs, unread } = readRepairs(realDisk, shop.journal)
  assert.is(unread, 0)
  assert.is(repairs.length, 1)
  assert.equal(repairs[0]?.loss.history, plan.loss.history)
  assert.equal(repairs[0]?.kept[0], {
    file: `journal/${basename(path)}`,
    as: `journal/${basename(kept as string)}`,
  })
  assert.match(repairs[0]?.steps[0]?.found ?? '', /frame 5 was durable/)

  const verified = await journal(['verify', '--data', shop.root])
  assert.is(verified.code, 0, verified.out)
  assert.match(
    verified.out,
    /note {5}journal\/repairs\.jsonl: repaired at \S+Z: no event was lost; only snapshots know of s0/,
  )
  assert.match(verified.out, /note {5}\S+\.damaged-\S+: an original that a repair kept/)
  assert.is((await journal(['replay', '--data', shop.root])).code, 0)
  const nothing = await journal(['repair', '--data', shop.root])
  assert.is(nothing.code, 0)
  assert.match(nothing.out, 'Nothing to repair: the journal is good.')
  await expectServed(shop)

  const given = repairs[0]?.loss.history[0] as { shard: number; from: number }
  const exported = await journal(['export', '--data', shop.root])
  assert.is(exported.code, 0)
  assert.match(exported.err, `s${given.shard}.${given.from} to`)
  assert.match(exported.err, 'were given up by a repair: repairs.jsonl')
  assert.ok(
    exported.out.includes(`"shard":${given.shard},"sequence":${given.from - 1},`),
    'what comes before is read',
  )
  const product = exported.out
    .trimEnd()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .find(({ shard }) => shard === given.shard)
  const at = await journal([
    'stock',
    product.productId,
    '--at',
    `s${given.shard}.${given.from}`,
    '--data',
    shop.root,
  ])
  assert.is(at.code, 3)
  assert.match(at.err, /is not in this journal any more\. A repair gave it up/)
  await shop.remove()
})

command('refuses while an engine runs, or another command works', async () => {
  const shop = await makeEventful(SMALL)
  const engine = lockDirectory(shop.root, 'lock')
  for (const args of [['repair'], ['repair', '--yes']]) {
    const { code, out, err } = await journal([...args, '--data', shop.root])
    assert.is(code, 3)
    assert.is(out, '')
    assert.match(err, /An engine, or another command, has .*\. Stop it first/)
  }
  engine.close()
  const other = lockDirectory(shop.root, 'maintenance')
  const { code, err } = await journal(['repair', '--yes', '--data', shop.root])
  assert.is(code, 3)
  assert.match(err, 'Another archive or repair is at work')
  other.close()
  await shop.remove()
})

command('leaves a torn tail to the next start, and what cannot be mended as it is', async () => {
  const shop = await makeEventful({ ...SMALL, end: 'crashed' })
  const path = segmentsOf(shop).at(-2) as string
  spoil(path, -1)
  const torn = await journal(['repair', '--yes', '--data', shop.root])
  assert.is(torn.code, 2, torn.out)
  assert.match(torn.out, 'the journal is torn, and the next start cuts off')
  await shop.remove()

  const other = await makeEventful(SMALL)
  const [segment] = segmentsOf(other) as [string]
  const { frame, offset } = framesOf(segment)[3] as ReturnType<typeof framesOf>[number]
  writeAt(segment, offset, inFormat(frame.bytes, 9))
  const before = fingerprint(other.journal)
  const stuck = await journal(['repair', '--yes', '--data', other.root])
  assert.is(stuck.code, 1)
  assert.match(
    stuck.out,
    /^This cannot be repaired: nothing mends this: .*a frame of format 9.*Restore its files from a backup/m,
  )
  assert.match(stuck.out, /^Nothing was changed\.$/m)
  assert.equal(fingerprint(other.journal), before)
  await other.remove()
})

command('takes the choice that is asked for, and says which there are', async () => {
  const shop = await makeEventful(SMALL)
  spoil(segmentsOf(shop)[0] as string, 4)
  const cut = JSON.parse((await journal(['repair', '--choose', 'cut', '--json', '--data', shop.root])).out)
  assert.ok(cut.loss.events.length > 0)
  const refused: readonly (readonly [args: string[], why: RegExp])[] = [
    [
      ['--choose', 'snapshots'],
      /--choose takes copy, bit, .*, cut, and was given "snapshots"\. Did you mean snapshot\?/,
    ],
    [['--archive', '/nowhere/at/all'], /There is no directory \/nowhere\/at\/all/],
    [['--force'], /There is no option --force/],
  ]
  for (const [args, why] of refused) {
    const { code, err } = await journal(['repair', ...args, '--data', shop.root])
    assert.is(code, 3)
    assert.match(err, why)
  }
  await shop.remove()
})

command.run()

const interrupted = suite('a repair that is interrupted', { limitMs: 120_000 })

interrupted('keeps every original, and is finished by the next, wherever it was', async () => {
  const shop = new Workshop({ ...SMALL, shards: 2, products: 4 })
  for (let i = 0; i < 3; i++) {
    await shop.start(1)
    await shop.trade(4)
    if (i === 1) shop.snapshot()
    await shop.close()
  }
  spoil(segmentsOf(shop)[0] as string, 2)
  spoil(segmentsOf(shop)[2] as string, 3)
  writeFileSync(namesIn(shop.journal, /\.mark$/)[1] as string, '')
  const originals = new Map(
    namesIn(shop.journal, /\.(?:segment|mark)$/).map((path) => [basename(path), readFileSync(path)]),
  )
  const disk = onMemoryDisk(shop)
  const { shards } = shop
  await shop.remove()
  const { journal: directory } = inMemory
  const parts = { sources: [], prefer: undefined, at: AT }
  const run = (on: MemoryDisk, session = on.session()) => {
    const files = { ...filesOn(on, shards), disk: session, root: inMemory.root }
    const plan = planRepair(files, parts)
    assert.is(plan.stuck, undefined)
    if (plan.steps.length === 0) return
    const { changes } = plan.draft
    const kept = keptNames(session, changes, AT)
    applyChanges(session, directory, {
      changes,
      kept,
      repair: { at: AT, steps: [], loss: plan.loss, kept: [] },
    })
  }
  let crashes = 0
  for (let nth = 1; ; nth++) {
    const trial = disk.copy()
    const session = trial.session()
    let calls = 0
    trial.onCall = ({ kind }) => {
      if (!changingCalls.includes(kind)) return
      calls += 1
      if (calls === nth) session.end()
    }
    try {
      run(trial, session)
      break
    } catch (error) {
      if (!(error instanceof SessionOver)) throw error
      trial.onCall = undefined
      crashes += 1
      for (const [name, image] of [
        ['killed', trial.copy()],
        ['powerless', trial.afterPowerLoss()],
      ] as const) {
        const where = `${name} at call ${nth}, ${error.message}`
        run(image)
        assert.is(auditJournal(filesOn(image, shards)).verdict, 'good', where)
        assert.ok(readRepairs(image.session(), directory).repairs.length > 0, where)
        const names = image.files(directory)
        for (const [file, bytes] of originals) {
          const kept = names.filter((other) => other === file || other.startsWith(`${file}.damaged-`))
          assert.ok(
            kept.some((other) => image.bytesOf(join(directory, other)).equals(bytes)),
            `${file}, ${where}`,
          )
        }
      }
    }
  }
  assert.ok(crashes > 20, String(crashes))
})

interrupted('never shortens the record of repairs', async () => {
  const shop = new Workshop()
  const loss = { events: [], untold: [], history: [], products: {}, reservations: [], isMore: false }
  const repair = { at: AT, steps: [], loss, kept: [] }
  addRepair(realDisk, shop.journal, repair)
  const path = join(shop.journal, 'repairs.jsonl')
  writeFileSync(path, `${readFileSync(path, 'utf8')}{"at":"2026`)
  addRepair(realDisk, shop.journal, { ...repair, at: '2027-01-06T10:00:00.000Z' })
  const { repairs, unread } = readRepairs(realDisk, shop.journal)
  assert.equal(
    repairs.map(({ at }) => at),
    [AT, '2027-01-06T10:00:00.000Z'],
  )
  assert.is(unread, 1)
  const notes = auditJournal(openJournalFiles(shop.root)).findings.map(({ reason }) => reason)
  assert.ok(notes.includes('1 of its lines cannot be read'))
  assert.ok(existsSync(path) && !readdirSync(shop.journal).includes('repairs.jsonl.writing'))
  await shop.remove()
})

interrupted.run()

const bits = suite('a single flipped bit')

bits('is found wherever it is, and two are not taken for one', async () => {
  const shop = new Workshop({ shards: 1 })
  await shop.start(1)
  await shop.trade(2)
  await shop.close()
  const path = segmentsOf(shop)[0] as string
  const whole = readFileSync(path)
  const { frame, offset } = framesOf(path)[1] as ReturnType<typeof framesOf>[number]
  const isIt = ({ link }: { link: string }) => link === frame.link
  for (let at = 0; at < frame.bytes.length * 8; at += 3) {
    const bytes = Buffer.from(whole)
    const [byte, bit] = [offset + (at >> 3), at & 7]
    bytes[byte] = (bytes[byte] as number) ^ (1 << bit)
    assert.equal(flippedBit(bytes, offset, isIt), { byte, bit })
    const other = offset + 12 + ((at * 7) % (frame.bytes.length - 12))
    bytes[other] = (bytes[other] as number) ^ (1 << ((bit + 1) & 7))
    assert.is(flippedBit(bytes, offset, isIt), undefined)
  }
  assert.is(flippedBit(whole.subarray(0, offset + 20), offset, isIt), undefined)
  await shop.remove()
})

bits.run()
