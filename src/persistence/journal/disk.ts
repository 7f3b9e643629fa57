/**
 * The only way from the journal to a disk, so that tests can lose, tear, delay and refuse what it does.
 *
 * Calls without a promise block their thread: the hot path uses them for writes into the page cache, and recovery for
 * everything. Every failure is thrown, with the system's `code`.
 */
import {
  closeSync,
  constants,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  write,
  writeSync,
} from 'node:fs'

export type DiskFile = {
  /** Writes all of the bytes at the offset. They survive the process, but power loss only after a sync. */
  write(bytes: Uint8Array, offset: number): void
  /** The same without blocking the thread. */
  writeLater(bytes: Uint8Array, offset: number): Promise<void>
  /** When it resolves, every write before it survives power loss. A rejection is never to be tried again (S3). */
  sync(): Promise<void>
  /** The same, blocking. */
  syncNow(): void
  /** As many of the bytes as the file has from the offset on. */
  read(offset: number, length: number): Buffer
  size(): number
  truncate(size: number): void
  /** Whether the path still leads to this very file, not to another or to none. */
  isInPlace(): boolean
  close(): void
}

export type Disk = {
  /** Makes and opens a file that must not exist. */
  create(path: string): DiskFile
  open(path: string, mode: 'read' | 'readWrite'): DiskFile
  exists(path: string): boolean
  /** Names in a directory, sorted. */
  list(path: string): readonly string[]
  makeDirectory(path: string): void
  rename(from: string, to: string): void
  remove(path: string): void
  /** Makes creations, renames and removals in this directory survive power loss. */
  syncDirectory(path: string): void
}

/** The machine's own file system. */
export const realDisk: Disk = {
  create: (path) =>
    realFile(path, openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)),
  open: (path, mode) => realFile(path, openSync(path, mode === 'read' ? 'r' : 'r+')),
  exists: (path) => existsSync(path),
  list: (path) => readdirSync(path).sort(),
  makeDirectory: (path) => void mkdirSync(path, { recursive: true, mode: 0o700 }),
  rename: (from, to) => renameSync(from, to),
  remove: (path) => unlinkSync(path),
  syncDirectory(path) {
    const descriptor = openSync(path, 'r')
    try {
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  },
}

function realFile(path: string, descriptor: number): DiskFile {
  return {
    write(bytes, offset) {
      let done = 0
      while (done < bytes.length)
        done += writeSync(descriptor, bytes, done, bytes.length - done, offset + done)
    },
    writeLater(bytes, offset) {
      return new Promise((resolve, reject) => {
        const step = (done: number): void => {
          if (done === bytes.length) return resolve()
          write(descriptor, bytes, done, bytes.length - done, offset + done, (error, written) => {
            if (error) reject(error)
            else step(done + written)
          })
        }
        step(0)
      })
    },
    sync: () =>
      new Promise((resolve, reject) => {
        fdatasync(descriptor, (error) => (error ? reject(error) : resolve()))
      }),
    syncNow: () => fdatasyncSync(descriptor),
    read(offset, length) {
      const bytes = Buffer.allocUnsafeSlow(Math.max(0, Math.min(length, fstatSync(descriptor).size - offset)))
      let done = 0
      while (done < bytes.length) {
        const read = readSync(descriptor, bytes, done, bytes.length - done, offset + done)
        if (read === 0) break
        done += read
      }
      return bytes.subarray(0, done)
    },
    size: () => fstatSync(descriptor).size,
    truncate: (size) => ftruncateSync(descriptor, size),
    isInPlace() {
      const now = statSync(path, { throwIfNoEntry: false })
      const held = fstatSync(descriptor)
      return now !== undefined && now.ino === held.ino && now.dev === held.dev
    },
    close: () => closeSync(descriptor),
  }
}
