/** A journal as a repair would leave it: changes over files that stay as they are. */
import { basename, dirname, join } from 'node:path'
import type { Disk, DiskFile } from '../../persistence/journal/disk.ts'
import { readWhole } from '../../persistence/journal/segments.ts'
import type { JournalFiles } from '../journal-files.ts'

/** What a file becomes: other bytes, another file's, or none, which is set aside. */
export type Content =
  | { readonly type: 'bytes'; readonly bytes: Buffer }
  | { readonly type: 'copy'; readonly from: string }
  | { readonly type: 'none' }

export type Change = { readonly path: string; readonly content: Content; readonly isNew: boolean }

export class Draft {
  readonly #files: JournalFiles
  readonly #changes: Map<string, Content>

  constructor(files: JournalFiles, changes: ReadonlyMap<string, Content> = new Map()) {
    this.#files = files
    this.#changes = new Map(changes)
  }

  copy(): Draft {
    return new Draft(this.#files, this.#changes)
  }

  /** The journal with the changes made. */
  get files(): JournalFiles {
    const record = this.#changes.get(join(this.#files.root, recordName))
    const shards = record?.type === 'bytes' ? shardsIn(record.bytes) : this.#files.shards
    const recordProblem = record?.type === 'bytes' ? undefined : this.#files.recordProblem
    return { ...this.#files, disk: this.#disk, shards, recordProblem, isLive: () => false }
  }

  /** In the order in which they were made; a file that was changed again stands where it was first. */
  get changes(): readonly Change[] {
    return [...this.#changes].map(([path, content]) => {
      return { path, content, isNew: !this.#files.disk.exists(path) }
    })
  }

  write(path: string, bytes: Buffer): void {
    this.#changes.set(path, { type: 'bytes', bytes })
  }

  /** Takes another file's bytes, whole. */
  take(path: string, from: string): void {
    this.#changes.set(path, { type: 'copy', from })
  }

  setAside(path: string): void {
    if (this.#files.disk.exists(path)) this.#changes.set(path, { type: 'none' })
    else this.#changes.delete(path)
  }

  read(path: string): Buffer {
    return readWhole(this.#disk, path)
  }

  exists(path: string): boolean {
    return this.#disk.exists(path)
  }

  /** Names in the journal's directory. */
  get names(): readonly string[] {
    return this.#disk.list(this.#files.journal)
  }

  get #disk(): Disk {
    const { disk } = this.#files
    const changes = this.#changes
    return {
      ...disk,
      open(path, mode) {
        const content = changes.get(path)
        if (content === undefined) return disk.open(path, mode)
        if (content.type === 'copy') return disk.open(content.from, 'read')
        if (content.type === 'bytes') return fileOf(content.bytes)
        throw Object.assign(new Error(`ENOENT: ${path} was set aside`), { code: 'ENOENT' })
      },
      exists: (path) => (changes.has(path) ? changes.get(path)?.type !== 'none' : disk.exists(path)),
      list(directory) {
        const names = new Set(disk.exists(directory) ? disk.list(directory) : [])
        for (const [path, { type }] of changes) {
          if (dirname(path) !== directory) continue
          if (type === 'none') names.delete(basename(path))
          else names.add(basename(path))
        }
        return [...names].sort()
      },
    }
  }
}

const recordName = 'holdfast.json'

function shardsIn(record: Buffer): number | undefined {
  const { shards } = JSON.parse(record.toString('utf8')) as { shards?: number }
  return shards
}

/** Of bytes that nobody changes. */
function fileOf(bytes: Buffer): DiskFile {
  const refuse = (): never => {
    throw new Error('a draft is only read')
  }
  return {
    write: refuse,
    writeLater: refuse,
    sync: refuse,
    syncNow: refuse,
    truncate: refuse,
    read: (offset, length) => Buffer.from(bytes.subarray(offset, offset + length)),
    size: () => bytes.length,
    isInPlace: () => true,
    close() {},
  }
}
