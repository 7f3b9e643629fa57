/**
 * This node's history as its relay knows it: asks histories of other nodes, and is asked by them. What is asked and answered
 * is passed on unread. Its thread may die: whoever waited for it then hears that nobody answers, and the next life is linked.
 */
import { relayQuestionsMax } from '../../limits/relay.ts'
import type { FromNodes, NodeReply, ToNodes } from '../../node-questions.ts'
import type { Port } from '../../seams.ts'

export type OnReply = (reply: NodeReply) => void

export const unreachable: NodeReply = { type: 'none', why: 'unreachable' }
export const overloaded: NodeReply = { type: 'none', why: 'overloaded' }
export const tooLong: NodeReply = { type: 'none', why: 'too-long' }

export class HistoryWay {
  readonly #askNode: (nodeId: string, question: unknown, onReply: OnReply) => void
  /** What other nodes have asked, by number. */
  readonly #asked = new Map<number, OnReply>()
  #port: Port<ToNodes, FromNodes> | undefined
  #lastCall = 0

  constructor(askNode: (nodeId: string, question: unknown, onReply: OnReply) => void) {
    this.#askNode = askNode
  }

  /** A life of the thread; the last one is over. */
  link(port: Port<ToNodes, FromNodes>): void {
    this.#port?.close()
    this.#lose()
    this.#port = port
    port.receive((message) => {
      if (this.#port !== port) return
      if (message.type === 'reply')
        return this.#settle(message.call)?.({ type: 'answer', answer: message.answer })
      const { call, nodeId, question } = message
      this.#askNode(nodeId, question, (reply) => port.send({ type: 'replied', call, reply }))
    })
    port.onClose(() => {
      if (this.#port === port) this.#lose()
    })
  }

  /** Another node asks. */
  ask(question: unknown, onReply: OnReply): void {
    if (this.#port === undefined) return onReply(unreachable)
    if (this.#asked.size >= relayQuestionsMax) return onReply(overloaded)
    const call = ++this.#lastCall
    this.#asked.set(call, onReply)
    this.#port.send({ type: 'asked', call, question })
  }

  /** A port that is open would keep the relay's thread from ending. */
  close(): void {
    this.#port?.close()
    this.#lose()
  }

  #lose(): void {
    this.#port = undefined
    for (const call of [...this.#asked.keys()]) this.#settle(call)?.(unreachable)
  }

  #settle(call: number): OnReply | undefined {
    const waiting = this.#asked.get(call)
    this.#asked.delete(call)
    return waiting
  }
}
