/**
 * A disk in memory that knows the difference between written and durable.
 *
 * What is written is seen at once by every reader, as through the page cache. It becomes durable by a sync of its file;
 * a name becomes durable by a sync of its directory. What has not become so is kept as a list in its order, from which
 * any image that a loss of power may leave can be made.
 *
 * D1  A sync makes durable what was written before it was called, and nothing written after.
 * D2  A failed sync loses its pages: readers still see them, and no later sync makes them durable (fsyncgate).
 * D3  What belongs to a session ends with it: its calls throw, and its promises stay open for ever, as in a process
 *     that is gone.
 */
import { basename, dirname } from 'node:path'
import type { Disk, DiskFile } from '../../src/persistence/journal/disk.ts'

export type CallKind =
  | 'create'
  | 'open'
  | 'exists'
  | 'list'
  | 'makeDirectory'
  | 'rename'
  | 'remove'
  | 'syncDirectory'
  | 'write'
  | 'writeLater'
  | 'sync'
  | 'syncNow'
  | 'read'
  | 'size'
  | 'truncate'
  | 'isInPlace'
  | 'close'

export const changingCalls: readonly CallKind[] = [
  'create',
  'rename',
  'remove',
  'syncDirectory',
  'write',
  'writeLater',
  'sync',
  'syncNow',
  'truncate',
]

/** One call to the disk, in the order of all; the first is 1. */
export type DiskCall = { readonly nth: number; readonly kind: CallKind; readonly path: string }
export type ErrorCode = 'ENOSPC' | 'EIO' | 'EROFS' | 'EEXIST' | 'ENOENT' | 'EBADF'

export type Fault = {
  readonly code: ErrorCode
  /** Which calls fail; all where it is absent. */
  readonly kinds?: readonly CallKind[]
  readonly path?: RegExp
  /** The first of those calls to fail, counted from now; 1 where absent. */
  readonly nth?: number
  /** Every one after it fails too. */
  readonly forever?: boolean
  /** A write that fails has written its first half. */
  readonly short?: boolean
}

type Inode = { readonly number: number; bytes: Buffer; size: number; durable: Buffer }
type Unsynced =
  | { readonly type: 'write'; readonly inode: Inode; readonly offset: number; readonly bytes: Buffer }
  | { readonly type: 'truncate'; readonly inode: Inode; readonly size: number }
  /** `from` is the name a rename takes away; without an inode the name is removed. */
  | {
      readonly type: 'entry'
      readonly directory: string
      readonly name: string
      readonly inode: Inode | undefined
      readonly from: string | undefined
    }
/**
 * Of something not yet durable: all of it survives, none of it, only its first bytes, or only these ranges of them. Of
 * `zeros` nothing survives but that the file is so long, and what it grew by is blank.
 */
export type Fate = 'kept' | 'lost' | 'zeros' | number | readonly Range[]
export type Range = readonly [from: number, to: number]
/** What an image is made from, for whoever chooses the fates. */
export type UnsyncedView = { readonly type: Unsynced['type']; readonly length: number }

type Held = { readonly path: string; readonly finish: () => void; readonly fail: (code: ErrorCode) => void }
type ArmedFault = Fault & { left: number }

/** Why a call after the end of its session throws. */
export class SessionOver extends Error {
  override readonly name = 'SessionOver'
}

const SECTOR = 512
/** A write that is shorter is whole or not at all: a mark's slot lies within one sector, a frame need not. */
const DIVISIBLE_BYTES = 64

export class MemoryDisk {
  /** Files of all directories together may have this many bytes. */
  capacityBytes = Number.POSITIVE_INFINITY
  /** Syncs of these files stay open until `finishSyncs` or `failSyncs`. */
  holdSyncs: ((path: string) => boolean) | undefined
  /** Files whose syncs say that they are done, and make nothing durable. */
  lyingSyncs: ((path: string) => boolean) | undefined
  /** How the others come to their end; at once, where it is absent. */
  finishLater: ((finish: () => void) => void) | undefined
  /** Called before each call takes effect; what it throws is thrown to the caller. */
  onCall: ((call: DiskCall) => void) | undefined
  /** Called after each call that changed something took effect. */
  onChange: ((call: DiskCall) => void) | undefined
  calls = 0
  readonly #directories = new Map<string, { seen: Map<string, Inode>; durable: Map<string, Inode> }>()
  #unsynced: Unsynced[] = []
  readonly #held: Held[] = []
  #faults: ArmedFault[] = []
  #inodes = 0

  /** A disk for one process or thread; `end` is its death (D3). */
  session(): Disk & { end(): void; readonly isOver: boolean } {
    return new Session(this)
  }

  fail(fault: Fault): void {
    this.#faults.push({ ...fault, left: fault.nth ?? 1 })
  }

  /** Nothing fails any more. */
  heal(): void {
    this.#faults = []
    this.capacityBytes = Number.POSITIVE_INFINITY
    this.onCall = undefined
  }

  /** Paths whose sync was called and is held, oldest first. */
  get heldSyncs(): readonly string[] {
    return this.#held.map(({ path }) => path)
  }

  /** Lets the oldest held syncs do their work. */
  finishSyncs(count = this.#held.length): void {
    for (const held of this.#held.splice(0, count)) held.finish()
  }

  failSyncs(code: ErrorCode, count = this.#held.length): void {
    for (const held of this.#held.splice(0, count)) held.fail(code)
  }

  /** Bytes of all files as readers see them. */
  get usedBytes(): number {
    let used = 0
    for (const { seen } of this.#directories.values()) for (const { size } of seen.values()) used += size
    return used
  }

  get unsynced(): readonly UnsyncedView[] {
    return this.#unsynced.map((op) => ({
      type: op.type,
      length: op.type === 'write' ? op.bytes.length : 0,
    }))
  }

  /** The disk after a loss of power, by the fate of each thing not yet durable; all is lost where none is given. */
  afterPowerLoss(fateOf: (index: number) => Fate = () => 'lost'): MemoryDisk {
    const image = new MemoryDisk()
    const copies = new Map<Inode, Inode>()
    const copyOf = (inode: Inode): Inode => {
      const known = copies.get(inode)
      if (known !== undefined) return known
      const copy = image.#inode(inode.durable)
      copies.set(inode, copy)
      return copy
    }
    for (const [path, { durable }] of this.#directories) {
      const entries = new Map([...durable].map(([name, inode]) => [name, copyOf(inode)]))
      image.#directories.set(path, { seen: entries, durable: new Map() })
    }
    this.#unsynced.forEach((op, index) => {
      const fate = fateOf(index)
      if (fate === 'lost') return
      if (op.type === 'write') {
        survive(copyOf(op.inode), op, fate)
      } else if (op.type === 'truncate') resize(copyOf(op.inode), op.size)
      else {
        const { seen } = image.#directory(op.directory)
        if (op.from !== undefined) seen.delete(op.from)
        if (op.inode === undefined) seen.delete(op.name)
        else seen.set(op.name, copyOf(op.inode))
      }
    })
    for (const copy of copies.values()) copy.durable = Buffer.from(copy.bytes.subarray(0, copy.size))
    for (const entry of image.#directories.values()) entry.durable = new Map(entry.seen)
    return image
  }

  /**
   * Every image that power loss may leave now, one kind of loss at a time: all lost; all kept; a prefix of what is not
   * durable, its last write cut at each sector, torn within one, zeroed, or without its first sectors; each thing lost
   * alone although what came after it survived; and each thing surviving alone although what came before it was lost.
   */
  *images(): Generator<{ readonly name: string; readonly disk: MemoryDisk }> {
    const ops = this.#unsynced
    yield { name: 'all lost', disk: this.afterPowerLoss() }
    for (let last = 0; last < ops.length; last++) {
      const upTo = (name: string, fate: Fate) => {
        const fateOf = (index: number): Fate => (index < last ? 'kept' : index === last ? fate : 'lost')
        return { name: `op ${last} ${name}`, disk: this.afterPowerLoss(fateOf) }
      }
      const op = ops[last] as Unsynced
      if (op.type === 'write') {
        for (const cut of sectorsIn(op)) {
          yield upTo(`cut at ${cut}`, cut)
          yield upTo(`without its first ${cut}`, [[cut, op.bytes.length]])
        }
        for (const torn of tearsIn(op)) yield upTo(`torn at ${torn}`, torn)
        yield upTo('zeroed', 'zeros')
      }
      yield upTo('and all before it kept', 'kept')
      if (last === 0 && ops.length === 1) continue
      yield { name: `only op ${last} lost`, disk: this.afterPowerLoss((i) => (i === last ? 'lost' : 'kept')) }
      yield { name: `only op ${last} kept`, disk: this.afterPowerLoss((i) => (i === last ? 'kept' : 'lost')) }
    }
  }

  /** One image in which each thing, and each sector of a write, survives or does not, by chance. */
  mixedImage(random: () => number): MemoryDisk {
    const fates = this.#unsynced.map((op): Fate => {
      if (op.type !== 'write') return random() < 0.5 ? 'kept' : 'lost'
      const starts = [0, ...sectorsIn(op)]
      const ranges = starts.map((from, i): Range => [from, starts[i + 1] ?? op.bytes.length])
      return ranges.filter(() => random() < 0.5)
    })
    return this.afterPowerLoss((index) => fates[index] as Fate)
  }

  /** A copy in which everything seen is durable: what a kill of the process, followed by a long pause, leaves. */
  copy(): MemoryDisk {
    return this.afterPowerLoss(() => 'kept')
  }

  // ---- For tests: looking and meddling, beside all faults -------------------------------------------------------------

  files(directory: string): readonly string[] {
    return [...(this.#directories.get(directory)?.seen.keys() ?? [])].sort()
  }

  bytesOf(path: string): Buffer {
    const { bytes, size } = this.#find(path)
    return Buffer.from(bytes.subarray(0, size))
  }

  /** Puts a file there as if it had always been, or changes one as only a broken disk does. */
  place(path: string, bytes: Uint8Array): void {
    const entry = this.#directory(dirname(path))
    const inode = this.#inode(Buffer.from(bytes))
    entry.seen.set(basename(path), inode)
    entry.durable.set(basename(path), inode)
  }

  flip(path: string, offset: number, mask = 1): void {
    const bytes = this.bytesOf(path)
    bytes[offset] = (bytes[offset] as number) ^ mask
    this.place(path, bytes)
  }

  // ---- What sessions call -------------------------------------------------------------------------------------------

  /** `half` is what a call does that fails half-way. */
  enter(kind: CallKind, path: string, half?: () => void): DiskCall {
    this.calls += 1
    const call = { nth: this.calls, kind, path }
    this.onCall?.(call)
    for (const fault of this.#faults) {
      if (fault.kinds !== undefined && !fault.kinds.includes(kind)) continue
      if (fault.path !== undefined && !fault.path.test(path)) continue
      fault.left -= 1
      if (fault.left === 0 || (fault.left < 0 && fault.forever === true)) {
        if (kind === 'sync' || kind === 'syncNow') this.#losePages(path)
        if (fault.short === true) half?.()
        throw diskError(fault.code, `${kind} ${path}`)
      }
    }
    return call
  }

  changed(call: DiskCall): void {
    this.onChange?.(call)
  }

  create(path: string): Inode {
    const { seen } = this.#directory(dirname(path))
    if (seen.has(basename(path))) throw diskError('EEXIST', path)
    const inode = this.#inode(Buffer.alloc(0))
    seen.set(basename(path), inode)
    this.#entry(path, inode)
    return inode
  }

  find(path: string): Inode {
    return this.#find(path)
  }

  has(path: string): boolean {
    const entry = this.#directories.get(dirname(path))
    return this.#directories.has(path) || entry?.seen.has(basename(path)) === true
  }

  makeDirectory(path: string): void {
    if (!this.#directories.has(path)) this.#directories.set(path, { seen: new Map(), durable: new Map() })
  }

  rename(from: string, to: string): void {
    const inode = this.#find(from)
    const { seen } = this.#directory(dirname(from))
    seen.delete(basename(from))
    seen.set(basename(to), inode)
    this.#entry(to, inode, basename(from))
  }

  remove(path: string): void {
    this.#find(path)
    this.#directory(dirname(path)).seen.delete(basename(path))
    this.#entry(path, undefined)
  }

  syncDirectory(path: string): void {
    const entry = this.#directory(path)
    entry.durable = new Map(entry.seen)
    this.#unsynced = this.#unsynced.filter((op) => op.type !== 'entry' || op.directory !== path)
  }

  write(inode: Inode, bytes: Uint8Array, offset: number, path: string): void {
    const grows = Math.max(0, offset + bytes.length - inode.size)
    const room = this.capacityBytes - this.usedBytes
    const fits = grows <= room ? bytes.length : Math.max(0, bytes.length - grows + Math.max(0, room))
    if (fits > 0) {
      const copy = Buffer.from(bytes.subarray(0, fits))
      put(inode, copy, offset)
      this.#unsynced.push({ type: 'write', inode, offset, bytes: copy })
    }
    if (fits < bytes.length) throw diskError('ENOSPC', `write ${path}`)
  }

  truncate(inode: Inode, size: number): void {
    resize(inode, size)
    this.#unsynced.push({ type: 'truncate', inode, size })
  }

  /** What a sync called now will have made durable (D1). */
  beginSync(inode: Inode): { finish(): void; lose(): void } {
    const before = new Set(this.#unsynced.filter((op) => isOf(op, inode)))
    const forget = () => {
      this.#unsynced = this.#unsynced.filter((op) => !before.has(op))
    }
    return {
      finish: () => {
        for (const op of this.#unsynced) if (before.has(op)) makeDurable(op)
        forget()
      },
      lose: forget,
    }
  }

  hold(held: Held): void {
    this.#held.push(held)
  }

  listOf(path: string): readonly string[] {
    return [...this.#directory(path).seen.keys()].sort()
  }

  #losePages(path: string): void {
    const entry = this.#directories.get(dirname(path))?.seen.get(basename(path))
    if (entry !== undefined) this.beginSync(entry).lose()
  }

  #entry(path: string, inode: Inode | undefined, from?: string): void {
    this.#unsynced.push({ type: 'entry', directory: dirname(path), name: basename(path), inode, from })
  }

  #inode(bytes: Buffer): Inode {
    this.#inodes += 1
    return { number: this.#inodes, bytes: Buffer.from(bytes), size: bytes.length, durable: bytes }
  }

  #directory(path: string) {
    const entry = this.#directories.get(path)
    if (entry === undefined) throw diskError('ENOENT', path)
    return entry
  }

  #find(path: string): Inode {
    const inode = this.#directory(dirname(path)).seen.get(basename(path))
    if (inode === undefined) throw diskError('ENOENT', path)
    return inode
  }
}

class Session implements Disk {
  readonly #disk: MemoryDisk
  isOver = false

  constructor(disk: MemoryDisk) {
    this.#disk = disk
  }

  end(): void {
    this.isOver = true
  }

  create(path: string): DiskFile {
    return this.#do('create', path, () => this.#file(path, this.#disk.create(path)))
  }

  open(path: string, _mode: 'read' | 'readWrite'): DiskFile {
    return this.#do('open', path, () => this.#file(path, this.#disk.find(path)))
  }

  exists(path: string): boolean {
    return this.#do('exists', path, () => this.#disk.has(path))
  }

  list(path: string): readonly string[] {
    return this.#do('list', path, () => this.#disk.listOf(path))
  }

  makeDirectory(path: string): void {
    this.#do('makeDirectory', path, () => this.#disk.makeDirectory(path))
  }

  rename(from: string, to: string): void {
    this.#do('rename', from, () => this.#disk.rename(from, to))
  }

  remove(path: string): void {
    this.#do('remove', path, () => this.#disk.remove(path))
  }

  syncDirectory(path: string): void {
    this.#do('syncDirectory', path, () => this.#disk.syncDirectory(path))
  }

  #do<T>(kind: CallKind, path: string, work: () => T, half?: () => void): T {
    if (this.isOver) throw new SessionOver(`${kind} ${path}`)
    const call = this.#disk.enter(kind, path, half)
    // The hook of a call may be the end of its process.
    if (this.isOver) throw new SessionOver(`${kind} ${path}`)
    const result = work()
    if (changingCalls.includes(kind)) this.#disk.changed(call)
    return result
  }

  #file(path: string, inode: Inode): DiskFile {
    const disk = this.#disk
    let isOpen = true
    const use = <T>(kind: CallKind, work: () => T, half?: () => void): T => {
      const ifOpen = () => {
        if (!isOpen) throw diskError('EBADF', `${kind} ${path}`)
        return work()
      }
      return this.#do(kind, path, ifOpen, half)
    }
    const put = (kind: 'write' | 'writeLater', bytes: Uint8Array, offset: number) => {
      const some = (length: number) => () => disk.write(inode, bytes.subarray(0, length), offset, path)
      const half = bytes.length < DIVISIBLE_BYTES ? 0 : bytes.length >> 1
      use(kind, some(bytes.length), some(half))
    }
    return {
      write: (bytes, offset) => put('write', bytes, offset),
      writeLater: (bytes, offset) => this.#later(() => put('writeLater', bytes, offset)),
      sync: () =>
        new Promise((resolve, reject) => {
          const settle = (work: () => void) => {
            if (!this.isOver) work()
          }
          try {
            if (this.isOver) return
            if (!isOpen) throw diskError('EBADF', `sync ${path}`)
            const call = disk.enter('sync', path)
            if (this.isOver) return
            const sync = disk.beginSync(inode)
            // The system goes on with it even where nobody waits any more.
            const finish = () => {
              if (disk.lyingSyncs?.(path) === true) sync.lose()
              else sync.finish()
              disk.changed(call)
              settle(resolve)
            }
            const fail = (code: ErrorCode) => {
              sync.lose()
              settle(() => reject(diskError(code, `sync ${path}`)))
            }
            if (disk.holdSyncs?.(path) === true) disk.hold({ path, finish, fail })
            else (disk.finishLater ?? queueMicrotask)(finish)
          } catch (error) {
            queueMicrotask(() => settle(() => reject(error)))
          }
        }),
      syncNow: () => use('syncNow', () => disk.beginSync(inode).finish()),
      read: (offset, length) =>
        use('read', () => {
          const end = Math.max(offset, Math.min(inode.size, offset + length))
          return Buffer.from(inode.bytes.subarray(offset, end))
        }),
      size: () => use('size', () => inode.size),
      truncate: (size) => use('truncate', () => disk.truncate(inode, size)),
      isInPlace: () => use('isInPlace', () => disk.has(path) && disk.find(path) === inode),
      close: () =>
        use('close', () => {
          isOpen = false
        }),
    }
  }

  #later(work: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      queueMicrotask(() => {
        if (this.isOver) return
        try {
          work()
          resolve()
        } catch (error) {
          if (!this.isOver) reject(error)
        }
      })
    })
  }
}

export function diskError(code: ErrorCode, what: string): Error & { code: ErrorCode } {
  const [syscall] = what.split(' ')
  return Object.assign(new Error(`${code}: ${what}`), { code, syscall })
}

function isOf(op: Unsynced, inode: Inode): boolean {
  return op.type !== 'entry' && op.inode === inode
}

function makeDurable(op: Unsynced): void {
  if (op.type === 'entry') return
  const { inode } = op
  if (op.type === 'truncate') {
    const durable = Buffer.alloc(op.size)
    inode.durable.copy(durable, 0, 0, op.size)
    inode.durable = durable
    return
  }
  const end = op.offset + op.bytes.length
  if (end > inode.durable.length) {
    const grown = Buffer.alloc(end)
    inode.durable.copy(grown)
    inode.durable = grown
  }
  op.bytes.copy(inode.durable, op.offset)
}

type Write = Extract<Unsynced, { readonly type: 'write' }>

/** Where the sectors of a write begin, but for its first: it need not begin at a sector, its sectors do. */
function sectorsIn({ offset, bytes }: Write): number[] {
  const cuts: number[] = []
  for (let cut = SECTOR - (offset % SECTOR); cut < bytes.length; cut += SECTOR) cuts.push(cut)
  return cuts
}

/**
 * Places within sectors: the first bytes, which say what it is, some of a header, the middle, and all but the last byte. None
 * where something stood before: a sector that is written over is the old one or the new.
 */
function tearsIn({ inode, offset, bytes }: Write): number[] {
  const before = inode.durable.subarray(offset, offset + bytes.length)
  if (bytes.length < DIVISIBLE_BYTES || before.some((byte) => byte !== 0)) return []
  return [1, 2, 3, 4, 13, bytes.length >> 1, bytes.length - 1].filter((torn) => torn < bytes.length)
}

function survive(inode: Inode, { bytes, offset }: Write, fate: Exclude<Fate, 'lost'>): void {
  if (fate === 'kept') put(inode, bytes, offset)
  else if (fate === 'zeros')
    put(inode, Buffer.alloc(Math.max(0, offset + bytes.length - inode.size)), inode.size)
  else if (typeof fate === 'number') put(inode, bytes.subarray(0, fate), offset)
  else for (const [from, to] of fate) put(inode, bytes.subarray(from, to), offset + from)
}

function put(inode: Inode, bytes: Buffer, offset: number): void {
  const end = offset + bytes.length
  if (end > inode.bytes.length) {
    const grown = Buffer.alloc(Math.max(end, inode.bytes.length * 2))
    inode.bytes.copy(grown, 0, 0, inode.size)
    inode.bytes = grown
  }
  bytes.copy(inode.bytes, offset)
  inode.size = Math.max(inode.size, end)
}

function resize(inode: Inode, size: number): void {
  const resized = Buffer.alloc(size)
  inode.bytes.copy(resized, 0, 0, Math.min(size, inode.size))
  inode.bytes = resized
  inode.size = size
}
