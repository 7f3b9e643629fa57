/**
 * A short-lived thread that replays a worker's finished segments and leaves snapshots of its shards: off the hot path,
 * with nothing shared but files that do not change any more. It says what it found of the worker's memory.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { armCrashPoint } from '../crash-points.ts'
import { snapshotNiceness } from '../limits.ts'
import { realDisk } from '../persistence/journal/disk.ts'
import { yieldToOthers } from '../seams.ts'
import { type SnapshotRun, takeSnapshots } from './snapshot-run.ts'

export type SnapshotData = SnapshotRun & { readonly crashPoint: string | undefined }

const { crashPoint, ...run } = workerData as SnapshotData
armCrashPoint(crashPoint)
yieldToOthers(snapshotNiceness)
takeSnapshots(realDisk, run, (checked) => parentPort?.postMessage(checked))
