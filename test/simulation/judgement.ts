/** The oracle of FAULTS.md over a disk in memory: what callers were told against what the journal says. */
import type { JournalFiles } from '../../src/cli/journal-files.ts'
import { tidyJournal } from '../../src/persistence/journal/carry.ts'
import { journalDirectory, snapshotDirectory } from '../support/in-process-engine.ts'
import { expectSettled, judgeJournal, type Verdict } from '../support/journal-oracle.ts'
import { type JournalView, readJournalAt } from '../support/journal-reader.ts'
import type { MemoryDisk } from '../support/memory-disk.ts'
import type { RequestLedger } from '../support/request-ledger.ts'
import { SHARDS } from './simulated-machine.ts'

/** The journal of a disk that nobody uses, as `verify` finds it. */
export function filesOn(disk: MemoryDisk): JournalFiles & { readonly shards: number } {
  const session = disk.session()
  session.makeDirectory(journalDirectory)
  session.makeDirectory(snapshotDirectory)
  const place = { disk: session, journal: journalDirectory, snapshots: snapshotDirectory }
  return { ...place, root: '/data', shards: SHARDS, recordProblem: undefined, isLive: () => false }
}

/** Throws where a disk, which nobody uses, breaks what was promised. */
export function judgeDisk(disk: MemoryDisk, ledger: RequestLedger, earlier?: JournalView): Verdict {
  const files = filesOn(disk)
  tidyJournal(files.disk, files.journal)
  return judgeJournal(readJournalAt(files, SHARDS), { files, ledger, earlier })
}

export { expectSettled }
