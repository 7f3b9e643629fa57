/** How a worker opens its journal: a stream in files once there is room for one, or one in Redis once that is there. */
import { assert } from '../domain/assert.ts'
import type { ShardId } from '../domain/ids.ts'
import { storageRetryMs } from '../limits.ts'
import type { Recovery } from '../persistence/journal/recovery.ts'
import type { JournalWriter } from '../persistence/journal/writer.ts'
import { isWantOfRoom, openShared, openStream } from './shard-start.ts'
import type { Tenancy } from './tenancy.ts'
import type { SharedJournal, WorkerParts, WorkerSettings } from './worker-parts.ts'

/** Whose journal it is, and what hears of it. */
export type Opening = {
  readonly settings: WorkerSettings
  readonly parts: WorkerParts
  readonly tenancy: Tenancy
  /** Shard time. */
  readonly nowMs: () => number
  readonly isClosing: () => boolean
  readonly onDurable: (ordinal: number) => void
  readonly onFailure: (error: unknown) => void
  readonly onStorage: (error: unknown | undefined) => void
  /** There is no room to open it, yet; `mayServe` says whether what was recovered may be shown meanwhile (C3). */
  readonly onNoRoom: (why: string, mayServe: boolean) => void
  readonly log: (level: 'info' | 'warn' | 'error', event: string, detail: object) => void
}

/** Resolves when it is open; with nothing where the worker closes before it is. Rejects where it never will be. */
export function openJournal(recovery: Recovery, opening: Opening): Promise<JournalWriter | undefined> {
  const { shared } = opening.settings
  return shared === undefined ? openFiles(recovery, opening) : openInRedis(recovery, shared, opening)
}

async function openFiles(recovery: Recovery, opening: Opening): Promise<JournalWriter | undefined> {
  const { settings, parts, log, isClosing, onNoRoom } = opening
  const { disk, timers, supervisor } = parts
  for (;;) {
    try {
      return await openStream(recovery, {
        ...optionsOf(opening),
        disk,
        directory: settings.journalDirectory,
        onRoll: (segment) => supervisor.send({ type: 'rolled', segment }),
        onCut: (keptAs) => log('warn', 'recovery.tornTail', { keptAs }),
      })
    } catch (error) {
      if (!isWantOfRoom(error)) throw error
      // What was not proven durable may not be shown before it was written anew (C3).
      const why = `the disk has no room to open the journal: ${(error as Error).message}`
      onNoRoom(why, recovery.carry.length === 0)
      await new Promise<void>((resolve) => void timers.after(storageRetryMs, resolve))
      if (isClosing()) return undefined
    }
  }
}

/** Waits for as long as Redis is away. The mirror says when segments are whole. */
function openInRedis(recovery: Recovery, journal: SharedJournal, opening: Opening): Promise<JournalWriter> {
  const { settings, parts, tenancy, log } = opening
  const { primaries } = parts
  const [shard] = settings.shards as [ShardId]
  assert(primaries !== undefined, 'a shared journal has a way to it')
  return openShared(recovery, {
    ...optionsOf(opening),
    journal,
    primaries,
    shard,
    mayAcknowledge: () => tenancy.mayAcknowledge(),
    onRoll: () => {},
    onTrouble: (error) => log('warn', 'journal.trouble', { why: String(error) }),
  })
}

function optionsOf({ settings, parts, nowMs, onDurable, onFailure, onStorage }: Opening) {
  const { stream, shardsOfData: shards, segmentBytes } = settings
  return { timers: parts.timers, stream, shards, segmentBytes, nowMs, onDurable, onFailure, onStorage }
}
