/** Damages a journal, has it repaired, and holds the repair to what it said. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { readEvents } from '../../src/cli/event-reader.ts'
import { openJournalFiles } from '../../src/cli/journal-files.ts'
import { applyChanges, keptNames } from '../../src/cli/repair/apply.ts'
import type { ChoiceName } from '../../src/cli/repair/choice.ts'
import { planRepair, type RepairPlan } from '../../src/cli/repair/plan.ts'
import { replayJournal } from '../../src/cli/replay.ts'
import { missingFrom } from '../../src/cli/shard-base.ts'
import { noProgress } from '../../src/cli/terminal.ts'
import { auditJournal } from '../../src/cli/verify/audit.ts'
import { realDisk } from '../../src/persistence/journal/disk.ts'
import { recoverAll } from '../storage/witness.ts'
import { fingerprint } from './files.ts'
import type { Workshop } from './workshop.ts'

export type MendOptions = { readonly prefer?: ChoiceName; readonly sources?: readonly string[] }
const AT = '2026-01-06T10:00:00.000Z'

/** Plans, and checks that nothing was changed by it. */
export function planned(shop: Workshop, { prefer, sources = [] }: MendOptions = {}): RepairPlan {
  const before = fingerprint(shop.root)
  const plan = planRepair(openJournalFiles(shop.root), { prefer, sources, at: AT })
  assert.equal(fingerprint(shop.root), before, 'a plan changes nothing')
  return plan
}

/** The names of what was chosen, step by step. */
export function chosen({ steps }: RepairPlan): string[] {
  return steps.map(({ chosen: { name } }) => name)
}

/** By shard, the sequence of its last event, by recovery. */
export function endsOf(shop: Workshop): number[] {
  const { shards } = recoverAll(shop.files, { useSnapshots: true })
  return [...shards.values()].map(({ nextSequence }) => nextSequence - 1)
}

/** Plans and does it. What came of it is good by every measure, and no more is lost than was said. */
export function mend(
  shop: Workshop,
  options: MendOptions & { readonly ends: readonly number[] },
): RepairPlan {
  const plan = planned(shop, options)
  assert.is(plan.stuck, undefined)
  assert.ok(plan.steps.length > 0, 'there was something to mend')
  const { changes } = plan.draft
  const originals = new Map(
    changes.filter(({ isNew }) => !isNew).map(({ path }) => [path, readFileSync(path)]),
  )
  const kept = keptNames(realDisk, changes, AT)
  const repair = { at: AT, steps: [], loss: plan.loss, kept: [] }
  applyChanges(realDisk, shop.journal, { changes, kept, repair })

  for (const [path, bytes] of originals) {
    const as = kept.get(path) as string
    assert.match(as, /\.damaged-2026-01-06T10-00-00\.000Z(?:-\d)?$/)
    assert.ok(readFileSync(as).equals(bytes), `the original of ${path} is kept`)
  }
  for (const { path, content } of changes) assert.is(existsSync(path), content.type !== 'none', path)

  const files = openJournalFiles(shop.root)
  const audit = auditJournal(files)
  assert.is(audit.verdict, 'good', JSON.stringify(audit.findings, undefined, 1))
  const note = audit.findings.find(({ file }) => file === join('journal', 'repairs.jsonl'))
  assert.match(note?.reason ?? '', `repaired at ${AT}`)
  assert.equal(
    replayJournal(files, noProgress).snapshots.filter(({ difference }) => difference !== undefined),
    [],
  )
  const ends = endsOf(shop)
  assert.equal(
    plan.loss.events.map(({ shard, from, to }) => [shard, from, to]),
    options.ends.flatMap((end, shard) =>
      (ends[shard] ?? 0) < end ? [[shard, (ends[shard] ?? 0) + 1, end]] : [],
    ),
    'what is lost is what was said to be',
  )
  // The rest can be read, from the first event to the last, but for what only snapshots know.
  const read = new Map<number, number>()
  for (const { shard } of readEvents(files)) read.set(shard, (read.get(shard) ?? 0) + 1)
  const unread = missingFrom(files).reduce((sum, { from, to }) => sum + to - from + 1, 0)
  const total = [...read.values()].reduce((sum, count) => sum + count, 0)
  const held = ends.reduce((sum, end) => sum + end, 0) - unread - total
  assert.ok(held >= 0 && held < 40, `${held} events are neither read, nor lost, nor given up`)
  return plan
}

/** The engine starts on it, goes on, and leaves it good. */
export async function expectServed(shop: Workshop): Promise<void> {
  const before = endsOf(shop)
  await shop.start(Math.min(2, shop.shards))
  await shop.trade(8)
  await shop.close()
  const after = endsOf(shop)
  assert.ok(after.every((end, shard) => end >= (before[shard] as number)))
  assert.ok(after.some((end, shard) => end > (before[shard] as number)))
  const audit = auditJournal(openJournalFiles(shop.root))
  assert.is(audit.verdict, 'good', JSON.stringify(audit.findings, undefined, 1))
}
