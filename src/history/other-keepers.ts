/**
 * The way to histories of other nodes that are kept (history-keepers.ts): asks one, and the next one where that cannot
 * answer, at once, or where it does not, after a while. Every question ends: with an answer, or with why there is none.
 *
 * Q5  What another node asks is answered here or not at all: it is never passed on, so no question goes round in circles.
 */
import { historyAskedMs, historyAskNextMs, historyForwardedMax } from '../limits.ts'
import type { FromNodes, NodeReply, ToNodes } from '../node-questions.ts'
import type { Position } from '../persistence/journal/position.ts'
import type { Port, Timer, Timers } from '../seams.ts'
import type { HistoryErrorCode } from './history-error.ts'
import type { AnswerTo, AskedOfProjection } from './history-protocol.ts'

/** What nodes ask each other. */
export type NodeQuestion =
  | {
      readonly type: 'ask'
      readonly question: AskedOfProjection
      readonly after: Position | undefined
      /** How long it may wait for that: clocks of machines differ. */
      readonly withinMs: number
    }
  /** Whether it would answer; the answer says nothing else. */
  | { readonly type: 'isReady' }

export type NodeAnswer =
  | { readonly type: 'answer'; readonly answer: AnswerTo<AskedOfProjection>; readonly position: Position }
  | { readonly type: 'failed'; readonly code: HistoryErrorCode }

/** One question, and the nodes that were asked and have not answered, by number. */
type Asking = {
  /** Made anew for each node: the time that is left is less. */
  readonly question: () => NodeQuestion
  readonly onEnd: (answer: NodeAnswer) => void
  readonly calls: Set<number>
  untried: readonly string[]
  timer: Timer | undefined
  failure: HistoryErrorCode
}

export type OtherKeepersParts = {
  readonly timers: Timers
  /** Another node asks this one. */
  readonly onAsked: (question: NodeQuestion, answer: (answer: NodeAnswer) => void) => void
}

export class OtherKeepers {
  readonly #parts: OtherKeepersParts
  readonly #asking = new Set<Asking>()
  readonly #calls = new Map<number, { readonly asking: Asking; readonly nodeId: string }>()
  #port: Port<FromNodes, ToNodes> | undefined
  #nodeIds: readonly string[] = []
  /** Who answered last is asked first, so that whoever asks again does not find less than before. */
  #answeredLast: string | undefined
  #lastCall = 0
  /** Questions that were passed on. */
  asked = 0

  constructor(parts: OtherKeepersParts) {
    this.#parts = parts
  }

  get areThere(): boolean {
    return this.#nodeIds.length > 0
  }

  /** Questions that are not answered yet. */
  get waiting(): number {
    return this.#asking.size
  }

  /** These keep a history, the first to be asked first. Those that are being asked may answer all the same. */
  meet(nodeIds: readonly string[]): void {
    this.#nodeIds = nodeIds
  }

  /** A life of the relay; the last one is over. */
  link(port: Port<FromNodes, ToNodes>): void {
    this.#port?.close()
    this.#lose()
    this.#port = port
    port.receive((message) => {
      if (this.#port !== port) return
      if (message.type === 'replied') return this.#hear(message.call, message.reply)
      const { call, question } = message
      // It has said the version of its words: what it asks is a question.
      this.#parts.onAsked(question as NodeQuestion, (answer) => port.send({ type: 'reply', call, answer }))
    })
    port.onClose(() => {
      if (this.#port === port) this.#lose()
    })
  }

  /** Calls `onEnd` once. */
  ask(question: () => NodeQuestion, onEnd: (answer: NodeAnswer) => void): void {
    if (this.#asking.size >= historyForwardedMax) return onEnd({ type: 'failed', code: 'overloaded' })
    const untried = this.#nodeIds.toSorted((a, b) => this.#rank(a) - this.#rank(b))
    const calls = new Set<number>()
    const asking: Asking = { question, onEnd, calls, untried, timer: undefined, failure: 'unavailable' }
    this.#asking.add(asking)
    this.asked += 1
    this.#askNext(asking)
  }

  /** Ends all questions, and the way: a port that is open keeps its thread from ending. */
  close(): void {
    for (const asking of [...this.#asking]) this.#end(asking, failed('shutting-down'))
    this.#port?.close()
    this.#port = undefined
  }

  #rank(nodeId: string): number {
    return nodeId === this.#answeredLast ? 0 : 1
  }

  #askNext(asking: Asking): void {
    asking.timer?.cancel()
    const [nodeId, ...untried] = asking.untried
    if (this.#port === undefined || nodeId === undefined) return this.#end(asking, failed(asking.failure))
    const call = ++this.#lastCall
    asking.calls.add(call)
    this.#calls.set(call, { asking, nodeId })
    asking.untried = untried
    const { timers } = this.#parts
    asking.timer =
      untried.length > 0
        ? timers.after(historyAskNextMs, () => this.#askNext(asking))
        : timers.after(historyAskedMs, () => this.#end(asking, failed(asking.failure)))
    this.#port.send({ type: 'ask', call, nodeId, question: asking.question() })
  }

  #hear(call: number, reply: NodeReply): void {
    const called = this.#calls.get(call)
    // Another one has answered before, or nobody in time.
    if (called === undefined) return
    const { asking, nodeId } = called
    this.#calls.delete(call)
    asking.calls.delete(call)
    const answer = answerIn(reply)
    if (answer.type !== 'failed') {
      this.#answeredLast = nodeId
      return this.#end(asking, answer)
    }
    asking.failure = moreTelling(asking.failure, answer.code)
    if (asking.untried.length > 0 || asking.calls.size === 0) this.#askNext(asking)
  }

  #end(asking: Asking, answer: NodeAnswer): void {
    asking.timer?.cancel()
    for (const call of asking.calls) this.#calls.delete(call)
    this.#asking.delete(asking)
    asking.onEnd(answer)
  }

  #lose(): void {
    this.#port = undefined
    for (const asking of [...this.#asking]) this.#end(asking, failed(asking.failure))
  }
}

/** It has said the version of its words, so what it answers is an answer. */
function answerIn(reply: NodeReply): NodeAnswer {
  if (reply.type === 'answer') return reply.answer as NodeAnswer
  return failed(reply.why === 'overloaded' ? 'overloaded' : 'unavailable')
}

/** Where several nodes do not answer, each for its own reason: that one is behind says that it will be better. */
function moreTelling(one: HistoryErrorCode, other: HistoryErrorCode): HistoryErrorCode {
  for (const code of ['behind', 'overloaded'] as const) if (one === code || other === code) return code
  // That another node closes is not that this one does.
  return 'unavailable'
}

function failed(code: HistoryErrorCode): NodeAnswer {
  return { type: 'failed', code }
}
