/**
 * A stream's mark: a small file that says up to which ordinal its frames were known to be durable. A damaged frame at or
 * below it is no torn tail but a loss. Two slots are written in turn, so that a torn write spoils only the newer one.
 */
import { join } from 'node:path'
import { crc32c } from './crc32c.ts'
import type { Disk, DiskFile } from './disk.ts'
import { type StreamId, streamName } from './frame.ts'

const MAGIC = 0x31_4b_4d_48 // "HMK1"
const SLOT_BYTES = 32
/** Slots a sector apart. */
const SLOT_AT = [0, 4_096] as const
export const markFileBytes: number = SLOT_AT[1] + SLOT_BYTES

export type MarkRead =
  | { readonly type: 'none' }
  | { readonly type: 'mark'; readonly ordinal: number; readonly damagedSlots: number }
  /** The file holds bytes, and none of them are a mark. */
  | { readonly type: 'damaged' }

export function markPath(directory: string, stream: StreamId): string {
  return join(directory, `${streamName(stream)}.mark`)
}

/** Writes marks of one stream. Its calls are strung together: a mark begun waits for the one before. */
export class MarkWriter {
  readonly #file: DiskFile
  #slot = 0
  #last: Promise<void> = Promise.resolve()

  private constructor(file: DiskFile) {
    this.#file = file
  }

  /** Makes the file, blank. Leaves none behind where it throws. */
  static create(disk: Disk, path: string): MarkWriter {
    const file = disk.create(path)
    try {
      file.write(Buffer.alloc(markFileBytes), 0)
      // Or a loss of power could keep the first slot and lose this: a mark that looks as if somebody had cut it short.
      file.syncNow()
      return new MarkWriter(file)
    } catch (error) {
      file.close()
      disk.remove(path)
      throw error
    }
  }

  /** When it resolves, the mark survives power loss. */
  write(ordinal: number): Promise<void> {
    this.#last = this.#last.then(async () => {
      this.#file.write(slotBytes(ordinal), SLOT_AT[this.#slot] as number)
      this.#slot = 1 - this.#slot
      await this.#file.sync()
    })
    return this.#last
  }

  async close(): Promise<void> {
    await this.#last.catch(() => {})
    this.#file.close()
  }
}

/**
 * Says again what a stream was seen to prove, in a file that may not be there; it survives power loss on return. What was
 * read of the old mark may have been in memory only, and after a failed sync no further sync would bring it to the disk.
 */
export function writeMarkAnew(disk: Disk, path: string, ordinal: number): void {
  const file = disk.exists(path) ? disk.open(path, 'readWrite') : disk.create(path)
  try {
    const bytes = Buffer.alloc(markFileBytes)
    file.read(0, markFileBytes).copy(bytes)
    slotBytes(ordinal).copy(bytes, SLOT_AT[0])
    // All of it: what a failed sync lost is seen and not there, the file's length too.
    file.write(bytes, 0)
    file.syncNow()
  } finally {
    file.close()
  }
}

/** A whole mark file that says this. */
export function encodeMark(ordinal: number): Buffer {
  const bytes = Buffer.alloc(markFileBytes)
  slotBytes(ordinal).copy(bytes, SLOT_AT[0])
  return bytes
}

function slotBytes(ordinal: number): Buffer {
  const bytes = Buffer.alloc(SLOT_BYTES)
  bytes.writeUInt32LE(MAGIC, 0)
  bytes.writeDoubleLE(ordinal, 8)
  bytes.writeUInt32LE(crc32c(bytes, 8, SLOT_BYTES), 4)
  return bytes
}

/** The newest mark in a mark file's bytes. */
export function readMark(disk: Disk, path: string): MarkRead {
  if (!disk.exists(path)) return { type: 'none' }
  const file = disk.open(path, 'read')
  let bytes: Buffer
  try {
    bytes = file.read(0, file.size())
  } finally {
    file.close()
  }
  let ordinal = 0
  let valid = 0
  let blank = 0
  for (const at of SLOT_AT) {
    const slot = bytes.subarray(at, at + SLOT_BYTES)
    if (slot.every((byte) => byte === 0)) {
      blank += 1
      continue
    }
    if (slot.length < SLOT_BYTES || slot.readUInt32LE(0) !== MAGIC) continue
    if (slot.readUInt32LE(4) !== crc32c(slot, 8, SLOT_BYTES)) continue
    valid += 1
    ordinal = Math.max(ordinal, slot.readDoubleLE(8))
  }
  const damagedSlots = SLOT_AT.length - valid - blank
  if (valid > 0) return { type: 'mark', ordinal, damagedSlots }
  return damagedSlots > 0 ? { type: 'damaged' } : { type: 'none' }
}
