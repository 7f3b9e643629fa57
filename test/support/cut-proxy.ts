/**
 * A TCP proxy on a loopback port between clients and a server, to be as bad as a network can be: cut, silent one way or
 * both, slow, or losing the reply to a request that the server has carried out.
 */
import { once } from 'node:events'
import { createConnection, createServer, type Server, type Socket } from 'node:net'

const HOST = '127.0.0.1'

/** `requests` go from client to server, `replies` back. */
export type Direction = 'requests' | 'replies'

type Link = { readonly client: Socket; readonly server: Socket }

/** Which clients something is done to, by their address; all unless it is given. */
type Whose = (clientAddress: string) => boolean

const everyone: Whose = () => true

export class CutProxy {
  readonly host = HOST
  readonly #listener: Server
  readonly #targetPort: number
  readonly #links = new Set<Link>()
  readonly #silent = new Map<Direction, Whose>()
  #refuses: Whose | undefined
  #delayMs = 0
  #repliesToDrop = 0

  private constructor(listener: Server, targetPort: number) {
    this.#listener = listener
    this.#targetPort = targetPort
    listener.on('connection', (client) => this.#connect(client))
  }

  /** In front of a loopback port. */
  static async start(targetPort: number): Promise<CutProxy> {
    const listener = createServer()
    const proxy = new CutProxy(listener, targetPort)
    listener.listen(0, HOST)
    await once(listener, 'listening')
    return proxy
  }

  get port(): number {
    const address = this.#listener.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy is closed')
    return address.port
  }

  /** Resets what is open and refuses what comes, until `heal`. */
  cut(whose: Whose = everyone): void {
    this.#refuses = whose
    this.reset(whose)
  }

  /** Resets what is open; what comes is served. */
  reset(whose: Whose = everyone): void {
    for (const link of [...this.#links]) if (whose(addressOf(link.client))) this.#end(link)
  }

  /** Bytes of the direction vanish, connections stay and even open, until `heal`. */
  blackhole(directions: readonly Direction[] = ['requests', 'replies'], whose: Whose = everyone): void {
    for (const direction of directions) this.#silent.set(direction, whose)
  }

  /** Everything takes this much longer each way. */
  delay(delayMs: number): void {
    this.#delayMs = delayMs
  }

  /**
   * Loses the next chunk the server sends, on whichever connection, and resets that connection: the request was carried
   * out, and its client cannot know.
   */
  dropNextReply(): void {
    this.#repliesToDrop++
  }

  /** Whole again. Connections through which bytes were lost are reset, as no stream survives a gap. */
  heal(): void {
    this.#refuses = undefined
    this.#delayMs = 0
    this.#repliesToDrop = 0
    if (this.#silent.size > 0)
      this.reset((address) => [...this.#silent.values()].some((whose) => whose(address)))
    this.#silent.clear()
  }

  async close(): Promise<void> {
    this.#listener.close()
    this.reset()
    await once(this.#listener, 'close')
  }

  #connect(client: Socket): void {
    if (this.#refuses?.(addressOf(client))) {
      client.resetAndDestroy()
      return
    }
    const server = createConnection({ host: HOST, port: this.#targetPort, noDelay: true })
    client.setNoDelay(true)
    const link = { client, server }
    this.#links.add(link)
    this.#pass('requests', link)
    this.#pass('replies', link)
  }

  #pass(direction: Direction, link: Link): void {
    const [from, to] = direction === 'requests' ? [link.client, link.server] : [link.server, link.client]
    from.on('data', (chunk: Buffer) => {
      if (this.#silent.get(direction)?.(addressOf(link.client))) return
      if (direction === 'replies' && this.#repliesToDrop > 0) {
        this.#repliesToDrop--
        this.#end(link)
        return
      }
      this.#later(() => void to.write(chunk))
    })
    from.on('end', () => this.#later(() => void to.end()))
    from.on('error', () => this.#end(link))
    from.on('close', () => this.#later(() => this.#end(link)))
  }

  /** Chunks of one connection stay in order: timers of one delay fire in theirs. */
  #later(call: () => void): void {
    if (this.#delayMs === 0) call()
    else setTimeout(call, this.#delayMs)
  }

  #end(link: Link): void {
    this.#links.delete(link)
    for (const socket of [link.client, link.server]) {
      // Node never ends a process in which a socket was reset that was about to close by itself.
      if (socket.connecting || socket.writableEnded || socket.readableEnded) socket.destroy()
      else if (!socket.destroyed) socket.resetAndDestroy()
    }
  }
}

function addressOf(socket: Socket): string {
  return socket.remoteAddress ?? ''
}
