/** The check of a mark file: every byte of it is a slot's, or zero. */
import { isBlank, type StreamId } from '../../persistence/journal/frame.ts'
import { markFileBytes, markPath, readMark } from '../../persistence/journal/mark.ts'
import { readWhole } from '../../persistence/journal/segments.ts'
import { type JournalFiles, shownPath } from '../journal-files.ts'
import type { Findings } from './findings.ts'
import { pause } from './reading.ts'

export type CheckedMark = {
  readonly file: string
  /** What the mark says was durable; 0 where it says nothing. */
  readonly ordinal: number
  /** There is none, or nothing was ever written in it. */
  readonly isBlank: boolean
}

const FIRST_SLOT_END = 32
const SECOND_SLOT_AT = markFileBytes - FIRST_SLOT_END
const REREADS_MAX = 3
const REREAD_AFTER_MS = 5

export function checkMark(files: JournalFiles, findings: Findings, stream: StreamId): CheckedMark {
  const path = markPath(files.journal, stream)
  const file = shownPath(files, path)
  const damaged = (offset: number, reason: string) =>
    findings.add('damaged', { file, offset, what: 'mark' }, reason)
  if (!files.disk.exists(path)) return { file, ordinal: 0, isBlank: true }
  const read = readSettled(files, path)
  const bytes = readWhole(files.disk, path)
  const isUnwritten = isBlank(bytes, 0)
  if (bytes.length > markFileBytes) {
    damaged(markFileBytes, `a mark file has ${markFileBytes} bytes, this ${bytes.length}`)
  } else if (!isUnwritten && bytes.length < markFileBytes) {
    damaged(bytes.length, `the mark is cut short: ${markFileBytes} bytes were written`)
  }
  const strayAt = bytes.subarray(FIRST_SLOT_END, SECOND_SLOT_AT).findIndex((byte) => byte !== 0)
  if (strayAt !== -1) damaged(FIRST_SLOT_END + strayAt, 'a byte between the slots is not zero')
  if (read.type === 'damaged') damaged(0, 'no slot holds a mark')
  if (read.type !== 'mark') return { file, ordinal: 0, isBlank: isUnwritten }
  if (read.damagedSlots > 0) damaged(0, `one slot is damaged; the other says ${read.ordinal}`)
  return { file, ordinal: read.ordinal, isBlank: false }
}

/** A running engine may be writing it: what is half written now is whole in a moment. */
function readSettled(files: JournalFiles, path: string): ReturnType<typeof readMark> {
  for (let rereads = 0; ; rereads++) {
    const read = readMark(files.disk, path)
    const isWhole = read.type === 'none' || (read.type === 'mark' && read.damagedSlots === 0)
    if (isWhole || rereads === REREADS_MAX || !files.isLive()) return read
    pause(REREAD_AFTER_MS)
  }
}
