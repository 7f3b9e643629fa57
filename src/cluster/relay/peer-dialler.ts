/** Dials one other node for as long as it is one: until it answers, and again whenever it is lost, each time later. */
import type { TLSSocket } from 'node:tls'
import { relayProofMs, relayRedialMsMax, relayRedialMsMin } from '../../limits/relay.ts'
import type { Clock, Timer, Timers } from '../../seams.ts'
import { NodeLink } from './node-link.ts'
import { dial } from './node-proof.ts'
import { type FromCaller, type FromOwner, type Hello, valueFormat, wordsVersion } from './node-words.ts'
import type { NodeAddress } from './relay-protocol.ts'

export type NodeLinkToOwner = NodeLink<FromOwner, FromCaller>

export type PeerDiallerParts = {
  readonly nodeId: string
  readonly key: Buffer
  readonly clock: Clock
  readonly timers: Timers
  readonly log: (level: 'info' | 'warn', event: string, detail: object) => void
  /** It is proven and is who it should be. What it says from now on goes to the answer. */
  readonly onUp: (link: NodeLinkToOwner) => (message: FromOwner) => void
  readonly onLost: () => void
}

export class PeerDialler {
  readonly address: NodeAddress
  readonly #parts: PeerDiallerParts
  #failures = 0
  #redial: Timer | undefined
  #socket: TLSSocket | undefined
  #link: NodeLinkToOwner | undefined
  #isOver = false

  constructor(address: NodeAddress, parts: PeerDiallerParts) {
    this.address = address
    this.#parts = parts
    this.#dial()
  }

  /** Hangs up for good. */
  close(): void {
    this.#isOver = true
    this.#redial?.cancel()
    this.#link?.end('it is no node of this cluster any more')
    this.#socket?.destroy()
  }

  #dial(): void {
    const { key, timers } = this.#parts
    const socket = dial(this.address, key)
    this.#socket = socket
    const late = timers.after(relayProofMs, () => socket.destroy(new Error('it has proven nothing in time')))
    let reason = 'it has closed the connection'
    const note = (why: string) => {
      reason = why
    }
    socket.on('error', (error) => note(error.message))
    socket.on('secureConnect', () => this.#greet(socket, late, note))
    socket.on('close', () => {
      late.cancel()
      this.#link = undefined
      this.#lose(reason)
    })
  }

  #greet(socket: TLSSocket, late: Timer, note: (why: string) => void): void {
    const { nodeId, clock, timers, onUp, onLost } = this.#parts
    const { nodeId: to } = this.address
    let hear: ((message: FromOwner) => void) | undefined
    const link: NodeLinkToOwner = new NodeLink(socket, {
      clock,
      timers,
      asks: true,
      onMessage: (message) => {
        if (hear !== undefined) return hear(message)
        if (message.type !== 'hello') return link.end('it did not say who it is')
        const wrong = whyNot(message, { from: to, to: nodeId })
        if (wrong !== undefined) return link.end(wrong)
        late.cancel()
        link.prove()
        this.#failures = 0
        hear = onUp(link)
      },
      onEnd: (why) => {
        note(why)
        if (hear !== undefined) onLost()
      },
    })
    this.#link = link
    link.send({ type: 'hello', version: wordsVersion, format: valueFormat, from: nodeId, to })
  }

  #lose(why: string): void {
    if (this.#isOver) return
    const { nodeId: peer } = this.address
    const delayMs = Math.min(relayRedialMsMax, relayRedialMsMin * 2 ** this.#failures)
    // Once for each time that it was lost: a node that is down for a day is no news.
    if (this.#failures === 0) this.#parts.log('warn', 'relay.lost', { peer, why })
    this.#failures += 1
    this.#redial = this.#parts.timers.after(delayMs, () => this.#dial())
  }
}

/** Why whoever says this is not whom it should be; undefined where it is. */
export function whyNot(
  { version, format, from, to }: Hello,
  wanted: { readonly from?: string; readonly to: string },
): string | undefined {
  if (version !== wordsVersion) return `it speaks version ${version}, this node ${wordsVersion}`
  if (format !== valueFormat) return 'it writes values as another version of Node.js does'
  if (to !== wanted.to) return `it took this node for ${to}`
  if (wanted.from !== undefined && from !== wanted.from) return `it is ${from}`
  return undefined
}
