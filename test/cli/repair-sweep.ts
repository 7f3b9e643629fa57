/** Damages a journal in one place after the other, and has each repaired. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import * as assert from 'uvu/assert'
import { openJournalFiles } from '../../src/cli/journal-files.ts'
import { planRepair } from '../../src/cli/repair/plan.ts'
import { auditJournal } from '../../src/cli/verify/audit.ts'
import { namesIn } from './files.ts'
import { chanceOf, type Workshop } from './workshop.ts'

export type RepairSweep = { trials: number; readonly first: Record<string, number>; lost: number }

/** About so many places, spread over all files; what is done in each is drawn by the seed. */
export function sweepRepairs(
  shop: Workshop,
  options: { readonly places: number; readonly seed: number },
): RepairSweep {
  const chance = chanceOf(options.seed)
  const files = openJournalFiles(shop.root)
  const ends = auditJournal(files).shards
  const paths = [...namesIn(shop.journal, /\.(?:segment|mark)$/), ...namesIn(shop.snapshots, /\.snapshot$/)]
  const total = paths.reduce((sum, path) => sum + statSync(path).size, 0)
  const result: RepairSweep = { trials: 0, first: {}, lost: 0 }
  for (const path of paths) {
    const whole = readFileSync(path)
    const places = Math.max(1, Math.round((options.places * whole.length) / total))
    for (let i = 0; i < places; i++) {
      const at = Math.floor(((i + chance()) * whole.length) / places)
      const { bytes, what } = damaged(whole, at, chance())
      const where = `${what} at byte ${at} of ${basename(path)}, seed ${options.seed}`
      if (bytes === undefined) rmSync(path)
      else writeFileSync(path, bytes)
      const { verdict } = auditJournal(files)
      if (verdict === 'damaged') {
        const plan = planRepair(files, { sources: [], prefer: undefined, at: 'now' })
        assert.is(plan.stuck, undefined, where)
        assert.is.not(plan.audit.verdict, 'damaged', where)
        const [first] = plan.steps
        assert.ok(first, where)
        const { name } = (first as NonNullable<typeof first>).chosen
        result.first[name] = (result.first[name] ?? 0) + 1
        // What is not said to be lost is there.
        for (const { shard, sequence } of ends) {
          const lost = plan.loss.events.find((range) => range.shard === shard)
          const left = plan.audit.shards.find((end) => end.shard === shard)?.sequence ?? 0
          // What left no trace nobody can count; that there was something must be said all the same.
          const isTold = (lost?.to ?? left) === sequence || plan.loss.untold.length > 0
          assert.ok(isTold, `the end of shard ${shard}, ${where}: ${JSON.stringify(plan.loss)}`)
          if (lost !== undefined) assert.is(lost.from, left + 1, where)
          result.lost += lost === undefined ? 0 : lost.to - lost.from + 1
        }
        result.trials += 1
      }
      writeFileSync(path, whole)
    }
  }
  return result
}

function damaged(
  whole: Buffer,
  at: number,
  dice: number,
): { readonly bytes: Buffer | undefined; readonly what: string } {
  const bytes = Buffer.from(whole)
  if (dice < 0.3) {
    bytes[at] = (bytes[at] as number) ^ 16
    return { bytes, what: 'one bit' }
  }
  if (dice < 0.6) return { bytes: bytes.fill(0xa5, at, Math.min(bytes.length, at + 9)), what: 'some bytes' }
  if (dice < 0.75)
    return { bytes: bytes.fill(0, at, Math.min(bytes.length, at + 512)), what: 'a block of zeros' }
  if (dice < 0.9) return { bytes: bytes.subarray(0, at), what: 'all that is behind' }
  return { bytes: undefined, what: 'the whole file, chosen' }
}
