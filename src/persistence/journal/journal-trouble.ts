import { BytesDamaged } from './bytes.ts'
import { OtherHistory } from './cursors.ts'
import { JournalGap } from './journal-tailer.ts'
import { JournalDamaged } from './streams.ts'

/** Whether the journal could not be read as it is now: damaged, other than it was, not there, or of another version. */
export function isJournalTrouble(error: unknown): error is Error {
  return (
    error instanceof JournalDamaged ||
    error instanceof JournalGap ||
    error instanceof OtherHistory ||
    error instanceof BytesDamaged ||
    (error instanceof Error && 'syscall' in error)
  )
}
