/**
 * Makes a journal what a draft of it is. What is done is written down before anything is; every file that changes is kept
 * as it was; and a new file has its name only when it is whole and durable. A crash leaves a journal that is damaged as
 * before, or a part of it mended: repairing again goes on from there.
 */
import { dirname } from 'node:path'
import type { Disk } from '../../persistence/journal/disk.ts'
import { readWhole } from '../../persistence/journal/segments.ts'
import { addRepair, type Repair } from '../repairs-record.ts'
import type { Change } from './draft.ts'

const ASIDE = '.repairing'

/** The name by which the original of a file is kept. */
function keptName(disk: Disk, path: string, at: string): string {
  const name = `${path}.damaged-${at.replaceAll(':', '-')}`
  let free = name
  for (let n = 2; disk.exists(free); n++) free = `${name}-${n}`
  return free
}

/** On return all of it survives power loss. */
export function applyChanges(
  disk: Disk,
  journal: string,
  work: {
    readonly changes: readonly Change[]
    /** By path, the names of `keptNames`. */
    readonly kept: ReadonlyMap<string, string>
    readonly repair: Repair
  },
): void {
  const { changes, kept, repair } = work
  addRepair(disk, journal, repair)
  for (const { path, content } of changes) {
    const as = kept.get(path)
    if (content.type === 'none') {
      if (as !== undefined) disk.rename(path, as)
    } else {
      const bytes = content.type === 'bytes' ? content.bytes : readWhole(disk, content.from)
      if (as !== undefined) writeWhole(disk, as, readWhole(disk, path))
      writeWhole(disk, path, bytes)
    }
    disk.syncDirectory(dirname(path))
  }
}

function writeWhole(disk: Disk, path: string, bytes: Buffer): void {
  const aside = path + ASIDE
  if (disk.exists(aside)) disk.remove(aside)
  const file = disk.create(aside)
  try {
    file.write(bytes, 0)
    file.syncNow()
  } finally {
    file.close()
  }
  disk.rename(aside, path)
}

/** By path, the names that originals get. */
export function keptNames(disk: Disk, changes: readonly Change[], at: string): ReadonlyMap<string, string> {
  const existing = changes.filter(({ isNew }) => !isNew)
  return new Map(existing.map(({ path }) => [path, keptName(disk, path, at)]))
}
