/**
 * Where other nodes are let in. Whoever has proven nothing yet costs little and not for long: such connections are few, the
 * oldest goes for the newest, and each has a short time.
 */
import { createServer, type Server, type Socket } from 'node:net'
import type { TLSSocket, Server as TlsServer } from 'node:tls'
import { relayPeersMax, relayProofMs, relayUnprovenMax } from '../../limits/relay.ts'
import type { Clock, Timers } from '../../seams.ts'
import { NodeLink } from './node-link.ts'
import { proofServer } from './node-proof.ts'
import { type FromCaller, type FromOwner, valueFormat, wordsVersion } from './node-words.ts'
import { whyNot } from './peer-dialler.ts'

export type NodeLinkToCaller = NodeLink<FromCaller, FromOwner>

export type LetIn = {
  readonly hear: (message: FromCaller) => void
  readonly goOn: () => void
  readonly end: () => void
}

export type NodeListenerParts = {
  readonly nodeId: string
  readonly key: Buffer
  readonly clock: Clock
  readonly timers: Timers
  readonly log: (level: 'info' | 'warn', event: string, detail: object) => void
  /** A node is proven, and has been told who this one is. */
  readonly onCaller: (link: NodeLinkToCaller) => LetIn
}

export class NodeListener {
  readonly #parts: NodeListenerParts
  readonly #server: Server
  readonly #proofs: TlsServer
  /** Those that have proven nothing, oldest first. */
  readonly #unproven = new Map<string, Socket>()
  /** By node: another connection of the same one says that the last is dead. */
  readonly #links = new Map<string, NodeLinkToCaller>()
  /** Connections that never came to be proven. */
  refused = 0

  constructor(parts: NodeListenerParts) {
    this.#parts = parts
    this.#proofs = proofServer(parts.key)
    this.#server = createServer((socket) => this.#take(socket))
    this.#proofs.on('secureConnection', (socket) => this.#greet(socket))
    this.#proofs.on('tlsClientError', (_error, socket) => socket.destroy())
  }

  get callers(): number {
    return this.#links.size
  }

  /** Resolves with the port. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => {
        const address = this.#server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : port)
      })
    })
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#unproven.values()) socket.destroy()
    for (const link of [...this.#links.values()]) link.end('the relay is closing')
  }

  #take(socket: Socket): void {
    const name = nameOf(socket)
    if (this.#unproven.size >= relayUnprovenMax) {
      const [oldest] = this.#unproven.values()
      oldest?.destroy()
    }
    this.#unproven.set(name, socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      if (this.#unproven.get(name) !== socket) return
      this.#unproven.delete(name)
      this.refused += 1
    })
    socket.setNoDelay(true)
    this.#proofs.emit('connection', socket)
  }

  #greet(socket: TLSSocket): void {
    this.#unproven.delete(nameOf(socket))
    const { nodeId, clock, timers, log, onCaller } = this.#parts
    let caller: LetIn | undefined
    let from = ''
    const late = timers.after(relayProofMs, () => link.end('it did not say who it is'))
    const link: NodeLinkToCaller = new NodeLink(socket, {
      clock,
      timers,
      asks: false,
      onMessage: (message) => {
        if (caller !== undefined) return caller.hear(message)
        if (message.type !== 'hello') return link.end('it did not say who it is')
        late.cancel()
        const wrong = whyNot(message, { to: nodeId })
        if (wrong !== undefined) {
          log('warn', 'relay.refused', { caller: message.from, why: wrong })
          return link.end(wrong)
        }
        from = message.from
        this.#links.get(from)?.end('it has called anew')
        if (this.#links.size >= relayPeersMax) return link.end(`${relayPeersMax} nodes are connected already`)
        this.#links.set(from, link)
        link.prove()
        link.send({ type: 'hello', version: wordsVersion, format: valueFormat, from: nodeId, to: from })
        caller = onCaller(link)
      },
      onEnd: (why) => {
        late.cancel()
        if (this.#links.get(from) === link) this.#links.delete(from)
        if (caller === undefined) return
        log('info', 'relay.callerLeft', { caller: from, why })
        caller.end()
      },
      onDrain: () => caller?.goOn(),
    })
  }
}

function nameOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress} ${remotePort}`
}
