/** The relay's thread. It ends after `closed`, or by an error, and is then replaced: everything is linked anew. */
import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../../domain/assert.ts'
import { portOf, realClock, realTimers } from '../../seams.ts'
import { Relay } from './relay.ts'
import type { FromRelayThread, RelayData, ToRelayThread } from './relay-protocol.ts'

assert(parentPort !== null, 'this file is run as a worker thread')
const main = portOf<ToRelayThread, FromRelayThread>(parentPort)
const data = workerData as RelayData
const relay = new Relay({ ...data, main, clock: realClock, timers: realTimers })
main.receive((message) => {
  if (message.type === 'status') main.send({ type: 'status', id: message.id, status: relay.status() })
  else if (message.type === 'close') {
    relay.close()
    main.send({ type: 'closed' })
    main.close()
  } else relay.hear(message)
})
await relay.start()
