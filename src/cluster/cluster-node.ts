/**
 * One node among others: its copy of the journals, its leases, and its way to the other nodes, put together.
 *
 * Comes up: Redis is looked at, all agree on what the data is, the mirror follows it, the relay listens, and leases are
 * taken. Goes down the other way round: shards are handed over first, and what reads the mirror's files ends before it.
 */
import type { MessagePort } from 'node:worker_threads'
import { LeaseBoard } from '../actors/lease-board.ts'
import type { RemoteShards } from '../actors/remote-shards.ts'
import type { SharedJournals } from '../actors/shared-journals.ts'
import type { Supervisor } from '../actors/supervisor.ts'
import { assert } from '../domain/assert.ts'
import type { ShardId } from '../domain/ids.ts'
import type { KeptThreadSeams } from '../kept-thread.ts'
import type { StreamId } from '../persistence/journal/frame.ts'
import { JournalLost } from '../persistence/journal/redis/mirror.ts'
import { MirrorThread } from '../persistence/journal/redis/mirror-thread.ts'
import { entryIdOf, type FramePlace, isBefore } from '../persistence/journal/redis/place.ts'
import type { AckPolicy } from '../persistence/journal/redis/redis-log.ts'
import { checkRedis } from '../persistence/redis/redis-checks.ts'
import { RedisNodes } from '../persistence/redis/redis-nodes.ts'
import type { RedisAccess } from '../redis-url.ts'
import type { Clock, Random } from '../seams.ts'
import { drawToken } from './draw-token.ts'
import { historyKeepers } from './history-keepers.ts'
import type { Member } from './members.ts'
import { addressText, nodesToMeet } from './node-addresses.ts'
import { Ownership } from './ownership.ts'
import type { Owner, OwnershipView } from './ownership-view.ts'
import { RelayThread } from './relay/relay-thread.ts'

export type ClusterNodeOptions = KeptThreadSeams & {
  readonly access: RedisAccess
  readonly ack: AckPolicy
  /** Where the other nodes reach this one; port 0 is any. */
  readonly host: string
  readonly port: number
  readonly secret: string
  readonly leaseMs: number
  readonly isProduction: boolean
  readonly shards: number
  readonly version: string
  readonly journalDirectory: string
  /** What this node is to hold a copy of is known: throws where it holds one of something else. */
  readonly onData: (dataId: string) => void
  /** How many nodes there are, whenever that may have changed. */
  readonly onMembers: (count: number) => void
  /** Whether this node does what one of them must, and no two should. */
  readonly onLead: (leads: boolean) => void
  /** Whether this node keeps a history, and which others do, whenever that has changed; the first of them to be asked first. */
  readonly onHistoryKeepers: (keeping: {
    readonly keeps: boolean
    readonly others: readonly string[]
  }) => void
  /** A life of the relay has begun: `linkHistory` links it. */
  readonly onRelay: () => void
  readonly clock: Clock
  readonly random: Random
}

/** Epochs are drawn some way above the last one, so that two owners who both saw it do not draw the same. */
const EPOCHS_APART = 1_000

/** Whoever owns it leads: a lease more would say nothing more. */
const LEADING_SHARD = 0 as ShardId

export class ClusterNode {
  readonly id: string
  readonly #options: ClusterNodeOptions
  readonly #relay: RelayThread
  readonly #mirror: MirrorThread
  readonly #nodes: RedisNodes
  readonly #leases: LeaseBoard
  /** The newest frame of each shard that became durable while it was served here. */
  readonly #acknowledged = new Map<ShardId, FramePlace>()
  #ownership: Ownership | undefined
  #supervisor: Supervisor | undefined
  #owners: ReadonlyMap<ShardId, Owner> = new Map()
  #members: readonly Member[] = []
  #historyKeepers: readonly string[] = []

  constructor(options: ClusterNodeOptions) {
    const {
      access,
      secret,
      host,
      port,
      shards,
      journalDirectory,
      clock,
      timers,
      log,
      respawnDelayMs,
      random,
      onRelay: onStart,
    } = options
    const seams = { timers, log, respawnDelayMs }
    this.#options = options
    this.id = drawToken(random)
    this.#nodes = new RedisNodes(access, { clock, timers })
    this.#leases = LeaseBoard.of(shards)
    this.#relay = new RelayThread({ ...seams, nodeId: this.id, clusterSecret: secret, host, port, onStart })
    this.#mirror = new MirrorThread({
      ...seams,
      data: { access, journalDirectory, shards },
      onRoll: (stream, segment) => this.#supervisor?.noteMirrored(stream, segment),
    })
  }

  /** The supervisor's way to what other nodes serve. */
  get remotes(): RemoteShards {
    return this.#relay
  }

  /** How its workers begin. */
  get journals(): SharedJournals {
    const { access, ack } = this.#options
    return {
      place: { access, ack, leases: this.#leases.memory },
      startOf: async (shard) => {
        const end = await this.#mirror.endOf(shard)
        this.#expectAcknowledged(shard, end.head.place)
        const epoch = end.head.place.epoch + 1 + Math.floor(this.#options.random.fraction() * EPOCHS_APART)
        return { epoch, writer: drawToken(this.#options.random), end }
      },
    }
  }

  /**
   * Joins the others, and serves what falls to this node from here on. Rejects with `RedisBootError` where Redis may not hold
   * a journal as it is set, and with `OwnershipRefused` where its data has another number of shards.
   */
  async start(supervisor: Supervisor): Promise<void> {
    const { access, ack, host, shards, leaseMs, isProduction, version, clock, timers, random, log, onData } =
      this.#options
    this.#supervisor = supervisor
    const report = await checkRedis(this.#nodes, { access, ack, isProduction, clock, timers })
    for (const why of report.warnings) log('warn', 'redis.doubtful', { why })
    const port = await this.#relay.start(supervisor)
    this.#ownership = new Ownership({
      nodes: this.#nodes,
      node: { id: this.id, address: addressText(host, port), version },
      board: this.#leases,
      shards,
      ack: ack.type === 'aof' ? 'aof' : { replicas: ack.count },
      leaseMs,
      clock,
      timers,
      random,
      log,
      agreed: (dataId) => {
        onData(dataId)
        this.#mirror.start()
      },
      acquired: (shard) => supervisor.serve(shard),
      surrender: async (shard) => void (await supervisor.retire(shard)),
      lost: (shard) => supervisor.fence(shard),
      members: (members) => this.#note(members),
      owners: (owners) => this.#follow(owners),
    })
    await this.#ownership.start()
  }

  /** A worker here has acknowledged so much of its shard: whatever Redis says later, it may not say less. */
  noteDurable({ epoch, worker }: StreamId, ordinal: number): void {
    this.#acknowledged.set(worker as ShardId, { epoch, ordinal })
  }

  /** The way of this node's history to those of other nodes: the other end is a life of it. */
  linkHistory(port: MessagePort): void {
    this.#relay.linkHistory(port)
  }

  view(): OwnershipView | undefined {
    return this.#ownership?.view()
  }

  /** Hands its shards to others and leaves. */
  async leave(): Promise<void> {
    await this.#ownership?.close()
    await this.#relay.close()
  }

  /** After all that reads its files. */
  close(): Promise<void> {
    return this.#mirror.close()
  }

  /** The mirror knows of what was sealed; of what was acknowledged just before, only whoever acknowledged it (FAULTS.md, 70). */
  #expectAcknowledged(shard: ShardId, end: FramePlace): void {
    const place = this.#acknowledged.get(shard)
    if (place === undefined || !isBefore(end, place)) return
    throw new JournalLost(
      `shard ${shard} ends at ${entryIdOf(end)} in Redis, and ${entryIdOf(place)} was acknowledged here: Redis lost what it had acknowledged`,
    )
  }

  #note(members: readonly Member[]): void {
    this.#options.onMembers(members.length)
    const keepers = historyKeepers(members)
    this.#members = members
    if (keepers.join() === this.#historyKeepers.join()) return
    this.#historyKeepers = keepers
    this.#meet()
    const others = keepers.filter((nodeId) => nodeId !== this.id)
    // Half of those that ask begin with the one, half with the other.
    if (this.id.charCodeAt(0) % 2 === 1) others.reverse()
    this.#options.onHistoryKeepers({ keeps: keepers.includes(this.id), others })
  }

  #meet(): void {
    const known = {
      owners: this.#owners.values(),
      members: this.#members,
      historyKeepers: this.#historyKeepers,
    }
    this.#relay.meet(nodesToMeet(this.id, known))
  }

  #follow(owners: ReadonlyMap<ShardId, Owner>): void {
    const supervisor = this.#supervisor
    assert(supervisor !== undefined, 'whoever owns shards has workers for them')
    this.#owners = owners
    this.#options.onLead(owners.get(LEADING_SHARD)?.nodeId === this.id)
    this.#meet()
    for (let shard = 0; shard < this.#options.shards; shard++) {
      const owner = owners.get(shard as ShardId)
      if (owner?.nodeId === this.id) continue
      if (owner === undefined) supervisor.forget(shard)
      else supervisor.follow(shard, owner.nodeId)
    }
  }
}
