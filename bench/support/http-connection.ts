/**
 * One keep-alive connection that sends bytes made beforehand and looks at no more of an answer than its status and its
 * length: a client that shares a machine with the server should cost less than the server does.
 */
import { connect, type Socket } from 'node:net'

/** Status 0: the connection broke before the answer was whole. */
export type Hear = (status: number, bytes: number) => void

const HEAD_END = Buffer.from('\r\n\r\n')
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i
/** Of `HTTP/1.1 201`. */
const STATUS_AT = 9

export class HttpConnection {
  readonly #port: number
  readonly #host: string
  #socket: Socket | undefined
  #hear: Hear | undefined
  #received: Buffer = Buffer.alloc(0)

  constructor(url: string) {
    const { hostname, port } = new URL(url)
    this.#host = hostname
    this.#port = Number(port)
  }

  /** Opens it; sending does so too. Rejects where nobody listens. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = this.#connect()
      socket.once('connect', () => resolve())
      socket.once('error', reject)
    })
  }

  /** One request at a time. */
  send(request: Buffer, hear: Hear): void {
    if (this.#hear !== undefined) throw new Error('the answer before this one has not come')
    this.#hear = hear
    const socket = this.#socket ?? this.#connect()
    socket.write(request)
  }

  close(): void {
    this.#socket?.destroy()
    this.#socket = undefined
  }

  #connect(): Socket {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true })
    this.#socket = socket
    this.#received = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.#socket !== socket) return
      this.#socket = undefined
      this.#answer(0, 0)
    })
    return socket
  }

  #take(chunk: Buffer): void {
    const bytes = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    const headEnd = bytes.indexOf(HEAD_END)
    if (headEnd >= 0) {
      const length = CONTENT_LENGTH.exec(bytes.toString('latin1', 0, headEnd))?.[1]
      if (length === undefined) throw new Error('an answer without Content-Length')
      const whole = headEnd + HEAD_END.length + Number(length)
      if (bytes.length > whole) throw new Error('more came than was asked for')
      if (bytes.length === whole) {
        this.#received = Buffer.alloc(0)
        return this.#answer(Number(bytes.toString('latin1', STATUS_AT, STATUS_AT + 3)), whole)
      }
    }
    this.#received = bytes
  }

  #answer(status: number, bytes: number): void {
    const hear = this.#hear
    this.#hear = undefined
    hear?.(status, bytes)
  }
}

/** The bytes of a POST of a JSON body, as a client sends them on a connection that it keeps. */
export function postBytes(request: {
  readonly url: string
  readonly path: string
  readonly key: string
  readonly body: unknown
}): Buffer {
  const { url, path, key, body } = request
  const text = JSON.stringify(body)
  const head = [
    `POST ${path} HTTP/1.1`,
    `host: ${new URL(url).host}`,
    'connection: keep-alive',
    `authorization: Bearer ${key}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(text)}`,
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${text}`)
}
