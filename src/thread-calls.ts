/**
 * A listener's questions to a linked thread: bounded in number and time, and answered by whichever life of the thread there
 * is. Nobody waits for a life to come.
 */
import type { MessagePort } from 'node:worker_threads'
import type { ToLinkedClient } from './linked-thread.ts'
import type { Port, Timer, Timers } from './seams.ts'

/** Why no answer comes from the other end itself. */
export type CallFailure = 'unavailable' | 'overloaded' | 'shutting-down'

export type Asked = { readonly type: 'ask'; readonly call: number }
export type Answered = { readonly type: 'answer'; readonly call: number }
export type AnswerFailed<Code extends string> = {
  readonly type: 'failed'
  readonly call: number
  readonly code: Code
  readonly message: string
}

export type ThreadCallsOptions<Answer, From, To, Code extends string> = {
  readonly timers: Timers
  /** From main; nothing is sent back on it. */
  readonly control: Port<ToLinkedClient, never>
  readonly portOf: (end: MessagePort) => Port<From | Answer | AnswerFailed<Code>, To | Asked>
  /** What it is, for messages. */
  readonly name: string
  readonly callsMax: number
  readonly timeoutMs: number
  readonly failure: (code: Code | CallFailure, message: string) => Error
  /** A life can be asked from now on. */
  readonly onLink?: () => void
  /** Hears what is no answer. */
  readonly onMessage?: (message: From) => void
}

type Call<Answer> = {
  readonly timer: Timer
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

export class ThreadCalls<
  Answer extends Answered,
  From extends { readonly type: string },
  To,
  Code extends string,
> {
  readonly #options: ThreadCallsOptions<Answer, From, To, Code>
  readonly #calls = new Map<number, Call<Answer>>()
  #port: Port<From | Answer | AnswerFailed<Code>, To | Asked> | undefined
  #lastCall = 0
  #isClosed = false

  constructor(options: ThreadCallsOptions<Answer, From, To, Code>) {
    this.#options = options
    options.control.receive((message) => {
      if (message.type === 'link') this.#connect(options.portOf(message.port))
      else this.#disconnect('unavailable', `${options.name} is starting anew`)
    })
  }

  get isLinked(): boolean {
    return this.#port !== undefined
  }

  /** Rejects with what `failure` makes of it. */
  ask(question: object, timeoutMs = this.#options.timeoutMs): Promise<Answer> {
    const { name, callsMax, timers, failure } = this.#options
    const port = this.#port
    if (port === undefined) {
      const code = this.#isClosed ? 'shutting-down' : 'unavailable'
      return Promise.reject(failure(code, `${name} is not connected`))
    }
    if (this.#calls.size >= callsMax)
      return Promise.reject(failure('overloaded', `${callsMax} questions wait already`))
    return new Promise((resolve, reject) => {
      const call = ++this.#lastCall
      const timer = timers.after(timeoutMs, () =>
        this.#fail(call, 'unavailable', `no answer within ${timeoutMs} ms`),
      )
      this.#calls.set(call, { timer, resolve, reject })
      port.send({ ...question, type: 'ask', call })
    })
  }

  /** Said to this life of it; to nobody where there is none. */
  tell(message: To): void {
    this.#port?.send(message)
  }

  close(): void {
    this.#isClosed = true
    this.#options.control.close()
    this.#disconnect('shutting-down', 'the listener is closing')
  }

  #connect(port: Port<From | Answer | AnswerFailed<Code>, To | Asked>): void {
    this.#disconnect('unavailable', `${this.#options.name} was started anew`)
    this.#port = port
    port.receive((message) => {
      if (this.#port === port) this.#receive(message)
    })
    this.#options.onLink?.()
  }

  #receive(message: From | Answer | AnswerFailed<Code>): void {
    // What is neither is of the other kind.
    if (isAnswer<Answer>(message)) this.#settle(message.call)?.resolve(message)
    else if (isFailed<Code>(message)) this.#fail(message.call, message.code, message.message)
    else this.#options.onMessage?.(message as From)
  }

  #disconnect(code: CallFailure, message: string): void {
    this.#port?.close()
    this.#port = undefined
    for (const call of [...this.#calls.keys()]) this.#fail(call, code, message)
  }

  #fail(call: number, code: Code | CallFailure, message: string): void {
    this.#settle(call)?.reject(this.#options.failure(code, message))
  }

  #settle(call: number): Call<Answer> | undefined {
    const waiting = this.#calls.get(call)
    this.#calls.delete(call)
    waiting?.timer.cancel()
    return waiting
  }
}

function isAnswer<Answer>(message: { readonly type: string }): message is Answer & { readonly type: string } {
  return message.type === 'answer'
}

function isFailed<Code extends string>(message: { readonly type: string }): message is AnswerFailed<Code> {
  return message.type === 'failed'
}
