/**
 * What reading a journal costs at least: every frame's checksum, and every event as an object. It checks no order, no
 * hashes and no sequences, and nothing is done with the events.
 *
 * The layout is that of `src/persistence/journal/frame.ts`; walked here by hand, since the journal's own reader does more.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Event } from '../../src/domain/events.ts'
import { ByteReader } from '../../src/persistence/journal/bytes.ts'
import { crc32c } from '../../src/persistence/journal/crc32c.ts'
import { readEvent } from '../../src/persistence/journal/event-codec.ts'
import { frameHeaderBytes, magicBytes } from '../../src/persistence/journal/frame.ts'

const SEGMENT = /\.segment$/
const KIND_BATCH = 1

export type Scanned = { readonly events: number; readonly frames: number; readonly bytes: number }

export function scanJournal(directory: string): Scanned {
  const scanned = { events: 0, frames: 0, bytes: 0 }
  for (const name of readdirSync(directory).toSorted()) {
    if (SEGMENT.test(name)) scanSegment(readFileSync(join(directory, name)), scanned)
  }
  return scanned
}

function scanSegment(bytes: Buffer, scanned: { events: number; frames: number; bytes: number }): void {
  let last: Event | undefined
  for (let at = 0; isFrame(bytes, at); ) {
    const length = bytes.readUInt32LE(at + 4)
    if (crc32c(bytes, at + 12, at + length) !== bytes.readUInt32LE(at + 8)) throw new Error('a damaged frame')
    if (bytes[at + 13] === KIND_BATCH) {
      const timeMs = bytes.readDoubleLE(at + 40)
      const reader = new ByteReader(bytes.subarray(at, at + length), frameHeaderBytes)
      for (let section = bytes.readUInt16LE(at + 14); section > 0; section--) {
        reader.varint() // shard
        reader.varint() // first sequence
        const atMs = timeMs + reader.varint()
        const count = reader.u32()
        reader.u32() // bytes
        for (let i = 0; i < count; i++) last = readEvent(reader, atMs)
        scanned.events += count
      }
    }
    scanned.frames += 1
    scanned.bytes += length
    at += length
  }
  // Looked at, or nothing would oblige the compiler to decode it.
  if (last !== undefined && 'version' in last && last.version === 0) throw new Error('versions begin at 1')
}

function isFrame(bytes: Buffer, at: number): boolean {
  return at + frameHeaderBytes <= bytes.length && bytes.compare(magicBytes, 0, 4, at, at + 4) === 0
}
