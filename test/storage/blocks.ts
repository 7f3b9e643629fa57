/**
 * Blocks that are whole and in the wrong place or of the wrong time (FAULTS.md, 38): swapped, doubled, taken from another
 * file, as they were earlier, and zeros; and files that are as they were earlier as a whole.
 */
import { filesOn } from '../simulation/judgement.ts'
import type { MemoryDisk } from '../support/memory-disk.ts'
import type { Progress } from './crash-sweep.ts'
import { pathsIn } from './flips.ts'
import { Scenario } from './scenario.ts'
import { witness } from './witness.ts'

export type BlockCounts = {
  changes: number
  readonly kinds: Map<string, number>
  /** Changes after which something was refused or noticed, and those after which all was as before. */
  noticed: number
  harmless: number
  /** Of what no mark proved, something is gone: to a reader it was never written. */
  shorter: number
}

type Change = { readonly kind: string; readonly path: string; readonly bytes: Buffer }
type Place = { readonly path: string; readonly bytes: Buffer }

const BLOCKS = [512, 4_096]
const CALLS_BETWEEN = 150

/** Makes each change alone, one in `every`, the first of them `from`. Throws where one is wrong in silence. */
export async function sweepBlocks(
  { every, from }: { readonly every: number; readonly from: number },
  progress: Progress = () => {},
): Promise<BlockCounts> {
  const { disk, earlier } = await withEarlier()
  const files = filesOn(disk)
  const watch = witness(files, { proven: 'by marks' })
  const counts: BlockCounts = { changes: 0, kinds: new Map(), noticed: 0, harmless: 0, shorter: 0 }
  const places = pathsIn(disk, [files.journal, files.snapshots]).map((path) => ({
    path,
    bytes: disk.bytesOf(path),
  }))
  let nth = 0
  for (const { kind, path, bytes } of changesOf(places, earlier)) {
    nth += 1
    if ((nth + from) % every !== 0) continue
    const before = disk.bytesOf(path)
    disk.place(path, bytes)
    const verdict = watch.verdict()
    const outcomes = watch.recoveries(`${kind}, change ${nth} of ${path}`)
    if (outcomes.includes('shorter')) counts.shorter += 1
    else if (verdict !== 'good' || outcomes.includes('refused')) counts.noticed += 1
    else counts.harmless += 1
    counts.changes += 1
    counts.kinds.set(kind, (counts.kinds.get(kind) ?? 0) + 1)
    disk.place(path, before)
    progress(() => JSON.stringify({ ...counts, kinds: [...counts.kinds] }))
  }
  return counts
}

/** What the scenario leaves, and what stood on its disk at times before. */
async function withEarlier(): Promise<{ disk: MemoryDisk; earlier: readonly MemoryDisk[] }> {
  const scenario = new Scenario()
  const earlier: MemoryDisk[] = []
  scenario.disk.onChange = ({ nth }) => {
    if (nth >= (earlier.length + 1) * CALLS_BETWEEN) earlier.push(scenario.disk.copy())
  }
  await scenario.run()
  return { disk: scenario.disk.copy(), earlier }
}

function* changesOf(places: readonly Place[], earlier: readonly MemoryDisk[]): Generator<Change> {
  for (const place of places) {
    for (const block of BLOCKS) yield* blocksOf(place, { block, places, earlier })
    for (const then of versionsOf(place, earlier)) yield changed(place, 'an earlier file', then)
  }
}

function* blocksOf(
  place: Place,
  of: { readonly block: number; readonly places: readonly Place[]; readonly earlier: readonly MemoryDisk[] },
): Generator<Change> {
  const { block, places } = of
  const { path, bytes } = place
  const versions = versionsOf(place, of.earlier)
  const other = places.find((candidate) => candidate.path > path && kindOf(candidate) === kindOf(place))
  for (let at = 0; at < bytes.length; at += block) {
    const [here, next] = [bytes.subarray(at, at + block), bytes.subarray(at + block, at + 2 * block)]
    const with_ = (...blocks: readonly Buffer[]) => {
      const behind = at + blocks.reduce((sum, { length }) => sum + length, 0)
      return Buffer.concat([bytes.subarray(0, at), ...blocks, bytes.subarray(behind)])
    }
    if (next.length === block) {
      if (!here.equals(next)) yield changed(place, 'swapped', with_(next, here))
      if (!here.equals(next)) yield changed(place, 'doubled', with_(here, here))
    }
    const foreign = other?.bytes.subarray(at, at + here.length)
    if (foreign?.length === here.length && !foreign.equals(here))
      yield changed(place, 'moved', with_(foreign))
    if (here.some((byte) => byte !== 0)) yield changed(place, 'zeroed', with_(Buffer.alloc(here.length)))
    for (const then of versions) {
      const was = then.subarray(at, at + here.length)
      if (was.length === here.length && !was.equals(here)) yield changed(place, 'stale', with_(was))
    }
  }
}

/** The file at earlier times, where it was another. */
function versionsOf({ path, bytes }: Place, earlier: readonly MemoryDisk[]): Buffer[] {
  const [directory, name] = [path.slice(0, path.lastIndexOf('/')), path.slice(path.lastIndexOf('/') + 1)]
  const found = earlier
    .filter((disk) => disk.files(directory).includes(name))
    .map((disk) => disk.bytesOf(path))
  return found.filter(
    (then, i) => !then.equals(bytes) && !found.slice(0, i).some((other) => other.equals(then)),
  )
}

function kindOf({ path }: Place): string {
  return path.slice(path.lastIndexOf('.'))
}

function changed({ path }: Place, kind: string, bytes: Buffer): Change {
  return { kind, path, bytes }
}
