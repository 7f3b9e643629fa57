/**
 * Moves files of a journal to an archive. At every moment each of them is whole in one place at least, and what is only in
 * the archive is in the record: a crash at any step leaves both, or the copy, and doing it again finishes it.
 *
 *   copy beside → sync → compare → rename → sync the archive → write the record → remove → sync the journal
 */
import { hash } from 'node:crypto'
import { join } from 'node:path'
import {
  type ArchivedFile,
  archiveRecordName,
  readArchive,
  writeArchive,
} from '../../persistence/journal/archived.ts'
import type { Disk, DiskFile } from '../../persistence/journal/disk.ts'
import { readWhole } from '../../persistence/journal/segments.ts'
import { Unusable } from '../exit-codes.ts'
import type { PlannedFile } from './plan.ts'

const ASIDE = '.copying'
const CHUNK_BYTES = 1_024 * 1_024

export type Move = {
  readonly disk: Disk
  readonly journal: string
  /** The archive's directory, which exists. */
  readonly to: string
  /** RFC 3339. */
  readonly at: string
  readonly onBytes?: (bytes: number) => void
}

/** When it returns, the files are in the archive, in the record, and no longer here, and all that survives power loss. */
export function moveFiles(move: Move, files: readonly PlannedFile[]): void {
  const { disk, journal, to, at } = move
  if (files.length === 0) return
  for (const file of files) copyOne(move, file)
  disk.syncDirectory(to)
  recordMoved({ disk, journal, to, at }, files)
  keepRecord(move)
  removeMoved({ disk, journal }, files)
}

/** From here on nobody misses them. */
export function recordMoved(
  { disk, journal, to, at }: Pick<Move, 'disk' | 'journal' | 'to' | 'at'>,
  files: readonly PlannedFile[],
): void {
  const before = readArchive(disk, journal)
  const recorded = new Map<string, ArchivedFile>(before.files)
  for (const file of files) recorded.set(file.file, { ...file, to, at })
  writeArchive(disk, journal, { files: recorded.values(), givenUp: before.givenUp })
}

export function removeMoved(
  { disk, journal }: Pick<Move, 'disk' | 'journal'>,
  files: readonly PlannedFile[],
): void {
  for (const { file } of files) disk.remove(join(journal, file))
  disk.syncDirectory(journal)
}

function copyOne({ disk, journal, to, onBytes }: Move, { file: name, bytes, sha256 }: PlannedFile): void {
  const from = join(journal, name)
  const target = join(to, name)
  if (disk.exists(target)) {
    // Of an earlier run, or the archive has another journal's file of this name.
    if (hash('sha256', readWhole(disk, target)) === sha256) return onBytes?.(bytes)
    throw new Unusable(`${target} is there already, and is not ${from}. Archive to an empty directory.`)
  }
  if (disk.exists(target + ASIDE)) disk.remove(target + ASIDE)
  const source = disk.open(from, 'read')
  try {
    const copy = disk.create(target + ASIDE)
    try {
      for (let at = 0; at < bytes; at += CHUNK_BYTES) {
        const part = source.read(at, CHUNK_BYTES)
        copy.write(part, at)
        onBytes?.(part.length)
      }
      copy.syncNow()
    } finally {
      copy.close()
    }
    compare(disk, source, { path: target + ASIDE, from, bytes, sha256 })
  } finally {
    source.close()
  }
  disk.rename(target + ASIDE, target)
}

/** Byte for byte, and with what was planned: the file must not have changed since. */
function compare(
  disk: Disk,
  source: DiskFile,
  expected: {
    readonly path: string
    readonly from: string
    readonly bytes: number
    readonly sha256: string
  },
): void {
  const copy = disk.open(expected.path, 'read')
  try {
    const isSame =
      source.size() === expected.bytes &&
      copy.size() === expected.bytes &&
      isEqual(source, copy, expected.bytes)
    if (isSame && hash('sha256', readWhole(disk, expected.path)) === expected.sha256) return
  } finally {
    copy.close()
  }
  throw new Unusable(`${expected.path} is not what ${expected.from} is. Nothing was removed; try again.`)
}

function isEqual(one: DiskFile, other: DiskFile, bytes: number): boolean {
  for (let at = 0; at < bytes; at += CHUNK_BYTES)
    if (!one.read(at, CHUNK_BYTES).equals(other.read(at, CHUNK_BYTES))) return false
  return true
}

/** So that the archive says of itself what it holds, should the journal's own record ever be damaged. */
function keepRecord({ disk, journal, to }: Move): void {
  const path = join(to, archiveRecordName)
  if (disk.exists(path + ASIDE)) disk.remove(path + ASIDE)
  const file = disk.create(path + ASIDE)
  try {
    file.write(readWhole(disk, join(journal, archiveRecordName)), 0)
    file.syncNow()
  } finally {
    file.close()
  }
  disk.rename(path + ASIDE, path)
  disk.syncDirectory(to)
}
