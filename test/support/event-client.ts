/** A client of server-sent events over a socket of its own, which reads or does not read as a test tells it. */
import { connect, type Socket } from 'node:net'

export type StreamEvent = {
  readonly id: string
  readonly name: string
  readonly data: Readonly<Record<string, unknown>>
}

export type EventClientOptions = {
  readonly token?: string
  readonly lastEventId?: string
}

const LIMIT_MS = 20_000

export class EventClient {
  readonly events: StreamEvent[] = []
  readonly #socket: Socket
  readonly #watchers = new Set<() => void>()
  #text = ''
  #head = ''
  #isClosed = false

  constructor(port: number, path: string, options: EventClientOptions = {}) {
    const { token, lastEventId } = options
    const fields = [
      `GET ${path} HTTP/1.1`,
      'Host: localhost',
      ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
      ...(lastEventId === undefined ? [] : [`Last-Event-ID: ${lastEventId}`]),
    ]
    this.#socket = connect({ port, host: '127.0.0.1' })
    this.#socket.setEncoding('utf8')
    this.#socket.on('data', (text) => this.#hear(String(text)))
    this.#socket.on('close', () => {
      this.#isClosed = true
      this.#notify()
    })
    // A reset is one way of being closed.
    this.#socket.on('error', () => {})
    this.#socket.write(`${fields.join('\r\n')}\r\n\r\n`)
  }

  /** Status line and header fields. */
  get head(): string {
    return this.#head
  }

  /** All that came behind them, chunk sizes included. */
  get text(): string {
    return this.#text
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get last(): StreamEvent | undefined {
    return this.events.at(-1)
  }

  /** Takes nothing off its socket from now on. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Resolves once it is so; rejects where the stream ends before, or in time. */
  until(isSo: (client: EventClient) => boolean, what: string): Promise<this> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer)
        this.#watchers.delete(check)
        settle()
      }
      const shown = () => `${what}; it had: ${this.#head}\n${this.#text.slice(-1_000)}`
      const check = () => {
        if (isSo(this)) end(() => resolve(this))
        else if (this.#isClosed) end(() => reject(new Error(`closed before ${shown()}`)))
      }
      const timer = setTimeout(
        () => end(() => reject(new Error(`not within ${LIMIT_MS} ms: ${shown()}`))),
        LIMIT_MS,
      )
      this.#watchers.add(check)
      check()
    })
  }

  untilVersion(version: number): Promise<this> {
    return this.until(({ last }) => Number(last?.id) >= version, `version ${version}`)
  }

  untilClosed(): Promise<this> {
    return this.until(({ isClosed }) => isClosed, 'the end')
  }

  close(): void {
    this.#socket.destroy()
  }

  #hear(text: string): void {
    this.#text += text
    if (this.#head === '') {
      const end = this.#text.indexOf('\r\n\r\n')
      if (end === -1) return
      this.#head = this.#text.slice(0, end)
      this.#text = this.#text.slice(end + 4)
    }
    for (const block of blocksIn(this.#text).slice(this.events.length)) this.events.push(block)
    this.#notify()
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher()
  }
}

/** Whole events, through the chunks that HTTP cuts them into. */
function blocksIn(text: string): StreamEvent[] {
  const plain = text.replaceAll(/(?:^|\r\n)[0-9a-f]+\r\n/g, '').replaceAll('\r\n', '')
  return plain
    .split('\n\n')
    .slice(0, -1)
    .filter((block) => block.includes('data: '))
    .map((block) => {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? ''
      return { id: field('id'), name: field('event'), data: JSON.parse(field('data')) }
    })
}
