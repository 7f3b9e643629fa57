/**
 * The data directory: who has it, what format it is in, how many shards it is divided into. Its files are named here
 * and nowhere else; what is in them is their owners' business.
 *
 * D1  One process at a time. The lock is an exclusive transaction on an SQLite file, held for life, so that the kernel
 *     frees it however the process ends. POSIX drops a process's locks on a file when it closes any descriptor of that
 *     file: nothing but SQLite may open the lock file once it is there.
 * D2  The record is the last thing that makes a directory ours. A directory without one holds no acknowledged data; one
 *     that has data and no record is refused, because nobody can tell its number of shards.
 * D3  A file written here is whole or absent: written beside, synced, renamed, the directory synced.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import Database from 'better-sqlite3'
import { z } from 'zod'
import { shardsMax } from '../domain/ids.ts'

/** Where everything in a data directory is; all absolute. */
export type DataPaths = {
  readonly root: string
  readonly lock: string
  /** Locked by whoever moves or mends the journal's files, beside an engine or not. */
  readonly maintenance: string
  readonly record: string
  /** That its journal is on the way elsewhere or here, or has left (moved.ts). */
  readonly moved: string
  readonly adminKey: string
  readonly tables: string
  /** Derived from the journal: it may be deleted while nobody has it open. */
  readonly history: string
  /** Directories, which those make that use them. */
  readonly journal: string
  readonly snapshots: string
  /** Messages to customers, where no mail server takes them; made with the first. */
  readonly mail: string
  readonly images: string
}

export type DirectoryRecord = {
  readonly product: 'holdfast'
  readonly format: number
  readonly shards: number
}

export type DataDirectory = {
  readonly paths: DataPaths
  readonly record: DirectoryRecord
  /** Whether this opening made it. */
  readonly made: boolean
  /** Frees the lock. Only when nothing writes here any more. */
  close(): void
}

export type DirectoryErrorCode =
  /** Another process has it. */
  | 'locked'
  /** Cannot be made, or not be written. */
  | 'unusable'
  /** Divided into another number of shards than configured. */
  | 'shards-differ'
  /** Written by a later version. */
  | 'format-newer'
  /** Not ours, or what says that it is ours is lost or damaged. */
  | 'foreign'

export class DirectoryError extends Error {
  override readonly name = 'DirectoryError'
  readonly code: DirectoryErrorCode

  constructor(code: DirectoryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export const directoryFormat = 1

/** A probe holds its lock for less than this; whoever still has the directory after it means to keep it. */
const lockWaitMs = 250

const recordSchema = z.object({
  product: z.literal('holdfast'),
  format: z.number().int().min(1),
  shards: z.number().int().min(1).max(shardsMax),
})

/** Locks held by this process. A lock that nothing refers to would be collected, and so freed. */
const held = new Set<Database.Database>()

/** The places of a data directory's files; touches nothing. */
export function dataPaths(directory: string): DataPaths {
  const root = resolve(directory)
  return {
    root,
    lock: join(root, 'lock.sqlite'),
    maintenance: join(root, 'maintenance.sqlite'),
    record: join(root, 'holdfast.json'),
    moved: join(root, 'moved.json'),
    adminKey: join(root, 'admin.key'),
    tables: join(root, 'tables.sqlite'),
    history: join(root, 'history.sqlite'),
    journal: join(root, 'journal'),
    snapshots: join(root, 'snapshots'),
    mail: join(root, 'mail'),
    images: join(root, 'images'),
  }
}

/**
 * The same where nodes share the journal: this node's copy of it, and what is made of that, stand beside what one machine
 * would have, and never among it.
 */
export function mirrorPaths(
  paths: DataPaths,
): DataPaths & { readonly mirror: string; readonly mirrorOf: string } {
  const mirror = join(paths.root, 'mirror')
  return {
    ...paths,
    mirror,
    mirrorOf: join(mirror, 'of.txt'),
    history: join(mirror, 'history.sqlite'),
    journal: join(mirror, 'journal'),
    snapshots: join(mirror, 'snapshots'),
  }
}

/**
 * Makes a mirror's directory, or finds it to be of this data. Throws `DirectoryError` where it is of other data, and where
 * the directory has a journal of its own, which nobody would read any more, unless that is known to have become this data.
 */
export function claimMirror(paths: DataPaths, dataId: string, mayHaveJournal = false): void {
  const own = existsSync(paths.journal) && !mayHaveJournal ? readdirSync(paths.journal) : []
  if (own.some((name) => name.endsWith('.segment'))) {
    throw new DirectoryError(
      'foreign',
      `${paths.root} holds the journal of one machine, which a start with REDIS_URL would leave behind. "npm run move" takes it along; else set another DATA_DIR, or unset REDIS_URL.`,
    )
  }
  const { mirror, mirrorOf } = mirrorPaths(paths)
  makeDirectory(mirror)
  const known = existsSync(mirrorOf) ? readFileSync(mirrorOf, 'utf8').trim() : undefined
  if (known === undefined) return writeFileAtomically(mirrorOf, `${dataId}\n`)
  if (known === dataId) return
  throw new DirectoryError(
    'foreign',
    `${mirror} is a copy of data that is not in the Redis of REDIS_URL: that is another Redis, or it has lost everything. If the Redis is the right one, move the directory away, and it is made anew.`,
  )
}

/** Throws `DirectoryError` where the directory was a node's among others: started alone it would begin with nothing. */
export function refuseMirror(paths: DataPaths): void {
  if (!existsSync(mirrorPaths(paths).mirrorOf)) return
  throw new DirectoryError(
    'foreign',
    `${paths.root} is of a node whose journal is in Redis. Set REDIS_URL, or another DATA_DIR to begin anew.`,
  )
}

/** Makes the directory if need be (0700), locks it and checks its record. Throws `DirectoryError`. */
export function openDataDirectory(directory: string, options: { readonly shards: number }): DataDirectory {
  const paths = dataPaths(directory)
  makeDirectory(paths.root)
  const lock = takeLock(paths)
  held.add(lock)
  const close = () => {
    held.delete(lock)
    lock.close()
  }
  try {
    const found = readRecord(paths)
    const record = found ?? makeRecord(paths, options.shards)
    if (record.shards !== options.shards) {
      throw new DirectoryError(
        'shards-differ',
        `${paths.root} is divided into ${record.shards} shards, for the life of its data, and SHARDS asks for ${options.shards}. Set SHARDS=${record.shards}, or another DATA_DIR to begin anew.`,
      )
    }
    return { paths, record, made: found === undefined, close }
  } catch (error) {
    close()
    throw error
  }
}

/**
 * Takes one of the locks of a directory that exists, whatever else is in it: `lock` keeps engines off, `maintenance` only
 * others that ask for it too. Throws `DirectoryError`.
 */
export function lockDirectory(
  directory: string,
  which: 'lock' | 'maintenance',
): Pick<DataDirectory, 'close'> {
  const paths = dataPaths(directory)
  const lock = takeLock(paths, paths[which])
  held.add(lock)
  return {
    close() {
      held.delete(lock)
      lock.close()
    },
  }
}

/** Whether a process has the directory open. Writes nothing, and waits for nobody. */
export function isLocked(directory: string): boolean {
  const { lock } = dataPaths(directory)
  if (!existsSync(lock)) return false
  const probe = new Database(lock, { readonly: true, fileMustExist: true, timeout: 0 })
  try {
    // Any read needs the shared lock that the holder's exclusive one excludes.
    probe.prepare('SELECT count(*) FROM sqlite_schema').get()
    return false
  } catch (error) {
    if (isBusy(error)) return true
    throw error
  } finally {
    probe.close()
  }
}

/** Reads the record of a directory that need not be locked; `undefined` where there is none. Throws `DirectoryError`. */
export function readRecord(paths: DataPaths): DirectoryRecord | undefined {
  let text: string
  try {
    text = readFileSync(paths.record, 'utf8')
  } catch (error) {
    if (!isFileError(error, 'ENOENT')) throw unusable(paths.root, error)
    if (!hasData(paths)) return undefined
    throw new DirectoryError(
      'foreign',
      `${paths.root} has data, but no ${paths.record} that says how it is divided. Restore that file from a backup.`,
    )
  }
  const record = recordSchema.safeParse(parseJson(text))
  if (!record.success) {
    throw new DirectoryError(
      'foreign',
      `${paths.record} is not a record of Holdfast's, or damaged. Restore it from a backup, or set another DATA_DIR.`,
    )
  }
  if (record.data.format > directoryFormat) {
    throw new DirectoryError(
      'format-newer',
      `${paths.root} has format ${record.data.format} and this version knows ${directoryFormat} at most. Start the version that wrote it, or a later one.`,
    )
  }
  return record.data
}

/** Replaces a file by one that holds the text and that only its owner can read; returns when it survives power loss. */
export function writeFileAtomically(path: string, text: string): void {
  const temporary = `${path}.new`
  // What a crash left of an earlier try may have another mode, and 'wx' is what makes ours hold.
  rmSync(temporary, { force: true })
  const file = openSync(temporary, 'wx', 0o600)
  try {
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(temporary, path)
  syncDirectory(dirname(path))
}

/**
 * Makes an empty file that only its owner can read, for SQLite, which gives the files it puts beside it the same mode. A
 * file that exists is left alone, and not even opened: closing it would drop the locks on it (D1).
 */
export function makePrivateFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if (!isFileError(error, 'EEXIST')) throw error
  }
}

function makeDirectory(root: string): void {
  try {
    const firstMade = mkdirSync(root, { recursive: true, mode: 0o700 })
    if (firstMade === undefined) return
    // Every name on the way down must survive too.
    for (let path = root; path.length >= firstMade.length; path = dirname(path)) syncDirectory(dirname(path))
  } catch (error) {
    throw unusable(root, error)
  }
}

function takeLock(paths: DataPaths, path = paths.lock): Database.Database {
  let lock: Database.Database | undefined
  try {
    makePrivateFile(path)
    lock = new Database(path, { timeout: lockWaitMs })
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock?.close()
    if (isBusy(error)) {
      throw new DirectoryError(
        'locked',
        `Another process has the data directory ${paths.root} open. Stop it first, or set another DATA_DIR.`,
        { cause: error },
      )
    }
    throw unusable(paths.root, error)
  }
}

function makeRecord(paths: DataPaths, shards: number): DirectoryRecord {
  const record: DirectoryRecord = { product: 'holdfast', format: directoryFormat, shards }
  try {
    writeFileAtomically(paths.record, `${JSON.stringify(record, undefined, 2)}\n`)
  } catch (error) {
    throw unusable(paths.root, error)
  }
  return record
}

function hasData({ tables, journal }: DataPaths): boolean {
  return existsSync(tables) || (existsSync(journal) && readdirSync(journal).length > 0)
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function unusable(root: string, cause: unknown): DirectoryError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new DirectoryError('unusable', `The data directory ${root} cannot be used: ${reason}`, { cause })
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')
}

function isFileError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
