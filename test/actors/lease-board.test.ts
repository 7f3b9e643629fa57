import { Worker } from 'node:worker_threads'
import * as assert from 'uvu/assert'
import { LeaseBoard } from '../../src/actors/lease-board.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { suite } from '../support/suite.ts'

const board = suite('the board of leases')
const [first, last] = [0 as ShardId, 7 as ShardId]

board('holds nothing and lets nobody acknowledge at first', () => {
  const leases = LeaseBoard.of(8)
  assert.not.ok(leases.isHeld(first, 0))
  assert.not.ok(leases.mayAcknowledge(last))
})

board('a deadline ends by itself, to the microsecond', () => {
  const leases = LeaseBoard.of(8)
  leases.hold(last, 1_000.25)
  assert.ok(leases.isHeld(last, 1_000.249))
  assert.not.ok(leases.isHeld(last, 1_000.25))
  assert.not.ok(leases.isHeld(first, 0), 'the neighbours are untouched')
  leases.drop(last)
  assert.not.ok(leases.isHeld(last, 0))
})

board('another thread sees the same memory, whatever its own thread does', async () => {
  const leases = LeaseBoard.of(8)
  const url = new URL('../../src/actors/lease-board.ts', import.meta.url)
  const reader = new Worker(
    `import { parentPort, workerData } from 'node:worker_threads'
     import { LeaseBoard } from ${JSON.stringify(url.href)}
     const board = LeaseBoard.over(workerData)
     parentPort.on('message', (nowMs) => parentPort.postMessage([board.isHeld(7, nowMs), board.mayAcknowledge(7)]))`,
    { eval: true, workerData: leases.memory, type: 'module' } as never,
  )
  const ask = (nowMs: number) =>
    new Promise((resolve) => {
      reader.once('message', resolve)
      reader.postMessage(nowMs)
    })
  try {
    leases.hold(last, 2 ** 45)
    leases.allowAcknowledging(last, true)
    assert.equal(await ask(2 ** 45 - 1), [true, true])
    leases.allowAcknowledging(last, false)
    assert.equal(await ask(2 ** 45), [false, false])
  } finally {
    await reader.terminate()
  }
})

board.run()
