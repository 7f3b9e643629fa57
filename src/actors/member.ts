/** A worker as its supervisor knows it: whether it is to be here, and its thread where there is one. */
import type { Worker } from 'node:worker_threads'
import type { Port } from '../seams.ts'
import type { FromWorker, ToEngine, ToWorker, WorkerState } from './protocol.ts'
import type { SnapshotKeeper } from './snapshot-keeper.ts'
import type { WorkerSettings } from './worker-parts.ts'

export type Member = {
  readonly index: number
  readonly snapshots: SnapshotKeeper
  /** Whether it is to be here. */
  isHere: boolean
  /** The node that serves it, where it is not here. */
  follows: string | undefined
  thread: Worker | undefined
  port: Port<FromWorker, ToWorker> | undefined
  /** Of the engine by which its shards reach those of others. */
  engine: Port<never, ToEngine> | undefined
  settings: WorkerSettings | undefined
  /** Counts its threads. */
  life: number
  /** Of its present thread, or why there is none. */
  state: WorkerState
  /** Ends in a row without having served. */
  failures: number
  /** Counts what was done to bring a worker about: an answer to an earlier question is nobody's. */
  attempt: number
  closed: boolean
  /** Resolves when its thread has ended. */
  ended: Promise<void>
}

export function newMember(index: number, isHere: boolean, snapshots: SnapshotKeeper): Member {
  return {
    index,
    snapshots,
    isHere,
    follows: undefined,
    thread: undefined,
    port: undefined,
    engine: undefined,
    settings: undefined,
    life: 0,
    state: { type: 'starting' },
    failures: 0,
    attempt: 0,
    closed: false,
    ended: Promise.resolve(),
  }
}

/** What the life of its present thread is called among those of other nodes. */
export function nameOf({ life }: Member): string {
  return `here ${life}`
}
