/** Where the journal that a command looks at is, and whether an engine writes it meanwhile. */
import { statSync } from 'node:fs'
import { relative } from 'node:path'
import { DirectoryError, dataPaths, isLocked, readRecord } from '../persistence/directory.ts'
import { type Disk, realDisk } from '../persistence/journal/disk.ts'
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
}

/** Finds a data directory's journal, and writes nothing. Throws `Unusable`. */
export function openJournalFiles(directory: string): JournalFiles {
  const paths = dataPaths(directory)
  expectDirectory(paths.root, `There is no data directory ${paths.root}`)
  expectDirectory(paths.journal, `${paths.root} has no journal: no engine has started there`)
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
  }
}

/** A file's path as it is shown: within the data directory. */
export function shownPath(files: JournalFiles, path: string): string {
  return relative(files.root, path)
}

/** Names in a directory that may not exist. */
export function namesIn(disk: Disk, directory: string): readonly string[] {
  return disk.exists(directory) ? disk.list(directory) : []
}

/** Whether an error of the system has this code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

function expectDirectory(path: string, whatIfNot: string): void {
  let isDirectory: boolean
  try {
    isDirectory = statSync(path).isDirectory()
  } catch (error) {
    if (hasCode(error, 'ENOENT')) throw new Unusable(`${whatIfNot}. Name another with --data or DATA_DIR.`)
    throw new Unusable(`${path} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  if (!isDirectory) throw new Unusable(`${path} is no directory. Name another with --data or DATA_DIR.`)
}
