/** Two ports that are joined by a wire a test holds in its hand: it can hold messages back, drop, repeat and mix them. */
import type { PromptPort } from '../../src/seams.ts'

export class Wire<There, Back> {
  readonly there = new Way<There>()
  readonly back = new Way<Back>()
  readonly #closeHandlers: (() => void)[] = []

  /** Sends `There`, receives `Back`. */
  readonly near: PromptPort<Back, There> = {
    send: (message) => this.there.send(message),
    receive: (handler) => this.back.receive(handler),
    // What is not held back was handed over as it was sent.
    receiveNow: () => {},
    onClose: (handler) => void this.#closeHandlers.push(handler),
    close: () => this.close(),
  }

  readonly far: PromptPort<There, Back> = {
    send: (message) => this.back.send(message),
    receive: (handler) => this.there.receive(handler),
    receiveNow: () => {},
    onClose: (handler) => void this.#closeHandlers.push(handler),
    close: () => this.close(),
  }

  close(): void {
    this.there.close()
    this.back.close()
    for (const handle of this.#closeHandlers.splice(0)) handle()
  }
}

/** One direction. Passes each message on at once, unless it is told to hold them. */
export class Way<Message> {
  isHolding = false
  /** Passes on copies, as between threads; not for messages that carry ports. */
  copies = false
  readonly held: Message[] = []
  #handler: ((message: Message) => void) | undefined
  #isClosed = false

  send(message: Message): void {
    const sent = this.copies ? structuredClone(message) : message
    if (this.isHolding || this.#handler === undefined) this.held.push(sent)
    else this.deliver(sent)
  }

  receive(handler: (message: Message) => void): void {
    this.#handler = handler
    if (!this.isHolding) this.release()
  }

  /** Delivers what was held, in its order. */
  release(): void {
    this.isHolding = false
    for (const message of this.held.splice(0)) this.deliver(message)
  }

  deliver(message: Message): void {
    if (!this.#isClosed) this.#handler?.(message)
  }

  close(): void {
    this.#isClosed = true
  }
}
