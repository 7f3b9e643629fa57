/**
 * What must hold whatever became of the disk: the oracle of FAULTS.md over the journal, the ledger's deeds, and that a
 * start on it serves, sells and settles what was left open (I11).
 */
import { createHash } from 'node:crypto'
import * as assert from 'uvu/assert'
import { auditJournal } from '../../src/cli/verify/audit.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { tidyJournal } from '../../src/persistence/journal/carry.ts'
import { type RecoveredShard, recover } from '../../src/persistence/journal/recovery.ts'
import { encodeState } from '../../src/persistence/journal/state-codec.ts'
import { filesOn } from '../simulation/judgement.ts'
import { SHARDS } from '../simulation/simulated-machine.ts'
import { faultsOf } from '../support/journal-oracle.ts'
import { eventsIn } from '../support/journal-reader.ts'
import type { MemoryDisk } from '../support/memory-disk.ts'
import type { StockBooks } from '../support/stock-books.ts'
import type { Ledger } from './ledger.ts'
import type { Scenario } from './scenario.ts'

const all = Array.from({ length: SHARDS }, (_, shard) => shard as ShardId)
/** States that full replays came to. A link stands for all of a shard's history, so each is replayed in full once. */
const replayed = new Map<string, string>()

/** Throws where what is on the disk is not what callers were told. Changes nothing but what a starting process clears. */
export function judge(disk: MemoryDisk, ledger: Ledger, where: string): StockBooks {
  try {
    return judged(disk, ledger)
  } catch (error) {
    throw new Error(where, { cause: error })
  }
}

function judged(disk: MemoryDisk, ledger: Ledger): StockBooks {
  const files = filesOn(disk)
  tidyJournal(files.disk, files.journal)
  const events = eventsIn(files.journal, all, files.disk)
  const { faults, books } = faultsOf({ events, faults: [] }, ledger.requests)
  faults.push(...ledger.faults(events))
  const { findings } = auditJournal(files)
  for (const { kind, file, offset, reason } of findings)
    if (kind === 'damaged') faults.push(`verify: ${file}, byte ${offset}: ${reason}`)
  const options = {
    disk: files.disk,
    journalDirectory: files.journal,
    snapshotDirectory: files.snapshots,
    shards: all,
    shardsOfData: SHARDS,
  }
  const { shards } = recover(options)
  if ([...shards.values()].some((shard) => !replayed.has(historyOf(shard)))) {
    for (const shard of recover({ ...options, useSnapshots: false }).shards.values())
      replayed.set(historyOf(shard), stateOf(shard))
  }
  for (const shard of shards.values()) {
    const count = events.get(shard.shard)?.length ?? 0
    if (count !== shard.nextSequence - 1)
      faults.push(
        `shard ${shard.shard}: ${count} events, and recovery came to ${shard.nextSequence - 1} (I9)`,
      )
    if (stateOf(shard) !== replayed.get(historyOf(shard)))
      faults.push(`shard ${shard.shard}: snapshot and tail are not the full replay (I9)`)
  }
  assert.equal(faults, [])
  return books
}

function historyOf({ shard, nextSequence, link }: RecoveredShard): string {
  return `${shard}/${nextSequence}/${link}`
}

function stateOf({ state }: RecoveredShard): string {
  return createHash('sha1').update(encodeState(state)).digest('latin1')
}

/** Throws where the scenario's next process, on this disk, does not come to serve and to an orderly end. */
export async function judgeStart(scenario: Scenario, disk: MemoryDisk, where: string): Promise<void> {
  try {
    await scenario.recovers(disk)
  } catch (error) {
    throw new Error(where, { cause: error })
  }
  const { several } = judge(disk.afterPowerLoss(), scenario.ledger, where)
  assert.equal([...several.pending()], [], where)
}
