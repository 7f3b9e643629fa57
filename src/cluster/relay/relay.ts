/**
 * The forwarding of one node: answers other nodes for the shards that it serves (caller.ts), and asks them for theirs on
 * behalf of its own engines (peer.ts). Decides nothing: who serves what, main says.
 */
import type { MessagePort } from 'node:worker_threads'
import type { CallsMessage, RepliesMessage } from '../../actors/protocol.ts'
import type { Clock, Port, Timers } from '../../seams.ts'
import { portOf } from '../../seams.ts'
import { Caller } from './caller.ts'
import { HistoryWay, unreachable } from './history-way.ts'
import { LocalShards } from './local-shards.ts'
import { type LetIn, type NodeLinkToCaller, NodeListener } from './node-listener.ts'
import { Peer, sayNothingHappened } from './peer.ts'
import { PeerDialler } from './peer-dialler.ts'
import type { FromRelay, NodeAddress, RelayData, RelayStatus, ToRelay } from './relay-protocol.ts'

export type RelayParts = RelayData & {
  readonly clock: Clock
  readonly timers: Timers
  readonly main: Pick<Port<never, FromRelay>, 'send'>
}

export class Relay {
  readonly #parts: RelayParts
  readonly #local: LocalShards
  readonly #history = new HistoryWay((nodeId, question, onReply) => {
    const peer = this.#peers.get(nodeId)
    if (peer === undefined) onReply(unreachable)
    else peer.ask(question, onReply)
  })
  readonly #listener: NodeListener
  readonly #callers = new Set<Caller>()
  readonly #diallers = new Map<string, PeerDialler>()
  /** Those that are up. */
  readonly #peers = new Map<string, Peer>()
  readonly #quarantined = new Set<string>()
  /** Of connections that are over. */
  readonly #counted = { sent: 0, received: 0, refused: 0 }

  constructor(parts: RelayParts) {
    this.#parts = parts
    const { nodeId, clock, timers, main } = parts
    this.#local = new LocalShards({
      main,
      onShown: (shard, numbers) => {
        for (const caller of this.#callers) caller.noteShown(shard, numbers)
      },
    })
    this.#listener = new NodeListener({
      nodeId,
      key: this.#key,
      clock,
      timers,
      log: this.#log,
      onCaller: (link) => this.#letIn(link),
    })
  }

  /** Opens its port. */
  async start(): Promise<void> {
    const { host, port, main } = this.#parts
    try {
      main.send({ type: 'listening', port: await this.#listener.listen(host, port) })
    } catch (error) {
      if (!(error instanceof Error)) throw error
      main.send({ type: 'deaf', error })
    }
  }

  hear(message: ToRelay): void {
    switch (message.type) {
      case 'meet':
        return this.#meet(message.nodes)
      case 'link':
        return this.#link(message.nodeId, message)
      case 'served':
        this.#local.note(message)
        for (const caller of this.#callers) caller.tell(servedIn(message))
        return
      case 'ended':
        for (const caller of this.#callers) caller.tellEnd(message)
        return this.#local.end(message)
      case 'quarantined':
        this.#quarantined.add(message.fingerprint)
        for (const caller of this.#callers) caller.tellPoison(message.fingerprint)
        return
      case 'history':
        return this.#history.link(portOf(message.port))
    }
  }

  status(): RelayStatus {
    const totals = { ...this.#counted }
    for (const { sent, refused } of this.#peers.values()) {
      totals.sent += sent
      totals.refused += refused
    }
    for (const { received } of this.#callers) totals.received += received
    const peers = [...this.#diallers.keys()].map((nodeId) => {
      const peer = this.#peers.get(nodeId)
      return { nodeId, isUp: peer !== undefined, waitingBytes: peer?.waitingBytes ?? 0 }
    })
    return { peers, callers: this.#callers.size, ...totals }
  }

  close(): void {
    for (const dialler of this.#diallers.values()) dialler.close()
    this.#listener.close()
    this.#history.close()
  }

  get #key(): Buffer {
    return Buffer.from(this.#parts.key)
  }

  readonly #log = (level: 'info' | 'warn', event: string, detail: object): void =>
    this.#parts.main.send({ type: 'log', level, event, detail })

  #meet(nodes: readonly NodeAddress[]): void {
    const wanted = new Map(nodes.map((node) => [node.nodeId, node]))
    for (const [nodeId, dialler] of this.#diallers) {
      const node = wanted.get(nodeId)
      const { host, port } = dialler.address
      if (node?.host === host && node.port === port) continue
      this.#diallers.delete(nodeId)
      dialler.close()
    }
    for (const node of wanted.values()) if (!this.#diallers.has(node.nodeId)) this.#dial(node)
  }

  #dial(address: NodeAddress): void {
    const { nodeId: self, clock, timers, main } = this.#parts
    const { nodeId } = address
    const onUp = (link: ConstructorParameters<typeof Peer>[0]['link']) => {
      const toMain = {
        send: (message: Parameters<PeerToMain['send']>[0]) =>
          main.send(message.type === 'quarantined' ? message : { ...message, nodeId }),
      }
      const peer = new Peer({ link, clock, main: toMain })
      this.#peers.set(nodeId, peer)
      this.#log('info', 'relay.connected', { peer: nodeId })
      return (message: Parameters<Peer['hear']>[0]) => peer.hear(message)
    }
    const onLost = () => {
      const peer = this.#peers.get(nodeId)
      if (peer === undefined) return
      this.#peers.delete(nodeId)
      this.#counted.sent += peer.sent
      this.#counted.refused += peer.refused
      peer.end()
      main.send({ type: 'lost', nodeId })
    }
    const parts = { nodeId: self, key: this.#key, clock, timers, log: this.#log, onUp, onLost }
    this.#diallers.set(nodeId, new PeerDialler(address, parts))
  }

  #link(
    nodeId: string,
    { shard, life, port: end }: { shard: number; life: number; port: MessagePort },
  ): void {
    const port = portOf<CallsMessage, RepliesMessage>(end)
    const peer = this.#peers.get(nodeId)
    if (peer === undefined) sayNothingHappened(port)
    else peer.connect({ shard, life }, port)
  }

  #letIn(link: NodeLinkToCaller): LetIn {
    const { clock, timers } = this.#parts
    const caller = new Caller({ link, local: this.#local, history: this.#history, clock, timers })
    for (const fingerprint of this.#quarantined) caller.tellPoison(fingerprint)
    this.#callers.add(caller)
    return {
      hear: (message) => caller.hear(message),
      goOn: () => caller.goOn(),
      end: () => {
        this.#callers.delete(caller)
        this.#counted.received += caller.received
        caller.end()
      },
    }
  }
}

type PeerToMain = ConstructorParameters<typeof Peer>[0]['main']

function servedIn({ shard, life, state }: Extract<ToRelay, { readonly type: 'served' }>) {
  return { shard, life, state }
}
