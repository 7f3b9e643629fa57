/** S2 for those who listen, and nothing at all for those who are gone. */
import * as assert from 'uvu/assert'
import type { CallsMessage, RepliesMessage } from '../../src/actors/protocol.ts'
import { Replies } from '../../src/actors/replies.ts'
import { ManualClock, ManualTimers } from '../support/manual-time.ts'
import { suite } from '../support/suite.ts'
import { Wire } from '../support/wire.ts'

/** A listener's end: what reached it, and its connection in the worker. */
function listenerOf(replies: Replies) {
  const wire = new Wire<CallsMessage, RepliesMessage>()
  const received: RepliesMessage[] = []
  wire.near.receive((message) => received.push(message))
  return { wire, received, connection: replies.connect(wire.far) }
}

function fresh(): Replies {
  return new Replies(new ManualTimers(new ManualClock(0)).session())
}

const test = suite('replies')

test('leave when what they rest on is durable, and not before', () => {
  const replies = fresh()
  const { connection, received } = listenerOf(replies)
  connection.cells.push(1)
  replies.gather(7)
  replies.release(6)
  assert.equal(received, [])
  replies.release(7)
  assert.equal(received, [{ cells: [1] }])
})

test('of a listener that is gone are dropped, and it is not asked again', () => {
  const replies = fresh()
  const gone = listenerOf(replies)
  const other = listenerOf(replies)
  for (const { connection } of [gone, other]) connection.cells.push(1)
  replies.gather(1)
  const sent: unknown[] = []
  // A wire that is cut passes nothing on, so look at what is sent.
  gone.wire.back.send = (message) => void sent.push(message)
  gone.wire.close()
  replies.release(1)
  gone.connection.cells.push(2)
  replies.gather(2)
  replies.release(2)
  assert.equal(sent, [])
  assert.equal(gone.connection.cells, [2], 'nobody takes them any more')
  assert.equal(other.received, [{ cells: [1] }])
})

test.run()
