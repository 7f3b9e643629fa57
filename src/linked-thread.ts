/** A kept thread that listeners ask by themselves: each gets a port to every life of it, and hears when there is none. */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { KeptThread, type KeptThreadOptions } from './kept-thread.ts'
import { type Port, portOf } from './seams.ts'

/** From main to a listener's end. */
export type ToLinkedClient = { readonly type: 'link'; readonly port: MessagePort } | { readonly type: 'down' }

/** To the thread: another listener. */
export type ToLinked = { readonly type: 'connect'; readonly port: MessagePort }

export class LinkedThread<Status, From extends { readonly type: string }, To> {
  readonly #thread: KeptThread<Status, From, To | ToLinked>
  readonly #clients = new Set<Port<never, ToLinkedClient>>()

  constructor(options: KeptThreadOptions<From>) {
    this.#thread = new KeptThread({
      ...options,
      begin: () => {
        const life = options.begin()
        return {
          thread: life.thread,
          onStart: () => {
            life.onStart()
            for (const client of this.#clients) this.#link(client)
            this.onLife()
          },
          onEnd: () => {
            life.onEnd()
            for (const client of this.#clients) client.send({ type: 'down' })
          },
        }
      },
    })
  }

  /** How often it had to be replaced. */
  get restarts(): number {
    return this.#thread.restarts
  }

  start(): void {
    this.#thread.start()
  }

  /** Connects a listener, now and with every life of the thread to come. */
  attach(client: Port<never, ToLinkedClient>): void {
    this.#clients.add(client)
    if (this.#thread.isUp) this.#link(client)
  }

  /** Forgets a listener that is gone. */
  detach(client: Port<never, ToLinkedClient>): void {
    this.#clients.delete(client)
  }

  /** Said to this life of it; to nobody where there is none. */
  send(message: To, transfer?: readonly MessagePort[]): void {
    this.#thread.send(message, transfer)
  }

  protected get isUp(): boolean {
    return this.#thread.isUp
  }

  /** A life of it has begun. */
  protected onLife(): void {}

  /** What it says of itself; undefined where it does not in time. */
  status(withinMs: number): Promise<Status | undefined> {
    return this.#thread.status(withinMs)
  }

  /** Ends it, in order if it can be had in time. */
  close(): Promise<void> {
    return this.#thread.close()
  }

  #link(client: Port<never, ToLinkedClient>): void {
    const { port1, port2 } = new MessageChannel()
    client.send({ type: 'link', port: port1 }, [port1])
    this.#thread.send({ type: 'connect', port: port2 }, [port2])
  }
}

/** A channel whose one end is the control port of a listener's client, wherever its thread is. */
export function linkChannel(): {
  readonly clientEnd: MessagePort
  readonly threadEnd: Port<never, ToLinkedClient>
} {
  const { port1, port2 } = new MessageChannel()
  return { clientEnd: port1, threadEnd: portOf(port2) }
}
