/** A listener thread. */
import { parentPort, workerData } from 'node:worker_threads'
import { armCrashPoint } from '../crash-points.ts'
import { assert } from '../domain/assert.ts'
import { openLog } from '../log.ts'
import { portOf } from '../seams.ts'
import { type ListenerEnds, type ListenerSettings, runListener } from './listener.ts'

export type ListenerData = {
  readonly settings: ListenerSettings
  readonly ends: ListenerEnds
  readonly logLevel: string
  readonly crashPoint: string | undefined
}

assert(parentPort !== null, 'this file is run as a worker thread')
const { settings, ends, logLevel, crashPoint } = workerData as ListenerData
armCrashPoint(crashPoint)
const log = openLog({ level: logLevel })
process.on('exit', () => log.flush())
await runListener(settings, ends, { main: portOf(parentPort), log: log.logger })
