/** FAULTS.md, A8: `archive` dies at every call to the disk, or the disk fails there. Both or the copy; again finishes it. */
import { hash } from 'node:crypto'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { moveFiles } from '../../src/cli/archive/move.ts'
import { type PlannedFile, planArchive } from '../../src/cli/archive/plan.ts'
import { viewOf } from '../../src/cli/archive-view.ts'
import { auditJournal } from '../../src/cli/verify/audit.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { type RecoveredShard, recover } from '../../src/persistence/journal/recovery.ts'
import { encodeState } from '../../src/persistence/journal/state-codec.ts'
import { type CallKind, changingCalls, type MemoryDisk, SessionOver } from '../support/memory-disk.ts'
import { note, suite } from '../support/suite.ts'
import { filesOn, inMemory, makeArchivable, onMemoryDisk } from './archivable.ts'

const SHARDS = 2
const { journal, snapshots, archive: to } = inMemory
const AT = '2026-01-05T12:00:00.000Z'
const test = suite('archive that is interrupted', { limitMs: 120_000 })

type Truth = {
  readonly planned: readonly PlannedFile[]
  readonly states: readonly string[]
  /** What is where when all is done. */
  readonly journal: readonly string[]
  readonly archive: readonly string[]
}

const hashOf = ({ state, nextSequence }: RecoveredShard) =>
  `${nextSequence} ${hash('sha256', encodeState(state))}`

function statesOn(disk: MemoryDisk): string[] {
  const { shards } = recover({
    disk: disk.session(),
    journalDirectory: journal,
    snapshotDirectory: snapshots,
    shards: Array.from({ length: SHARDS }, (_, shard) => shard as ShardId),
    shardsOfData: SHARDS,
  })
  return [...shards.values()].map(hashOf)
}

/** What the command does, as far as the journal is concerned. */
function run(disk: MemoryDisk, session = disk.session()): void {
  const files = { ...filesOn(disk, SHARDS), disk: session }
  moveFiles({ disk: session, journal, to, at: AT }, planArchive(files).files)
}

async function scene(): Promise<{ readonly disk: MemoryDisk; readonly truth: Truth }> {
  const shop = await makeArchivable({
    shards: SHARDS,
    frames: 14,
    products: 6,
    segmentBytes: 8 * 1_024,
    end: 'crashed',
  })
  const disk = onMemoryDisk(shop)
  await shop.remove()
  const planned = planArchive(filesOn(disk, SHARDS)).files
  const states = statesOn(disk)
  const done = disk.copy()
  run(done)
  const truth = { planned, states, journal: done.files(journal), archive: done.files(to) }
  assert.ok(planned.length >= 8, `${planned.length} files`)
  assert.equal(statesOn(done), states)
  return { disk, truth }
}

/** Whatever happened, nothing is lost and nothing is taken for lost. */
function expectWhole(disk: MemoryDisk, truth: Truth, where: string): void {
  for (const { file, sha256 } of truth.planned) {
    const isIn = (directory: string) =>
      disk.files(directory).includes(file) && hash('sha256', disk.bytesOf(join(directory, file))) === sha256
    assert.ok(isIn(journal) || isIn(to), `${file} is whole nowhere: ${where}`)
  }
  assert.equal(statesOn(disk), truth.states, where)
}

function expectGood(disk: MemoryDisk, truth: Truth, where: string): void {
  const files = filesOn(disk, SHARDS)
  const alone = auditJournal(files)
  assert.is(alone.verdict, 'good', `${where}: ${JSON.stringify(alone.findings)}`)
  if (
    truth.planned.some(({ file }) => disk.files(to).includes(file)) &&
    disk.files(journal).includes('archived.jsonl')
  ) {
    const view = auditJournal(viewOf(files, [to]))
    assert.is(view.verdict, 'good', `${where}, with the archive: ${JSON.stringify(view.findings)}`)
  }
}

function expectFinished(disk: MemoryDisk, truth: Truth, where: string): void {
  run(disk)
  assert.equal(disk.files(journal), truth.journal, where)
  assert.equal(disk.files(to), truth.archive, where)
  assert.equal(statesOn(disk), truth.states, where)
}

test('leaves both or the copy wherever it is killed or the power fails, and is finished by the next', async () => {
  const { disk, truth } = await scene()
  let images = 0
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
      const where = `at call ${nth}, ${error.message}`
      for (const { name, disk: image } of trial.images()) {
        images += 1
        expectWhole(image, truth, `${name}, ${where}`)
      }
      for (const [name, image] of [
        ['killed', trial.copy()],
        ['powerless', trial.afterPowerLoss()],
      ] as const) {
        expectWhole(image, truth, `${name} ${where}`)
        expectGood(image, truth, `${name} ${where}`)
        expectFinished(image, truth, `${name} ${where}`)
      }
    }
  }
  note(`${images} images`)
  assert.ok(images > 50, String(images))
})

test('removes nothing where a call fails, and is finished once the disk is well', async () => {
  const { disk, truth } = await scene()
  const kinds: readonly CallKind[] = [...changingCalls, 'open', 'read']
  let failures = 0
  for (const code of ['EIO', 'ENOSPC'] as const) {
    for (let nth = 1; ; nth += code === 'EIO' ? 1 : 5) {
      const trial = disk.copy()
      trial.fail({ code, kinds, path: /archive|archived\.jsonl|journal$/, nth })
      let hasFailed = false
      try {
        run(trial)
      } catch (error) {
        assert.match(String(error), code)
        hasFailed = true
      }
      if (!hasFailed) break
      failures += 1
      trial.heal()
      const where = `${code} at call ${nth}`
      expectWhole(trial, truth, where)
      expectWhole(trial.afterPowerLoss(), truth, `${where}, then without power`)
      expectGood(trial, truth, where)
      expectFinished(trial, truth, where)
    }
  }
  assert.ok(failures > 50, String(failures))
})

test('refuses a copy that is not what was written', async () => {
  const { disk, truth } = await scene()
  const before = disk.files(journal)
  let isLying = true
  disk.onChange = ({ kind, path }) => {
    if (kind === 'syncNow' && path.endsWith('.copying') && isLying) {
      isLying = false
      disk.flip(path, 100)
    }
  }
  assert.throws(() => run(disk), /is not what .* is\. Nothing was removed; try again/)
  assert.equal(disk.files(journal), before)
  disk.onChange = undefined
  expectFinished(disk, truth, 'the next time')
})

test.run()
