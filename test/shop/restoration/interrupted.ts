/** What is true once a shop was reconciled, wherever the process that did it had died. */
import * as assert from 'uvu/assert'
import { ANN, BOB, type Kill, PHONE } from '../shop-world.ts'
import { PRICE, RestoredWorld, UNITS } from './restored-world.ts'

/** Something goes back, and the process dies of it; answers how many calls of other parts that round took. */
export async function givingBack(kill?: Kill): Promise<number> {
  await using restored = await RestoredWorld.start()
  const { world, provider, nowMs } = restored
  const ann = await world.order(ANN, { [PHONE]: 1 })
  const bob = await world.order(BOB, { [PHONE]: 1 })
  provider.take({ key: `${ann.orderId}:1`, madeAtMs: nowMs })
  const paid = provider.take({ key: `${bob.orderId}:1`, madeAtMs: nowMs })
  provider.give(paid, 'rfd_01', 9)
  const lost = provider.take({ key: 'ord_lost:1', madeAtMs: nowMs })
  const mark = await restored.mark()
  await restored.reconcile(mark)
  await restored.decide(lost.transactionId, 'refund')
  // The first round is told anew, on the tables as they were: half of it is done already.
  await restored.reconcile(mark, kill)
  const calls = world.calls.length
  assert.is(await restored.reconcile(mark), 'lifted')
  await world.finish()
  const orders = [await world.find(ann.orderId), await world.find(bob.orderId)]
  assert.equal(
    orders.map(({ status, refundedMinor }) => [status, refundedMinor]),
    [
      ['confirmed', 0],
      ['confirmed', 9],
    ],
  )
  assert.equal([provider.kept('ord_lost'), provider.refunds.length], [0, 2])
  assert.equal(await restored.stock(), [UNITS - 2, 0, 2])
  return calls
}

/** Nothing was compared yet when the process dies; answers as above. */
export async function firstRound(kill?: Kill): Promise<number> {
  await using restored = await RestoredWorld.start()
  const { world, provider, nowMs } = restored
  const { orderId } = await world.order(ANN, { [PHONE]: 1 })
  const paid = provider.take({ key: `${orderId}:1`, madeAtMs: nowMs })
  provider.give(paid, 'rfd_01', 9)
  provider.take({ key: 'ord_lost:1', madeAtMs: nowMs })
  const mark = await restored.mark()
  await restored.reconcile(mark, kill)
  const calls = world.calls.length
  assert.is(await restored.reconcile(mark), 'open')
  await restored.decide('pi_2', 'accept')
  assert.is(await restored.reconcile(mark), 'lifted')
  const order = await world.find(orderId)
  assert.equal([order.status, order.capturedMinor, order.refundedMinor], ['confirmed', PRICE, 9])
  assert.equal([provider.kept('ord_lost'), provider.refunds.length], [PRICE, 1])
  assert.equal(await restored.stock(), [UNITS - 1, 0, 1])
  return calls
}
