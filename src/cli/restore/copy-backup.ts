/**
 * Copies a backup into a directory of its own, so that it survives power loss, all but what makes it a data directory: its
 * record is written last, by whoever has marked it (src/persistence/directory.ts, D2).
 */
import { closeSync, copyFileSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import {
  type DataPaths,
  DirectoryError,
  dataPaths,
  isLocked,
  mirrorPaths,
  readRecord,
} from '../../persistence/directory.ts'
import { Unusable } from '../exit-codes.ts'
import { expectDirectory } from '../journal-files.ts'

export type Backup = {
  readonly paths: DataPaths
  readonly shards: number
  /** Whether it was a node's, whose journal is a copy of one in Redis. */
  readonly isMirror: boolean
  readonly hasTables: boolean
}

/** Finds out what a backup holds. Throws `Unusable` where it is none, or somebody is writing to it. */
export function openBackup(directory: string): Backup {
  const own = dataPaths(directory)
  expectDirectory(own.root, `There is no backup ${own.root}`, '--from names it.')
  const mirror = mirrorPaths(own)
  const isMirror = existsSync(mirror.journal)
  const paths = isMirror ? mirror : own
  const advice = 'A backup is a copy of a whole DATA_DIR; of a node among several, with its mirror.'
  expectDirectory(paths.journal, `${own.root} has no journal`, advice)
  if (isLocked(own.root)) throw new Unusable(`A server has ${own.root}. Stop it, or name a copy of it.`)
  return { paths, shards: shardsIn(own), isMirror, hasTables: existsSync(paths.tables) }
}

function shardsIn(paths: DataPaths): number {
  try {
    const record = readRecord(paths)
    if (record !== undefined) return record.shards
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error
    throw new Unusable(error.message, { cause: error })
  }
  throw new Unusable(`${paths.root} has no ${basename(paths.record)}, which says how it is divided.`)
}

/** Throws `Unusable` where there is anything already. */
export function expectEmpty(directory: string): void {
  const { root } = dataPaths(directory)
  if (!existsSync(root)) return
  expectDirectory(root, `There is no directory ${root}`, '--to names it.')
  if (readdirSync(root).length === 0) return
  throw new Unusable(`${root} is not empty: a backup is restored into a directory of its own.`)
}

/** What was copied, in files and bytes. What is made anew by a start (the history, locks) is left where it is. */
export function copyBackup(
  { paths: from }: Backup,
  to: DataPaths,
  { withTables }: { readonly withTables: boolean },
): number {
  makeDirectory(to.root)
  let files = copyTree(from.journal, to.journal)
  for (const name of ['snapshots', 'mail', 'images'] as const)
    if (existsSync(from[name])) files += copyTree(from[name], to[name])
  if (existsSync(from.adminKey)) files += copyFile(from.adminKey, to.adminKey)
  if (withTables && existsSync(from.tables)) {
    files += copyFile(from.tables, to.tables)
    // What a running server had not moved into the file yet is in its log, and as durable.
    const log = `${from.tables}-wal`
    if (existsSync(log)) files += copyFile(log, `${to.tables}-wal`)
  }
  syncDirectory(to.root)
  syncDirectory(dirname(to.root))
  return files
}

function copyTree(from: string, to: string): number {
  makeDirectory(to)
  let files = 0
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) files += copyTree(source, target)
    else if (entry.isFile()) files += copyFile(source, target)
  }
  syncDirectory(to)
  return files
}

function copyFile(from: string, to: string): number {
  copyFileSync(from, to)
  const file = openSync(to, 'r+')
  fsyncSync(file)
  closeSync(file)
  return 1
}

function makeDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  fsyncSync(directory)
  closeSync(directory)
}
