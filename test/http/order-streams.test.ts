import * as assert from 'uvu/assert'
import { OrderStreams } from '../../src/http/order-streams.ts'
import type { Order, OrderStatus } from '../../src/persistence/tables/orders/order-rows.ts'
import { ManualClock, ManualTimers } from '../support/manual-time.ts'
import { suite } from '../support/suite.ts'
import { FakeTables } from './fake-parts.ts'

const ORDER_ID = 'ord_01K5ZC4N8XQ2M7V3H9R6T1B0DW'

/** Of an order only its history is looked at. */
function orderOf(...statuses: readonly (OrderStatus | null)[]): Order {
  const events = statuses.map((status) => ({ type: 'happened', status, detail: null, atMs: 0 }))
  return { orderId: ORDER_ID, customerId: 'usr_ann', events } as unknown as Order
}

async function readText(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read()
  return new TextDecoder().decode(value)
}

const stream = suite('a stream of an order')

stream('that resumes after an event nobody has seen tells what comes all the same', async () => {
  const tables = new FakeTables()
  const timers = new ManualTimers(new ManualClock(0))
  const streams = new OrderStreams({ tables, timers: timers.session() })
  const reader = streams.open(orderOf('pending_payment'), 999_999_999).getReader()
  assert.match(await readText(reader), 'retry:')
  tables.answer = () => orderOf('pending_payment', null, 'confirmed')
  const next = readText(reader)
  streams.noteChanged(ORDER_ID)
  assert.match(
    await next,
    'id: 3\nevent: status\ndata: {"orderId":"ord_01K5ZC4N8XQ2M7V3H9R6T1B0DW","status":"confirmed"',
  )
  streams.end()
})

stream('that may have missed anything is told where its order is', async () => {
  const tables = new FakeTables()
  const timers = new ManualTimers(new ManualClock(0))
  const streams = new OrderStreams({ tables, timers: timers.session() })
  const reader = streams.open(orderOf('pending_payment'), 1).getReader()
  assert.match(await readText(reader), 'retry:')
  tables.answer = () => orderOf('pending_payment', 'confirmed')
  const next = readText(reader)
  streams.noteAllChanged()
  assert.match(await next, '"status":"confirmed"')
  streams.end()
})

stream.run()
