import { BytesDamaged } from '../persistence/journal/bytes.ts'
import { OtherHistory } from '../persistence/journal/cursors.ts'
import { JournalGap } from '../persistence/journal/journal-tailer.ts'
import { JournalDamaged } from '../persistence/journal/streams.ts'

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
