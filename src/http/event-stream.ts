/**
 * One client that listens for server-sent events (WHATWG HTML 9.2). Nothing is kept for a client that does not read: it
 * is asked for what there is to say once it can take it, so that it hears the last value and not all of them.
 */
const encoder = new TextEncoder()

export class EventStream {
  /** The body of the reply. */
  readonly body: ReadableStream<Uint8Array>
  readonly #isClosed: () => void
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #onReady: (() => void) | undefined
  #isOver = false

  /** `onClose` is called once, when the client is gone or the stream was ended. */
  constructor(onClose: () => void) {
    this.#isClosed = onClose
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
        },
        pull: () => {
          const ready = this.#onReady
          this.#onReady = undefined
          ready?.()
        },
        cancel: () => this.#close(),
      },
      // One event waits here; what waits in the socket, Node and the kernel bound.
      new CountQueuingStrategy({ highWaterMark: 1 }),
    )
  }

  /** Whether the client can take something. */
  get isReady(): boolean {
    return !this.#isOver && (this.#controller?.desiredSize ?? 0) > 0
  }

  /** Calls once, when the client can take something; the newest caller only. */
  whenReady(call: () => void): void {
    this.#onReady = call
  }

  /** Only where it is ready, or before anything else was sent. */
  send(text: string): void {
    if (!this.#isOver) this.#controller?.enqueue(encoder.encode(text))
  }

  /** Sends a last word and ends the reply. */
  end(text: string): void {
    if (this.#isOver) return
    this.send(text)
    this.#controller?.close()
    this.#close()
  }

  #close(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#onReady = undefined
    this.#isClosed()
  }
}

/** An event as it stands in the stream; `data` has no line break, as JSON has none. */
export function eventText(event: {
  readonly id: number
  readonly name: string
  readonly data: string
}): string {
  return `id: ${event.id}\nevent: ${event.name}\ndata: ${event.data}\n\n`
}

/** How long a client waits before it connects again. */
export function retryText(delayMs: number): string {
  return `retry: ${delayMs}\n\n`
}

/** A comment, which keeps connections open that some proxy would close. */
export const heartbeatText = ':\n\n'
