/** The oracle of FAULTS.md over a disk in memory: what callers were told against what the journal says. */

import { tidyJournal } from '../../src/persistence/journal/carry.ts'
import { journalDirectory, snapshotDirectory } from '../support/in-process-engine.ts'
import { expectSettled, judgeJournal, type Verdict } from '../support/journal-oracle.ts'
import { type JournalView, readJournalAt } from '../support/journal-reader.ts'
import type { MemoryDisk } from '../support/memory-disk.ts'
import type { RequestLedger } from '../support/request-ledger.ts'
import { SHARDS } from './simulated-machine.ts'

/** Throws where a disk, which nobody uses, breaks what was promised. */
export function judgeDisk(disk: MemoryDisk, ledger: RequestLedger, earlier?: JournalView): Verdict {
  const session = disk.session()
  session.makeDirectory(journalDirectory)
  session.makeDirectory(snapshotDirectory)
  tidyJournal(session, journalDirectory)
  const place = { disk: session, journal: journalDirectory, snapshots: snapshotDirectory }
  const files = { ...place, root: '/data', shards: SHARDS, recordProblem: undefined, isLive: () => false }
  return judgeJournal(readJournalAt(place, SHARDS), { files, ledger, earlier })
}

export { expectSettled }
