/** Questions to histories of other nodes: every one ends, and the other keeper is asked where one does not answer. */
import * as assert from 'uvu/assert'
import type { ReservationId } from '../../src/domain/ids.ts'
import type { HistoryErrorCode } from '../../src/history/history-error.ts'
import { type NodeAnswer, type NodeQuestion, OtherKeepers } from '../../src/history/other-keepers.ts'
import { historyAskedMs, historyAskNextMs, historyForwardedMax } from '../../src/limits.ts'
import type { FromNodes, NodeReply, ToNodes } from '../../src/node-questions.ts'
import { ManualClock, ManualTimers } from '../support/manual-time.ts'
import { suite } from '../support/suite.ts'
import { Wire } from '../support/wire.ts'

type Ask = Extract<ToNodes, { readonly type: 'ask' }>

const question: NodeQuestion = {
  type: 'ask',
  question: { type: 'findReservation', reservationId: 'res_1' as ReservationId },
  after: undefined,
  withinMs: 2_000,
}
const answer: NodeAnswer = { type: 'answer', answer: undefined, position: new Map() }
const unreachable: NodeReply = { type: 'none', why: 'unreachable' }
const failed = (code: HistoryErrorCode): NodeAnswer => ({ type: 'failed', code })
const saying = (said: NodeAnswer): NodeReply => ({ type: 'answer', answer: said })

/** A node that asks, and lives of its relay as the test plays them. */
function world(nodeIds: readonly string[] = ['first', 'second']) {
  const timers = new ManualTimers(new ManualClock(0))
  const asked: NodeQuestion[] = []
  let answerTo: (answer: NodeAnswer) => void = () => {}
  const others = new OtherKeepers({
    timers: timers.session(),
    onAsked: (question, answer) => {
      asked.push(question)
      answerTo = answer
    },
  })
  others.meet(nodeIds)
  const lives: Wire<ToNodes, FromNodes>[] = []
  const begin = () => {
    const wire = new Wire<ToNodes, FromNodes>()
    const heard: ToNodes[] = []
    wire.far.receive((message) => void heard.push(message))
    lives.push(wire)
    others.link(wire.near)
    const asks = () => heard.filter((message): message is Ask => message.type === 'ask')
    return {
      heard,
      asks,
      /** Who was asked, in order. */
      whom: () => asks().map(({ nodeId }) => nodeId),
      reply: (index: number, reply: NodeReply) =>
        wire.far.send({ type: 'replied', call: (asks()[index] as Ask).call, reply }),
      say: (message: FromNodes) => wire.far.send(message),
      end: () => wire.close(),
    }
  }
  const ask = () => {
    const ends: NodeAnswer[] = []
    others.ask(
      () => question,
      (end) => void ends.push(end),
    )
    return ends
  }
  return { timers, others, asked, answer: (said: NodeAnswer) => answerTo(said), begin, ask }
}

const asking = suite('a question to another node')

asking('is answered by the first, and whoever answered last is asked first', () => {
  const { timers, begin, ask } = world()
  const relay = begin()
  const first = ask()
  assert.equal(relay.whom(), ['first'])
  assert.equal((relay.asks()[0] as Ask).question, question)
  relay.reply(0, saying(answer))
  assert.equal(first, [answer])
  relay.reply(0, saying(answer))
  assert.is(first.length, 1, 'an answer that comes twice is heard once')

  const second = ask()
  relay.reply(1, unreachable)
  relay.reply(2, saying(answer))
  assert.equal(second, [answer])
  ask()
  assert.equal(relay.whom(), ['first', 'first', 'second', 'second'])
  relay.reply(3, saying(answer))
  assert.is(timers.size, 0, 'no timer is left behind')
})

for (const [what, reply] of [
  ['is behind', saying(failed('behind'))],
  ['cannot be reached', unreachable],
  ['is closing', saying(failed('shutting-down'))],
  ['has too much to do', { type: 'none', why: 'overloaded' }],
  ['has too long an answer', { type: 'none', why: 'too-long' }],
] as const) {
  asking(`goes to the other one at once where the first ${what}`, () => {
    const { timers, begin, ask } = world()
    const relay = begin()
    const ends = ask()
    relay.reply(0, reply)
    assert.equal(relay.whom(), ['first', 'second'])
    assert.equal(ends, [])
    relay.reply(1, saying(answer))
    assert.equal(ends, [answer])
    assert.is(timers.size, 0)
  })
}

asking('goes to the other one as well where the first is silent, and the first answer counts', async () => {
  for (const answers of [0, 1]) {
    const { timers, begin, ask } = world()
    const relay = begin()
    const ends = ask()
    await timers.advance(historyAskNextMs - 1)
    assert.equal(relay.whom(), ['first'])
    await timers.advance(1)
    assert.equal(relay.whom(), ['first', 'second'])
    relay.reply(answers, saying(answer))
    assert.equal(ends, [answer])
    relay.reply(1 - answers, saying(failed('behind')))
    assert.equal([ends.length, timers.size], [1, 0])
  }
})

asking('ends in time where nobody says anything', async () => {
  const { timers, others, begin, ask } = world()
  begin()
  const ends = ask()
  await timers.advance(historyAskNextMs + historyAskedMs - 1)
  assert.equal(ends, [])
  await timers.advance(1)
  assert.equal(ends, [failed('unavailable')])
  assert.equal([others.waiting, timers.size], [0, 0])
})

asking('fails with what says most where all fail', () => {
  for (const [one, other, told] of [
    [saying(failed('behind')), unreachable, 'behind'],
    [unreachable, saying(failed('behind')), 'behind'],
    [saying(failed('overloaded')), unreachable, 'overloaded'],
    [saying(failed('shutting-down')), unreachable, 'unavailable'],
  ] as const) {
    const { begin, ask } = world()
    const relay = begin()
    const ends = ask()
    relay.reply(0, one)
    relay.reply(1, other)
    assert.equal(ends, [failed(told)])
  }
})

asking('fails at once where there is nobody to ask, or no way, and where too many wait', () => {
  const alone = world([])
  alone.begin()
  assert.equal(alone.ask(), [failed('unavailable')])
  assert.equal(world().ask(), [failed('unavailable')])

  const { begin, ask, others } = world()
  const relay = begin()
  const waiting = Array.from({ length: historyForwardedMax }, () => ask())
  assert.equal(ask(), [failed('overloaded')])
  assert.is(others.waiting, historyForwardedMax)
  relay.reply(0, saying(answer))
  assert.equal(waiting[0], [answer])
  assert.equal(ask(), [], 'there is room again')
})

asking('ends with its relay, and the next life of it takes the next ones', async () => {
  const { timers, begin, ask } = world()
  const dead = begin()
  const lost = ask()
  dead.end()
  assert.equal(lost, [failed('unavailable')])
  assert.equal(ask(), [failed('unavailable')])
  const next = begin()
  const ends = ask()
  next.reply(0, saying(answer))
  assert.equal(ends, [answer])

  const replaced = ask()
  begin()
  assert.equal(replaced, [failed('unavailable')], 'of a life that is over nobody says anything')
  await timers.settle()
  assert.is(timers.size, 0)
})

asking('ends with the history itself', () => {
  const { timers, others, begin, ask } = world()
  begin()
  const ends = ask()
  others.close()
  assert.equal(ends, [failed('shutting-down')])
  assert.is(timers.size, 0)
})

asking('of another node is answered with its number', () => {
  const { asked, answer: answerIt, begin } = world()
  const relay = begin()
  relay.say({ type: 'asked', call: 7, question })
  assert.equal(asked, [question])
  answerIt(answer)
  assert.equal(relay.heard, [{ type: 'reply', call: 7, answer }])
})

asking.run()
