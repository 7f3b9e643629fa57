/** What histories of nodes ask each other, as their relays pass it on: unread, and every question ends. */
import * as assert from 'uvu/assert'
import { Caller } from '../../../src/cluster/relay/caller.ts'
import { HistoryWay } from '../../../src/cluster/relay/history-way.ts'
import { LocalShards } from '../../../src/cluster/relay/local-shards.ts'
import type { FromCaller, FromOwner } from '../../../src/cluster/relay/node-words.ts'
import { Peer } from '../../../src/cluster/relay/peer.ts'
import { relayQuestionsMax, relayUnreadBytesMax, relayWaitingBytesMax } from '../../../src/limits/relay.ts'
import type { FromNodes, NodeReply, ToNodes } from '../../../src/node-questions.ts'
import { ManualClock, ManualTimers } from '../../support/manual-time.ts'
import { suite } from '../../support/suite.ts'
import { Wire } from '../../support/wire.ts'

const unreachable: NodeReply = { type: 'none', why: 'unreachable' }
const overloaded: NodeReply = { type: 'none', why: 'overloaded' }
const tooLong: NodeReply = { type: 'none', why: 'too-long' }
const answer: NodeReply = { type: 'answer', answer: 'an answer' }

/** What stands for a connection: keeps what is sent, and takes no more than it is told to. */
class FakeLink<Out> {
  readonly sent: Out[] = []
  waitingBytes = 0
  takes: (message: Out) => boolean = () => true
  ended: string | undefined

  send(message: Out): boolean {
    const isTaken = this.takes(message)
    if (isTaken) this.sent.push(message)
    return isTaken
  }

  end(why: string): void {
    this.ended ??= why
  }
}

/** A history's life at one node, and what it hears. */
function historyOf(way: HistoryWay) {
  const wire = new Wire<ToNodes, FromNodes>()
  const heard: FromNodes[] = []
  wire.near.receive((message) => void heard.push(message))
  way.link(wire.far)
  return { heard, send: (message: ToNodes) => wire.near.send(message), end: () => wire.close() }
}

const timers = new ManualTimers(new ManualClock(0))

const asking = suite('the relay of a history that asks')

function askingWorld() {
  const link = new FakeLink<FromCaller>()
  const peer = new Peer({ link, clock: timers.clock, main: { send() {} } })
  const replies: NodeReply[] = []
  const ask = (question: unknown = 'what') => peer.ask(question, (reply) => void replies.push(reply))
  return { link, peer, replies, ask }
}

asking('numbers questions, and hands over each answer once', () => {
  const { link, peer, replies, ask } = askingWorld()
  ask('one')
  ask('two')
  assert.equal(link.sent, [
    { type: 'askHistory', number: 1, question: 'one' },
    { type: 'askHistory', number: 2, question: 'two' },
  ])
  for (let i = 0; i < 2; i++) peer.hear({ type: 'historyAnswer', number: 2, reply: answer })
  assert.equal(replies, [answer])
})

asking('says at once where the connection is lost, and what is not sent', () => {
  const { link, peer, replies, ask } = askingWorld()
  ask()
  peer.end()
  assert.equal(replies.splice(0), [unreachable])
  link.waitingBytes = relayWaitingBytesMax + 1
  ask()
  assert.equal(replies.splice(0), [overloaded])
  link.waitingBytes = 0
  link.takes = () => false
  ask()
  assert.equal(replies.splice(0), [tooLong])
  link.takes = () => true
  for (let i = 0; i < relayQuestionsMax; i++) ask()
  assert.equal(replies, [])
  ask()
  assert.equal(replies, [overloaded])
})

asking('asks the node that is named, and answers with the number of the call', () => {
  const asked: [string, unknown][] = []
  let reply: (reply: NodeReply) => void = () => {}
  const way = new HistoryWay((nodeId, question, onReply) => {
    asked.push([nodeId, question])
    reply = onReply
  })
  const { heard, send } = historyOf(way)
  send({ type: 'ask', call: 9, nodeId: 'b', question: { what: 1 } })
  assert.equal(asked, [['b', { what: 1 }]])
  reply(answer)
  assert.equal(heard, [{ type: 'replied', call: 9, reply: answer }])
})

asking.run()

const answering = suite('the relay of a history that is asked')

function answeringWorld() {
  const link = new FakeLink<FromOwner>()
  const way = new HistoryWay(() => {})
  const local = new LocalShards({ main: { send() {} }, onShown() {} })
  const caller = new Caller({ link, local, history: way, clock: timers.clock, timers: timers.session() })
  const ask = (number: number) => caller.hear({ type: 'askHistory', number, question: `question ${number}` })
  return { link, way, ask }
}

answering('passes questions on, and answers with their numbers, in whatever order', () => {
  const { link, way, ask } = answeringWorld()
  const { heard, send } = historyOf(way)
  ask(11)
  ask(12)
  assert.equal(
    heard.map((message) => message.type === 'asked' && message.question),
    ['question 11', 'question 12'],
  )
  send({ type: 'reply', call: 2, answer: 'second' })
  send({ type: 'reply', call: 2, answer: 'again' })
  send({ type: 'reply', call: 1, answer: 'first' })
  assert.equal(link.sent, [
    { type: 'historyAnswer', number: 12, reply: { type: 'answer', answer: 'second' } },
    { type: 'historyAnswer', number: 11, reply: { type: 'answer', answer: 'first' } },
  ])
})

answering('says at once where there is no history, or its thread ends, or is replaced', () => {
  const { link, way, ask } = answeringWorld()
  ask(1)
  const first = historyOf(way)
  ask(2)
  first.end()
  assert.is(link.sent.length, 2, 'nobody waits for the next life')
  ask(3)
  const second = historyOf(way)
  ask(4)
  historyOf(way)
  second.send({ type: 'reply', call: 2, answer: 'late' })
  assert.equal(
    link.sent,
    [1, 2, 3, 4].map((number) => ({ type: 'historyAnswer', number, reply: unreachable })),
  )
})

answering('is over with its relay: the port is closed, and whoever asked hears', () => {
  const { link, way, ask } = answeringWorld()
  const wire = new Wire<ToNodes, FromNodes>()
  let isClosed = false
  wire.near.onClose(() => {
    isClosed = true
  })
  way.link(wire.far)
  ask(1)
  way.close()
  assert.ok(isClosed, 'or it would keep the thread from ending')
  assert.equal(link.sent, [{ type: 'historyAnswer', number: 1, reply: unreachable }])
})

answering('refuses more than it may have waiting', () => {
  const { link, way, ask } = answeringWorld()
  const { send } = historyOf(way)
  for (let number = 1; number <= relayQuestionsMax; number++) ask(number)
  assert.is(link.sent.length, 0)
  ask(relayQuestionsMax + 1)
  assert.equal(link.sent.splice(0), [
    { type: 'historyAnswer', number: relayQuestionsMax + 1, reply: overloaded },
  ])
  send({ type: 'reply', call: 1, answer: 'one' })
  link.sent.length = 0
  ask(relayQuestionsMax + 2)
  assert.is(link.sent.length, 0, 'there is room again')
})

answering('says so where an answer is longer than a message, and cuts off who does not read', () => {
  const { link, way, ask } = answeringWorld()
  const { send } = historyOf(way)
  ask(1)
  link.takes = (message) => message.type === 'historyAnswer' && message.reply.type === 'none'
  send({ type: 'reply', call: 1, answer: 'a long one' })
  assert.equal(link.sent, [{ type: 'historyAnswer', number: 1, reply: tooLong }])
  assert.is(link.ended, undefined)
  ask(2)
  link.waitingBytes = relayUnreadBytesMax + 1
  send({ type: 'reply', call: 2, answer: 'one' })
  assert.ok(link.ended)
})

answering.run()
