/** The mirror's thread: follows every shard's journal in Redis into this node's files. It ends after `closed`, or by an error. */
import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../../domain/assert.ts'
import type { RedisAccess } from '../../../redis-url.ts'
import { portOf, realClock, realTimers } from '../../../seams.ts'
import { RedisNodes } from '../../redis/redis-nodes.ts'
import { realDisk } from '../disk.ts'
import { JournalLost, Mirror } from './mirror.ts'
import type { FromMirror, ToMirror } from './mirror-protocol.ts'

export type MirrorData = {
  readonly access: RedisAccess
  readonly journalDirectory: string
  readonly shards: number
}

assert(parentPort !== null, 'this file is run as a worker thread')
const { access, journalDirectory, shards } = workerData as MirrorData
const main = portOf<ToMirror, FromMirror>(parentPort)
const seams = { clock: realClock, timers: realTimers }
const mirror = new Mirror({
  ...seams,
  primaries: new RedisNodes(access, seams),
  disk: realDisk,
  directory: journalDirectory,
  shards,
  log: (level, event, detail) => main.send({ type: 'log', level, event, detail }),
  onRoll: (stream, segment) => main.send({ type: 'rolled', stream, segment }),
})

main.receive((message) => {
  switch (message.type) {
    case 'endOf':
      return void tellEnd(message)
    case 'status':
      return main.send({ type: 'status', id: message.id, status: mirror.status() })
    case 'close':
      return void close()
  }
})
mirror.start()

async function tellEnd({ call, shard }: Extract<ToMirror, { type: 'endOf' }>): Promise<void> {
  try {
    main.send({ type: 'end', call, end: await mirror.endOf(shard) })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    main.send({ type: 'noEnd', call, why, isLost: error instanceof JournalLost })
  }
}

async function close(): Promise<void> {
  await mirror.close()
  main.send({ type: 'closed' })
  main.close()
}
