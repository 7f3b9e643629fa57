/** Surgery on a journal's files. */
import { hash } from 'node:crypto'
import { closeSync, openSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { ProductEvent } from '../../src/domain/events.ts'
import { crc32c } from '../../src/persistence/journal/crc32c.ts'
import { eventsOf, type Frame, parseFrame } from '../../src/persistence/journal/frame.ts'
import type { JournalEvent } from '../../src/persistence/journal/journal-follower.ts'
import type { Workshop } from './workshop.ts'

export type Found = { readonly frame: Frame; readonly offset: number }

/** Paths of segments, oldest first; without those that hold carried frames. */
export function segmentsOf(shop: Workshop): string[] {
  return namesIn(shop.journal, /(?<!-000000)\.segment$/)
}

export function namesIn(directory: string, pattern: RegExp): string[] {
  return readdirSync(directory)
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => join(directory, name))
}

export function framesOf(path: string): Found[] {
  const bytes = readFileSync(path)
  const found: Found[] = []
  for (let offset = 0; ; ) {
    const parsed = parseFrame(bytes, offset)
    if (parsed.type !== 'frame') return found
    found.push({ frame: parsed.frame, offset })
    offset += parsed.frame.bytes.length
  }
}

/** Does something to a file, has it looked at, and puts everything back. */
export function whileChanged<T>(path: string, change: (bytes: Buffer) => Buffer, look: () => T): T {
  const before = readFileSync(path)
  try {
    writeFileSync(path, change(Buffer.from(before)))
    return look()
  } finally {
    writeFileSync(path, before)
  }
}

export function writeAt(path: string, offset: number, bytes: Uint8Array): void {
  const file = openSync(path, 'r+')
  try {
    writeSync(file, bytes, 0, bytes.length, offset)
  } finally {
    closeSync(file)
  }
}

/** The same frame in another format, with a checksum that holds. */
export function inFormat(frame: Buffer, version: number): Buffer {
  const changed = Buffer.from(frame)
  changed[12] = version
  changed.writeUInt32LE(crc32c(changed, 12, changed.length), 8)
  return changed
}

/** The same for a snapshot. */
export function snapshotInFormat(snapshot: Buffer, version: number): Buffer {
  const changed = Buffer.from(snapshot)
  changed[8] = version
  changed.writeUInt32LE(crc32c(changed, 8, changed.length), 4)
  return changed
}

export function sizeOf(path: string): number {
  return statSync(path).size
}

/** Every file below a directory, with what is in it. */
export function fingerprint(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).sort()
  return Object.fromEntries(paths.map((path) => [path, hash('sha256', readFileSync(path))]))
}

/** All events of the segments, in the order of their times. */
export function allEventsOf(shop: Workshop): JournalEvent[] {
  const events: JournalEvent[] = []
  for (const path of segmentsOf(shop)) {
    for (const { frame } of framesOf(path)) {
      if (frame.kind !== 'batch') continue
      for (const section of frame.sections) {
        const { shard, atMs, firstSequence } = section
        for (const [i, event] of [...eventsOf(section)].entries()) {
          events.push({ shard, atMs, sequence: firstSequence + i, event })
        }
      }
    }
  }
  return events.sort((a, b) => a.atMs - b.atMs || a.shard - b.shard || a.sequence - b.sequence)
}

/** Of these, the ones that happened to a product. */
export function productEventsOf(shop: Workshop): (JournalEvent & { readonly event: ProductEvent })[] {
  return allEventsOf(shop).flatMap((at) => ('version' in at.event ? [{ ...at, event: at.event }] : []))
}
