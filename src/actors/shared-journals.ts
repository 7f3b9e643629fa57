/** Journals that nodes share: how the worker of a shard is to begin, asked for until somebody can say. */
import type { ShardId } from '../domain/ids.ts'
import { workerStartRetryMs } from '../limits.ts'
import { JournalLost } from '../persistence/journal/redis/mirror.ts'
import type { Timers } from '../seams.ts'
import type { SharedJournal, SharedStart } from './worker-parts.ts'

export type SharedJournals = {
  readonly place: Omit<SharedJournal, keyof SharedStart>
  /** Rejects where nobody can say now; with `JournalLost` where somebody must act. */
  startOf(shard: ShardId): Promise<SharedStart>
}

export type StartWanted = {
  /** Whether this start is still wanted; nothing is called once it is not. */
  readonly isWanted: () => boolean
  readonly begin: (journal: SharedJournal) => void
  /** Once for each reason, however often it is tried. */
  readonly onFailure: (why: string, isLost: boolean) => void
}

/** Finds out how a shard's worker is to begin, and begins it. */
export function beginShared(
  journals: SharedJournals,
  shard: ShardId,
  { timers, isWanted, begin, onFailure }: StartWanted & { readonly timers: Timers },
): void {
  let said = ''
  const ask = (): void => {
    if (!isWanted()) return
    journals.startOf(shard).then(
      (start) => {
        if (isWanted()) begin({ ...journals.place, ...start })
      },
      (error: unknown) => {
        if (!isWanted()) return
        const why = error instanceof Error ? error.message : String(error)
        if (why !== said) onFailure(why, error instanceof JournalLost)
        said = why
        timers.after(workerStartRetryMs, ask)
      },
    )
  }
  ask()
}
