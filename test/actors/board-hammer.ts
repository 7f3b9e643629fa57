/** A thread that keeps a board of one product and changes it as fast as it can, from when it is told to until it is told to stop. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { ShardBoard, type StockEntry } from '../../src/actors/stock-board.ts'
import type { ShardId } from '../../src/domain/ids.ts'

export type HammerData = {
  /** Its first cell becomes 1 when the thread may begin, and 2 when it is to stop. */
  readonly gate: SharedArrayBuffer
  readonly firstVersion: number
}

const WIDE = 2 ** 21

/** A stock in which every field follows from the version, and most of them change with each. */
export function stockAt(version: number): StockEntry {
  const mixed = Math.imul(version | 0, 0x9e3779b1) >>> 2
  const [earmarked, held] = [mixed % 7, mixed % 1_000]
  return {
    number: 0,
    version,
    onHand: held + earmarked + (mixed % 100_000),
    held,
    earmarked,
    sold: mixed * WIDE,
    retired: mixed % 2 === 1,
    sale:
      mixed % 3 === 0
        ? {}
        : {
            opensAtMs: mixed * 1_000,
            closesAtMs: mixed * 1_000 + version,
            perCustomerLimit: mixed % 10,
            holdTtlMs: mixed % 5 === 0 ? undefined : mixed % 3_600_000,
            maxPerReservation: mixed % 11,
          },
  }
}

if (!isMainThread) {
  const { gate, firstVersion } = workerData as HammerData
  const cells = new Int32Array(gate)
  const board = new ShardBoard(0 as ShardId)
  board.show([stockAt(firstVersion)])
  parentPort?.postMessage(board.memory)
  Atomics.wait(cells, 0, 0)
  let version = firstVersion
  while (Atomics.load(cells, 0) === 1) board.show([stockAt(++version)])
  parentPort?.postMessage(version)
}
