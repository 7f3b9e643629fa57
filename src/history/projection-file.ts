/**
 * The file of the projection: opened, or made anew. Nothing in it is anybody's only copy: whatever is odd about it, of
 * another version, cut short, damaged, it is deleted and filled again from the journal.
 */
import { rmSync, statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { makePrivateFile } from '../persistence/directory.ts'
import { ProjectionDamaged } from './projection-damaged.ts'

/** Changes with every change of the tables below, and of what is put into them. */
const VERSION = 3
/** "HFHI": no other SQLite file passes for this one. */
const APPLICATION_ID = 0x4846_4849

/** SQLite's own file and what it keeps beside it. */
const PARTS = ['', '-wal', '-shm']

const TABLES = `
  -- Up to where each shard was read; written together with what was read. History begins behind the floor.
  CREATE TABLE checkpoints (
    shard       INTEGER PRIMARY KEY,
    sequence    INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    link        TEXT NOT NULL,
    at_ms       INTEGER NOT NULL,
    floor       INTEGER NOT NULL,
    floor_at_ms INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE products (
    number INTEGER PRIMARY KEY,
    id     TEXT NOT NULL UNIQUE
  ) STRICT;

  -- Events of a product from a version on (stock-blocks.ts).
  CREATE TABLE stock_events (
    product INTEGER NOT NULL,
    version INTEGER NOT NULL,
    events  BLOB NOT NULL,
    PRIMARY KEY (product, version)
  ) STRICT, WITHOUT ROWID;

  -- Lines of reservations of several products, while they hold or have sold anything.
  CREATE TABLE holds (
    reservation TEXT NOT NULL,
    product     INTEGER NOT NULL,
    held        INTEGER NOT NULL,
    sold        INTEGER NOT NULL,
    PRIMARY KEY (reservation, product)
  ) STRICT, WITHOUT ROWID;

  -- Ids without their prefix begin with the time of their making: their order is that of the list.
  CREATE TABLE reservations (
    id        TEXT PRIMARY KEY,
    status    INTEGER NOT NULL,
    customer  TEXT,
    reference TEXT,
    rest      BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX reservations_by_customer ON reservations (customer) WHERE customer IS NOT NULL;
  CREATE INDEX reservations_by_reference ON reservations (reference) WHERE reference IS NOT NULL;
  CREATE INDEX reservations_by_status ON reservations (status);

  -- Ids without their prefix, one after the other, up to the last of them (product-reservations.ts).
  CREATE TABLE product_reservations (
    product INTEGER NOT NULL,
    last    TEXT NOT NULL,
    ids     TEXT NOT NULL,
    PRIMARY KEY (product, last)
  ) STRICT, WITHOUT ROWID;
`

/** Opens the file. One that is not as it should be is replaced, and `onReplaced` is told why. */
export function openProjection(path: string, onReplaced: (why: string) => void): Database.Database {
  try {
    return open(path)
  } catch (error) {
    if (!isDamage(error)) throw error
    onReplaced(error.message)
    removeProjection(path)
    return open(path)
  }
}

/** Only while nobody has it open. */
export function removeProjection(path: string): void {
  for (const part of PARTS) rmSync(path + part, { force: true })
}

/** Bytes of the file and of what is to go into it. */
export function projectionBytes(path: string): number {
  return PARTS.reduce((sum, part) => sum + (statSync(path + part, { throwIfNoEntry: false })?.size ?? 0), 0)
}

/** Bytes that are free beside the file. */
export function freeBytesAt(path: string): number {
  const { bavail, bsize } = statfsSync(dirname(path))
  return bavail * bsize
}

/** Whether the file, and not the disk or this program, is at fault. */
export function isDamage(error: unknown): error is ProjectionDamaged | SqliteError {
  if (error instanceof ProjectionDamaged) return true
  return (
    error instanceof Database.SqliteError &&
    ['SQLITE_CORRUPT', 'SQLITE_NOTADB', 'SQLITE_FORMAT', 'SQLITE_SCHEMA'].some((code) =>
      error.code.startsWith(code),
    )
  )
}

/** Whether it is the disk's: what failed may go well later. */
export function isTrouble(error: unknown): error is SqliteError {
  return error instanceof Database.SqliteError && !isDamage(error)
}

type SqliteError = InstanceType<typeof Database.SqliteError>

function open(path: string): Database.Database {
  makePrivateFile(path)
  const database = new Database(path)
  try {
    // Where the file is new. Many rows to a page, and yet few bytes to write for one that has changed.
    database.pragma('page_size = 8192')
    database.pragma('journal_mode = WAL')
    // What a power cut takes is read from the journal again.
    database.pragma('synchronous = NORMAL')
    database.pragma('wal_autocheckpoint = 1024')
    database.pragma('journal_size_limit = 67108864')
    database.pragma('cache_size = -65536')
    database.pragma('trusted_schema = OFF')
    const version = database.pragma('user_version', { simple: true })
    const application = database.pragma('application_id', { simple: true })
    if (application === 0 && version === 0 && isEmpty(database)) make(database)
    else if (application !== APPLICATION_ID || version !== VERSION)
      throw new ProjectionDamaged(`it has version ${String(version)}, and this one makes ${VERSION}`)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function make(database: Database.Database): void {
  database.transaction(() => {
    database.exec(TABLES)
    database.pragma(`application_id = ${APPLICATION_ID}`)
    database.pragma(`user_version = ${VERSION}`)
  })()
}

function isEmpty(database: Database.Database): boolean {
  return database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined
}
