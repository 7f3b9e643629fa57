/** A thread that takes requests of a few identities as fast as it can, at a time that stands still, when told to begin. */
import { parentPort, workerData } from 'node:worker_threads'
import { KeyedHash } from '../../src/http/keyed-hash.ts'
import { RateTable, type RateTableMemory } from '../../src/http/rate-table.ts'

export type HammerData = {
  readonly memory: RateTableMemory
  /** Its first cell becomes 1. */
  readonly gate: SharedArrayBuffer
  readonly identities: readonly string[]
  readonly times: number
  readonly nowMs: number
}

const { memory, gate, identities, times, nowMs } = workerData as HammerData
const table = new RateTable(memory)
const hash = new KeyedHash([1, 2])
const counts = identities.map(() => 0)
parentPort?.postMessage('ready')
Atomics.wait(new Int32Array(gate), 0, 0)
for (let time = 0; time < times; time++) {
  identities.forEach((identity, i) => {
    hash.digest(identity)
    if (table.take(hash, nowMs).type === 'taken') counts[i] = (counts[i] ?? 0) + 1
  })
}
parentPort?.postMessage(counts)
