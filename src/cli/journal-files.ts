/** Where the journal that a command looks at is, and whether an engine writes it meanwhile. */
import { readdirSync, statSync } from 'node:fs'
import { relative } from 'node:path'
import { DirectoryError, dataPaths, isLocked, mirrorPaths, readRecord } from '../persistence/directory.ts'
import { type Disk, realDisk } from '../persistence/journal/disk.ts'
import { listSegments } from '../persistence/journal/segments.ts'
import type { RedisAccess } from '../redis-url.ts'
import { Unusable } from './exit-codes.ts'

export type JournalFiles = {
  readonly disk: Disk
  /** The data directory. */
  readonly root: string
  readonly journal: string
  readonly snapshots: string
  /** How many the data is divided into, by the directory's record; `undefined` where that cannot be read. */
  readonly shards: number | undefined
  /** Why the record cannot be read. */
  readonly recordProblem: string | undefined
  /** Whether an engine has the directory now. */
  isLive(): boolean
  /** Where the journal is in Redis, and these files are a mirror of it. */
  readonly redis?: RedisAccess
  /** Files of the journal that are read from an archive while they are not here: by their path here, where they are. */
  readonly elsewhere?: ReadonlyMap<string, string>
}

/** Finds a data directory's journal, or its mirror of one in Redis, and writes nothing. Throws `Unusable`. */
export function openJournalFiles(directory: string, redis?: RedisAccess): JournalFiles {
  const paths = redis === undefined ? dataPaths(directory) : mirrorPaths(dataPaths(directory))
  expectDirectory(paths.root, `There is no data directory ${paths.root}`)
  const what = readdirSync(paths.root).length === 0 ? 'is empty' : 'has no journal'
  expectDirectory(paths.journal, `${paths.root} ${what}: no engine has started there`)
  let shards: number | undefined
  let recordProblem: string | undefined
  try {
    shards = readRecord(paths)?.shards
    if (shards === undefined) recordProblem = 'there is no record of the number of shards'
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error
    if (error.code === 'format-newer') throw new Unusable(error.message, { cause: error })
    recordProblem = error.message
  }
  return {
    disk: realDisk,
    root: paths.root,
    journal: paths.journal,
    snapshots: paths.snapshots,
    shards,
    recordProblem,
    isLive: () => isLocked(paths.root),
    ...(redis === undefined ? {} : { redis }),
  }
}

/** A file's path as it is shown: within the data directory, or where it is read from instead. */
export function shownPath(files: JournalFiles, path: string): string {
  const there = files.elsewhere?.get(path)
  return there !== undefined && !realDisk.exists(path) ? there : relative(files.root, path)
}

/** Names in a directory that may not exist. */
export function namesIn(disk: Disk, directory: string): readonly string[] {
  return disk.exists(directory) ? disk.list(directory) : []
}

/** Bytes of all segments. */
export function segmentBytesOf({ disk, journal }: JournalFiles): number {
  return listSegments(disk, journal).reduce((bytes, { path }) => {
    const file = disk.open(path, 'read')
    try {
      return bytes + file.size()
    } finally {
      file.close()
    }
  }, 0)
}

/** Whether an error of the system has this code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

/** Throws `Unusable` where a path leads to no directory. */
export function expectDirectory(
  path: string,
  whatIfNot: string,
  advice = 'Name another with --data or DATA_DIR.',
): void {
  let isDirectory: boolean
  try {
    isDirectory = statSync(path).isDirectory()
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw new Unusable(`${whatIfNot}. ${advice}`)
    throw new Unusable(`${path} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  if (!isDirectory) throw new Unusable(`${path} is no directory. ${advice}`)
}
