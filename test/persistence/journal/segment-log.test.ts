/** Segment files on a real disk do what every journal must. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStream } from '../../../src/actors/shard-start.ts'
import { realDisk } from '../../../src/persistence/journal/disk.ts'
import { type Recovery, recover } from '../../../src/persistence/journal/recovery.ts'
import { nextEpoch } from '../../../src/persistence/journal/segments.ts'
import { type Journal, journalContract, mortalTimers, shard, shardsOfData } from '../../contract/journals.ts'

journalContract('a directory of segments', {}, async ({ segmentBytes }): Promise<Journal> => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-segments-'))
  const recoverAll = (): Recovery =>
    recover({
      disk: realDisk,
      journalDirectory: directory,
      snapshotDirectory: directory,
      shards: [shard],
      shardsOfData,
    })
  return {
    async open() {
      const recovery = recoverAll()
      const { timers, kill } = mortalTimers()
      const durable: number[] = []
      const failures: unknown[] = []
      const writer = await openStream(recovery, {
        disk: realDisk,
        timers,
        directory,
        stream: { epoch: nextEpoch(realDisk, directory), worker: 0 },
        shards: shardsOfData,
        segmentBytes,
        nowMs: Date.now,
        onDurable: (ordinal) => void durable.push(ordinal),
        onFailure: (error) => void failures.push(error),
        onRoll: () => {},
        onStorage: () => {},
        onCut: () => {},
      })
      const began = recovery.shards.get(shard)
      if (began === undefined) throw new Error('the shard was recovered')
      return { writer, began, durable, failures, kill }
    },
    async recovered() {
      const found = recoverAll().shards.get(shard)
      if (found === undefined) throw new Error('the shard was recovered')
      return found
    },
    async close() {
      rmSync(directory, { recursive: true })
    },
  }
})
