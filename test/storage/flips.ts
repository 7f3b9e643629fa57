/**
 * Single bits, flipped one at a time in what the scenario left (FAULTS.md, 34 to 36): `verify` notices each, and recovery
 * refuses, or comes to the same state, or loses no more than what nothing proved.
 */
import * as assert from 'uvu/assert'
import { filesOn } from '../simulation/judgement.ts'
import { randomFrom } from '../support/load-client.ts'
import type { MemoryDisk } from '../support/memory-disk.ts'
import type { Progress } from './crash-sweep.ts'
import { Scenario } from './scenario.ts'
import { witness } from './witness.ts'

/** How the scenario's last process ended. */
export type End = 'closed' | 'crashed'

export type FlipCounts = {
  flips: number
  /** By what `verify` said; one that calls it good has failed the sweep. */
  readonly verdicts: { damaged: number; torn: number }
  /** By what came of recovery, with snapshots and without. */
  readonly recoveries: { refused: number; same: number; shorter: number }
}

/** Bytes from one place to the next. */
export type FlipOptions = { readonly end: End; readonly every: number; readonly seed: number }

/** What the scenario leaves: its disk, on which nothing is lost. */
export async function leftBy(end: End): Promise<MemoryDisk> {
  const scenario = new Scenario()
  await scenario.run()
  const disk = scenario.disk.copy()
  if (end === 'closed') await scenario.recovers(disk)
  return disk.copy()
}

/** In every stretch of so many bytes of all files, one bit, drawn by the seed; of marks' slots every bit. */
export async function sweepFlips(
  { end, every, seed }: FlipOptions,
  progress: Progress = () => {},
): Promise<FlipCounts> {
  const disk = await leftBy(end)
  const files = filesOn(disk)
  const watch = witness(files)
  const random = randomFrom(seed)
  const counts: FlipCounts = {
    flips: 0,
    verdicts: { damaged: 0, torn: 0 },
    recoveries: { refused: 0, same: 0, shorter: 0 },
  }
  for (const path of pathsIn(disk, [files.journal, files.snapshots])) {
    for (const { at, bit } of placesIn(path, disk.bytesOf(path).length, every, random)) {
      const what = `bit ${bit} of byte ${at} of ${path} (${end}, seed ${seed})`
      disk.flip(path, at, 1 << bit)
      const verdict = watch.verdict()
      if (verdict === 'good') assert.unreachable(`verify let pass ${what}`)
      else counts.verdicts[verdict] += 1
      for (const outcome of watch.recoveries(what)) counts.recoveries[outcome] += 1
      disk.flip(path, at, 1 << bit)
      counts.flips += 1
      progress(() => `${end}: ${JSON.stringify(counts)}`)
    }
  }
  assert.is(watch.verdict(), 'good', 'every flip was taken back')
  return counts
}

export function pathsIn(disk: MemoryDisk, directories: readonly string[]): string[] {
  return directories.flatMap((directory) => disk.files(directory).map((name) => `${directory}/${name}`))
}

const MARK_SLOTS = [0, 4_096]
const SLOT_BYTES = 32

function* placesIn(
  path: string,
  size: number,
  every: number,
  random: () => number,
): Generator<{ readonly at: number; readonly bit: number }> {
  if (!path.endsWith('.mark')) {
    for (let from = 0; from < size; from += every) {
      const at = Math.min(size - 1, from + Math.floor(random() * every))
      yield { at, bit: Math.floor(random() * 8) }
    }
    return
  }
  const step = Math.max(1, Math.floor(every / SLOT_BYTES))
  for (const slot of MARK_SLOTS)
    for (let bit = Math.floor(random() * step); bit < SLOT_BYTES * 8; bit += step)
      yield { at: slot + (bit >> 3), bit: bit & 7 }
}
