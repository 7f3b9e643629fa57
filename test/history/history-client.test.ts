/** A listener's end of the history: every question ends, and what is watched outlives the thread. */
import type { MessagePort } from 'node:worker_threads'
import * as assert from 'uvu/assert'
import type { ProductId, ReservationId } from '../../src/domain/ids.ts'
import { HistoryClient } from '../../src/history/history-client.ts'
import { HistoryError } from '../../src/history/history-error.ts'
import type { FromHistory, ToHistory } from '../../src/history/history-protocol.ts'
import { historyCallsMax, historySilentMs, historyTimeoutMs } from '../../src/limits.ts'
import type { ToLinkedClient } from '../../src/linked-thread.ts'
import { ManualClock, ManualTimers } from '../support/manual-time.ts'
import { suite } from '../support/suite.ts'
import { Wire } from '../support/wire.ts'

const phone = 'phone' as ProductId
const question = { type: 'findReservation', reservationId: 'res_1' as ReservationId } as const

/** A client, and the thread's lives as the test plays them. */
function world() {
  const timers = new ManualTimers(new ManualClock(0))
  const control = new Wire<never, ToLinkedClient>()
  const lives: { readonly wire: Wire<ToHistory, FromHistory>; readonly heard: ToHistory[] }[] = []
  const client = new HistoryClient({
    clock: timers.clock,
    timers: timers.session(),
    control: control.near,
    portOf: () => (lives.at(-1) as (typeof lives)[number]).wire.near,
  })
  const begin = () => {
    const wire = new Wire<ToHistory, FromHistory>()
    const heard: ToHistory[] = []
    wire.far.receive((message) => void heard.push(message))
    lives.push({ wire, heard })
    control.back.send({ type: 'link', port: {} as MessagePort })
    return { heard, say: (message: FromHistory) => wire.far.send(message) }
  }
  const end = () => {
    lives.at(-1)?.wire.close()
    control.back.send({ type: 'down' })
  }
  return { timers, client, begin, end }
}

/** What becomes of a question. */
function outcomeOf(asked: Promise<unknown>): { code?: string; answer?: unknown } {
  const outcome: { code?: string; answer?: unknown } = {}
  asked.then(
    (answered) => {
      outcome.answer = answered
    },
    (error: unknown) => {
      assert.instance(error, HistoryError)
      outcome.code = (error as HistoryError).code
    },
  )
  return outcome
}

const asking = suite('a question')

asking('is answered, or fails as the thread says', async () => {
  const { timers, client, begin } = world()
  const { heard, say } = begin()
  const first = outcomeOf(client.ask(question))
  const second = outcomeOf(client.ask(question, new Map()))
  assert.equal(
    heard.map((message) => message.type === 'ask' && message.call),
    [1, 2],
  )
  say({ type: 'failed', call: 1, code: 'behind', message: '' })
  say({ type: 'answer', call: 2, answer: undefined, position: new Map() })
  say({ type: 'answer', call: 2, answer: undefined, position: new Map() })
  await timers.settle()
  assert.is(first.code, 'behind')
  assert.ok(second.answer)
})

asking('ends in time, and with its thread, and is refused where there is none or too many wait', async () => {
  const { timers, client, begin, end } = world()
  const none = outcomeOf(client.ask(question))
  await timers.settle()
  assert.is(none.code, 'unavailable')
  begin()
  const late = outcomeOf(client.ask(question))
  await timers.advance(historyTimeoutMs)
  assert.is(late.code, 'unavailable')
  const waiting = Array.from({ length: historyCallsMax }, () => outcomeOf(client.ask(question)))
  const more = outcomeOf(client.ask(question))
  await timers.settle()
  assert.is(more.code, 'overloaded')
  end()
  await timers.settle()
  assert.ok(waiting.every(({ code }) => code === 'unavailable'))
  begin()
  const last = outcomeOf(client.ask(question))
  client.close()
  const closed = outcomeOf(client.ask(question))
  await timers.settle()
  assert.equal([last.code, closed.code], ['shutting-down', 'shutting-down'])
  assert.is(timers.size, 0, 'no timer is left behind')
})

asking.run()

const watching = suite('a watch')

watching('is taken up again in the next life of the thread, and counts as a change', async () => {
  const { timers, client, begin, end } = world()
  let changes = 0
  const watched = outcomeOf(client.watch(phone, () => void changes++))
  await timers.settle()
  assert.equal(Object.keys(watched), ['answer'], 'with nobody there it does not wait')
  const { heard, say } = begin()
  const asked = heard.find((message) => message.type === 'ask')
  assert.ok(asked?.type === 'ask' && asked.question.type === 'watch')
  assert.is(changes, 0)
  say({ type: 'answer', call: asked.call, answer: undefined, position: new Map() })
  await timers.settle()
  assert.is(changes, 1)
  say({ type: 'changed', productIds: [phone, 'other' as ProductId] })
  assert.is(changes, 2)
  end()
  const next = begin()
  assert.is(next.heard.length, 1)
  client.unwatch(phone)
  assert.equal(next.heard.at(-1), { type: 'unwatch', productId: phone })
  next.say({ type: 'changed', productIds: [phone] })
  next.say({ type: 'answer', call: 2, answer: undefined, position: new Map() })
  await timers.settle()
  assert.is(changes, 2, 'nobody watches any more')
})

watching('is relied on while the thread says now and then that nothing was missed', async () => {
  const { timers, client, begin, end } = world()
  assert.is(client.isWatching, false)
  const { say } = begin()
  assert.is(client.isWatching, false)
  say({ type: 'alive' })
  assert.is(client.isWatching, true)
  await timers.advance(historySilentMs - 1)
  assert.is(client.isWatching, true)
  await timers.advance(1)
  assert.is(client.isWatching, false)
  say({ type: 'alive' })
  end()
  assert.is(client.isWatching, false)
})

watching.run()
