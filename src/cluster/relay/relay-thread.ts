/**
 * The relay's thread as main sees it, and the supervisor's way to the shards of other nodes. Where the thread dies, all of
 * them are down until its next life has found the nodes again, at the same port as before.
 */
import { type MessagePort, Worker } from 'node:worker_threads'
import type { RemoteShards, ServedShard, ShardLife } from '../../actors/remote-shards.ts'
import type { Supervisor } from '../../actors/supervisor.ts'
import { KeptThread, type KeptThreadSeams, type Life } from '../../kept-thread.ts'
import { relayCloseMs } from '../../limits/relay.ts'
import { relayKeyOf } from './node-proof.ts'
import type { FromRelay, NodeAddress, RelayData, RelayStatus, ToRelay } from './relay-protocol.ts'

/** What a supervisor is to the relay. */
export type ServedHere = Pick<
  Supervisor,
  'served' | 'quarantined' | 'connect' | 'followed' | 'noteRemotePoison'
>

export type RelayThreadOptions = KeptThreadSeams & {
  readonly nodeId: string
  readonly clusterSecret: string
  readonly host: string
  /** 0 is any. */
  readonly port: number
  /** Each life of it, from its beginning. */
  readonly onStart?: () => void
}

export class RelayThread implements RemoteShards {
  readonly #options: RelayThreadOptions
  readonly #thread: KeptThread<RelayStatus, FromRelay, ToRelay>
  readonly #key: Buffer
  readonly #listening = Promise.withResolvers<number>()
  /** By node and shard: what those that are up have said. */
  readonly #served = new Map<string, Map<number, ServedShard>>()
  #nodes: readonly NodeAddress[] = []
  #supervisor: ServedHere | undefined
  #port: number

  constructor(options: RelayThreadOptions) {
    this.#options = options
    this.#port = options.port
    this.#key = relayKeyOf(options.clusterSecret)
    const { timers, log, respawnDelayMs } = options
    this.#thread = new KeptThread({
      name: 'relay',
      begin: () => this.#begin(),
      onMessage: (message) => this.#hear(message),
      closeMs: relayCloseMs,
      timers,
      log,
      respawnDelayMs,
    })
  }

  /** How often it had to be replaced. */
  get restarts(): number {
    return this.#thread.restarts
  }

  /** Opens the port to other nodes, and resolves with its number. Rejects where it cannot be had. */
  start(supervisor: ServedHere): Promise<number> {
    this.#supervisor = supervisor
    this.#thread.start()
    return this.#listening.promise
  }

  /** These are the other nodes, and no others: they are dialled, whether they serve anything yet or not. */
  meet(nodes: readonly NodeAddress[]): void {
    this.#nodes = nodes.filter(({ nodeId }) => nodeId !== this.#options.nodeId)
    this.#thread.send({ type: 'meet', nodes: this.#nodes })
  }

  /** What it says of itself; undefined where it does not in time. */
  status(withinMs: number): Promise<RelayStatus | undefined> {
    return this.#thread.status(withinMs)
  }

  close(): Promise<void> {
    return this.#thread.close()
  }

  servedBy(nodeId: string, shard: number): ServedShard | undefined {
    return this.#served.get(nodeId)?.get(shard)
  }

  link(nodeId: string, { shard, life }: ShardLife, port: MessagePort): void {
    if (this.#thread.isUp) this.#thread.send({ type: 'link', nodeId, shard, life, port }, [port])
    else port.close()
  }

  /** The other end is a life of this node's history. */
  linkHistory(port: MessagePort): void {
    if (this.#thread.isUp) this.#thread.send({ type: 'history', port }, [port])
    else port.close()
  }

  noteServed(served: ServedShard): void {
    this.#thread.send({ type: 'served', ...served })
  }

  noteEnded(shard: ShardLife): void {
    this.#thread.send({ type: 'ended', ...shard })
  }

  noteQuarantined(fingerprint: string): void {
    this.#thread.send({ type: 'quarantined', fingerprint })
  }

  #begin(): Life {
    const { nodeId, host } = this.#options
    const workerData: RelayData = { nodeId, host, port: this.#port, key: this.#key }
    const thread = new Worker(new URL('./relay-entry.ts', import.meta.url), {
      workerData,
      name: `relay-${nodeId}`,
    })
    return {
      thread,
      onStart: () => {
        for (const served of this.#supervisor?.served ?? []) this.noteServed(served)
        for (const fingerprint of this.#supervisor?.quarantined ?? []) this.noteQuarantined(fingerprint)
        this.meet(this.#nodes)
        this.#options.onStart?.()
      },
      onEnd: () => {
        for (const nodeId of [...this.#served.keys()]) this.#lose(nodeId)
      },
    }
  }

  #hear(message: FromRelay): void {
    switch (message.type) {
      case 'listening':
        this.#port = message.port
        return this.#listening.resolve(message.port)
      case 'deaf':
        this.#options.log('error', 'relay.deaf', { err: message.error })
        return this.#listening.reject(message.error)
      case 'connect':
        return this.#supervisor?.connect(message, message.as, message.port)
      case 'served': {
        const { nodeId, shard, life, state } = message
        const ofNode = this.#served.get(nodeId) ?? new Map<number, ServedShard>()
        this.#served.set(nodeId, ofNode.set(shard, { shard, life, state }))
        return this.#supervisor?.followed?.noteServed(nodeId, { shard, life, state })
      }
      case 'ended': {
        const { nodeId, shard, life } = message
        const ofNode = this.#served.get(nodeId)
        if (ofNode?.get(shard)?.life === life) ofNode.delete(shard)
        return this.#supervisor?.followed?.noteEnded(nodeId, { shard, life })
      }
      case 'quarantined':
        return this.#supervisor?.noteRemotePoison(message.fingerprint)
      case 'lost':
        return this.#lose(message.nodeId)
      case 'log':
        return this.#options.log(message.level, message.event, message.detail)
    }
  }

  #lose(nodeId: string): void {
    const ofNode = this.#served.get(nodeId)
    this.#served.delete(nodeId)
    for (const served of ofNode?.values() ?? []) this.#supervisor?.followed?.noteEnded(nodeId, served)
  }
}
