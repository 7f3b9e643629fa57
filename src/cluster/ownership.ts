/**
 * Ownership: which shards this node serves. Takes leases, renews them, hands them over, and says so to who runs the workers.
 *
 * It decides by `placement.ts`, talks to Redis through `Leases` and `Members`, and shows on the `LeaseBoard` until when it
 * may be believed. It knows nothing of workers, journals or callers.
 *
 * O1  `acquired` comes after as many replicas as the policy names have the lease, and never while what was before it on this
 *     node is still ending: neither `surrender` nor `lost` of the shard is under way.
 * O2  Belief ends by the board, at once, whatever this thread is doing; `lost` follows as soon as it runs.
 * O3  A shard that is handed over is off the board before Redis hears of it: no two nodes ever believe in the same shard.
 * O4  No step waits for a primary that does not answer but for its own shards; each primary has one round under way at most.
 * O5  What Redis answers late, or after the tenure it was about has ended, changes nothing.
 */
import type { Redis } from 'ioredis'
import type { ShardId } from '../domain/ids.ts'
import type { RedisNodes } from '../persistence/redis/redis-nodes.ts'
import type { Clock, Random, Timer, Timers } from '../seams.ts'
import { KeptPrimaries } from './kept-primaries.ts'
import { LeaseBoard } from './lease-board.ts'
import { Leases } from './leases.ts'
import { Members } from './members.ts'
import { News } from './news.ts'
import { OwnershipRefused } from './ownership-error.ts'
import type { Owner, OwnershipView } from './ownership-view.ts'
import { type Holding, type NodeId, type Plan, planPlacement } from './placement.ts'
import { retryDelayMs } from './retry-delay.ts'
import { Sightings } from './sightings.ts'
import { renewalMs, type Tenure } from './tenure.ts'
import { TenureKeeper } from './tenure-keeper.ts'

export type OwnershipOptions = {
  readonly nodes: RedisNodes
  readonly node: { readonly id: NodeId; readonly address: string; readonly version: string }
  readonly shards: number
  readonly ack: 'aof' | { readonly replicas: number }
  readonly leaseMs: number
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly log: (level: 'info' | 'warn' | 'error', event: string, detail: object) => void
  /** The lease is ours: its worker can be started. */
  readonly acquired: (shard: ShardId) => void
  /** Hand it over in order: resolves when its worker has ended and all that it answered is durable. */
  readonly surrender: (shard: ShardId) => Promise<void>
  /** The lease has ended without us: fence at once. Until the promise resolves it is not taken again. */
  readonly lost: (shard: ShardId, why: string) => void | Promise<void>
  /** Who serves what, whenever that has changed. Shards without an owner are absent. */
  readonly owners: (owners: ReadonlyMap<ShardId, Owner>) => void
}

/** How often leases of others are looked at, besides when something is heard. */
const LOOK_MS = 200
/** For whom a free shard is meant has so long before others below their share take it; and thrice as long before anybody does. */
const GRACE_MS = 300
/** Of a lease: how long only the node that a shard is handed to may take it. */
const PROMISE_SHARE = 0.5
const HAND_OVERS_MAX = 1
const HAND_OVERS_LEAVING_MAX = 4
const PASS_ON_TRIES = 3

export class Ownership {
  readonly board: LeaseBoard
  readonly #options: OwnershipOptions
  readonly #primaries: KeptPrimaries
  readonly #leases: Leases
  readonly #members: Members
  readonly #news: News
  readonly #keeper: TenureKeeper
  readonly #sightings = new Sightings()
  readonly #shards: readonly ShardId[]
  /** Shards whose worker of a tenure that is over has not ended yet. */
  readonly #ending = new Map<ShardId, number>()
  readonly #handingOver = new Set<ShardId>()
  readonly #heard = new Set<ShardId>()
  readonly #looking = new Set<Redis>()
  readonly #counts = { acquired: 0, lost: 0, handedOver: 0 }
  readonly #startedAtMs: number
  #told = ''
  #beatTimer: Timer | undefined
  #lookTimer: Timer | undefined
  #beatFailures = 0
  #isLeaving = false
  #onIdle: () => void = () => {}

  constructor(options: OwnershipOptions) {
    this.#options = options
    const { nodes, node, shards, ack, leaseMs, clock, timers, random, log } = options
    const replicas = ack === 'aof' ? 0 : ack.replicas
    this.#shards = Array.from({ length: shards }, (_, shard) => shard as ShardId)
    this.#startedAtMs = clock.wallMs()
    this.board = LeaseBoard.of(shards)
    this.#primaries = new KeptPrimaries({ nodes, timers, random, commandTimeoutMs: leaseMs / 2 })
    this.#leases = new Leases({ primaries: this.#primaries, timers, node, replicas, leaseMs })
    this.#members = new Members({ primaries: this.#primaries, clock, timers, id: node.id, leaseMs })
    this.#news = new News({
      nodes,
      primaries: this.#primaries,
      timers,
      random,
      heard: (shard) => this.#hear(shard),
    })
    this.#keeper = new TenureKeeper({
      leases: this.#leases,
      board: this.board,
      replicas,
      leaseMs,
      clock,
      timers,
      random,
      log,
      held: (tenure) => this.#acquired(tenure),
      lost: (tenure, why) => this.#lost(tenure, why),
      refused: (shard) => this.#hear(shard),
    })
  }

  /**
   * Joins. Rejects where Redis cannot be reached, and with `OwnershipRefused` where the data has another number of shards.
   * Leases come by and by.
   */
  async start(): Promise<void> {
    const { shards, random, node } = this.#options
    await this.#primaries.start()
    const agreed = await this.#members.agree(shards, drawDataId(random))
    if (agreed.shards !== shards) {
      this.#primaries.close()
      throw new OwnershipRefused(
        `this node is set to ${shards} shards, and the data in Redis has ${agreed.shards}: set SHARDS=${agreed.shards}`,
      )
    }
    await this.#beat()
    this.#options.log('info', 'cluster.joined', { node: node.id, members: this.#members.living.length })
    this.#news.start()
    this.#keeper.start()
    this.#beatLater()
    this.#lookAgain()
  }

  /** Hands all shards to others, as far as there are any, and leaves. Resolves when nothing of it is left. */
  async close(): Promise<void> {
    const { log } = this.#options
    this.#isLeaving = true
    await this.#beat().catch((error) => log('warn', 'cluster.leavesUnheard', { err: error }))
    this.#place()
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
      this.#checkIdle()
    })
    this.#beatTimer?.cancel()
    this.#lookTimer?.cancel()
    this.#keeper.close()
    this.#news.close()
    await this.#members.leave().catch((error) => log('warn', 'cluster.leftUnheard', { err: error }))
    this.#primaries.close()
  }

  view(): OwnershipView {
    const nowMs = this.#options.clock.monotonicMs()
    return {
      node: this.#options.node.id,
      members: this.#members.living.length,
      shards: this.#shards.map((shard) => this.#viewOf(shard, nowMs)),
      ...this.#counts,
    }
  }

  // ---- Hearing of others --------------------------------------------------------------------------------------------

  async #beat(): Promise<void> {
    const { address, version } = this.#options.node
    await this.#members.beat({
      address,
      version,
      startedAtMs: this.#startedAtMs,
      shards: this.#keeper.all.length,
      isLeaving: this.#isLeaving,
    })
  }

  #beatLater(): void {
    const { timers, leaseMs, random, log } = this.#options
    const delayMs =
      this.#beatFailures === 0 ? renewalMs(leaseMs) : retryDelayMs(this.#beatFailures, random.fraction())
    const heard = () => {
      this.#beatFailures = 0
      this.#place()
    }
    const failed = (error: unknown) => {
      this.#beatFailures += 1
      log('warn', 'cluster.beatFailed', { err: error })
    }
    this.#beatTimer = timers.after(delayMs, () => {
      void this.#beat()
        .then(heard, failed)
        .finally(() => this.#beatLater())
    })
  }

  #lookAgain(): void {
    this.#lookTimer = this.#options.timers.after(LOOK_MS, () => this.#lookAgain())
    this.#look(this.#shards, { skipBusy: true })
    this.#place()
  }

  /** Its lease has changed: what is heard in one go is looked at in one go. */
  #hear(shard: ShardId): void {
    this.#heard.add(shard)
    if (this.#heard.size > 1) return
    this.#options.timers.soon(() => {
      const shards = this.#shards.filter((each) => this.#heard.has(each))
      this.#heard.clear()
      this.#look(shards)
    })
  }

  #look(shards: readonly ShardId[], { skipBusy = false } = {}): void {
    const others = shards.flatMap((shard) => (this.#keeper.of(shard) === undefined ? [{ shard }] : []))
    for (const [primary, group] of this.#leases.byPrimary(others)) {
      if (skipBusy && this.#looking.has(primary)) continue
      this.#looking.add(primary)
      const known = group.map(({ shard }) => shard)
      void this.#lookAt(primary, known).finally(() => this.#looking.delete(primary))
    }
  }

  async #lookAt(primary: Redis, shards: readonly ShardId[]): Promise<void> {
    try {
      const records = await this.#leases.look(primary, shards)
      const nowMs = this.#options.clock.monotonicMs()
      const news = [...records].filter(
        ([shard, record]) =>
          this.#keeper.of(shard) === undefined && this.#sightings.note(shard, record, nowMs),
      )
      if (news.length > 0) this.#place()
    } catch (error) {
      this.#options.log('warn', 'leases.unseen', { shards, err: error })
    }
  }

  // ---- Placing ------------------------------------------------------------------------------------------------------

  #place(): void {
    this.#keeper.expire()
    const plan = planPlacement(
      this.#candidates(),
      this.#shards.map((shard) => this.#holding(shard)),
    )
    if (!this.#isLeaving) this.#take(plan)
    if (this.#isLeaving || this.#members.isFresh) this.#handOverBy(plan)
    this.#tell()
  }

  #candidates() {
    const { id } = this.#options.node
    const others = this.#members.living.filter((member) => member.id !== id)
    return [...others, { id, isLeaving: this.#isLeaving }]
  }

  #holding(shard: ShardId): Holding {
    const { id } = this.#options.node
    const tenure = this.#keeper.of(shard)
    if (tenure === undefined) return this.#sightings.holding(shard, id)
    return { type: 'owned', owner: id, to: tenure.to }
  }

  #take(plan: Plan): void {
    const { id } = this.#options.node
    const nowMs = this.#options.clock.monotonicMs()
    const hasRoom = this.#keeper.all.length < (plan.shares.get(id) ?? 0)
    const shards = this.#shards.filter((shard) => {
      if (this.#keeper.of(shard) !== undefined || this.#ending.has(shard)) return false
      const record = this.#sightings.of(shard)
      if (record === undefined) return false
      if (record.type === 'promised') return record.to === id
      if (plan.takes.get(shard) === id) return true
      const waitsMs = hasRoom ? GRACE_MS : 3 * GRACE_MS
      return record.type === 'free' && this.#sightings.ageMs(shard, nowMs) > waitsMs
    })
    if (shards.length > 0) this.#keeper.claim(shards)
  }

  #handOverBy({ moves, shares }: Plan): void {
    const { id } = this.#options.node
    const own = moves.filter(({ from }) => from === id)
    const held = this.#keeper.all.filter(({ state }) => state === 'held')
    if (!this.#isLeaving) {
      for (const { shard, to } of own)
        this.#handOver(
          held.find((tenure) => tenure.shard === shard),
          to,
        )
      return
    }
    for (const tenure of held) {
      const to = own.find(({ shard }) => shard === tenure.shard)?.to
      if (to !== undefined || shares.size === 0) this.#handOver(tenure, to)
    }
    for (const tenure of this.#keeper.all) {
      if (tenure.state === 'claimed' || tenure.state === 'claiming') void this.#passOn(tenure)
    }
  }

  #handOver(tenure: Tenure | undefined, to: NodeId | undefined): void {
    const atOnceMax = this.#isLeaving ? HAND_OVERS_LEAVING_MAX : HAND_OVERS_MAX
    if (tenure === undefined || this.#handingOver.size >= atOnceMax) return
    const { surrender, log } = this.#options
    const { shard } = tenure
    log('info', 'lease.leaving', { shard, to })
    this.#handingOver.add(shard)
    this.#keeper.leave(tenure, to)
    this.#whileEnding(shard, async () => {
      try {
        await surrender(shard)
      } catch (error) {
        // Its worker is gone all the same, and what it left undone whoever comes next replays.
        log('error', 'lease.surrenderFailed', { shard, err: error })
      }
      await this.#passOn(tenure)
      this.#handingOver.delete(shard)
    })
  }

  /** Off the board first (O3). */
  async #passOn(tenure: Tenure): Promise<void> {
    if (this.#keeper.of(tenure.shard) !== tenure) return
    const { clock, leaseMs, timers, log } = this.#options
    const { shard, to } = tenure
    this.#keeper.end(tenure)
    for (let tried = 1; tried <= PASS_ON_TRIES; tried++) {
      try {
        const isDone = await this.#leases.passOn(tenure, leaseMs * PROMISE_SHARE)
        if (!isDone) return
        this.#counts.handedOver += 1
        const record = to === undefined ? ({ type: 'free' } as const) : ({ type: 'promised', to } as const)
        this.#sightings.note(shard, record, clock.monotonicMs())
        log('info', 'lease.passedOn', { shard, to })
        return
      } catch (error) {
        // Left alone it expires.
        log('warn', 'lease.passOnFailed', { shard, to, tried, err: error })
        await new Promise<void>((resolve) => void timers.after(retryDelayMs(tried, 1), resolve))
      }
    }
  }

  #acquired(tenure: Tenure): void {
    const { shard } = tenure
    this.#counts.acquired += 1
    this.#options.log('info', 'lease.acquired', { shard })
    this.#options.acquired(shard)
    this.#tell()
  }

  #lost({ shard }: Tenure, why: string): void {
    this.#counts.lost += 1
    this.#options.log('warn', 'lease.lost', { shard, why })
    this.#whileEnding(shard, async () => await this.#options.lost(shard, why))
    this.#hear(shard)
    this.#tell()
  }

  /** Until it has ended its shard is not taken again (O1). */
  #whileEnding(shard: ShardId, end: () => Promise<void>): void {
    this.#ending.set(shard, (this.#ending.get(shard) ?? 0) + 1)
    void end().finally(() => {
      const left = (this.#ending.get(shard) ?? 1) - 1
      if (left === 0) this.#ending.delete(shard)
      else this.#ending.set(shard, left)
      this.#place()
      this.#checkIdle()
    })
  }

  #checkIdle(): void {
    if (this.#isLeaving && this.#keeper.all.length === 0 && this.#ending.size === 0) this.#onIdle()
  }

  // ---- Telling ------------------------------------------------------------------------------------------------------

  #tell(): void {
    const owners = new Map<ShardId, Owner>()
    for (const shard of this.#shards) {
      const owner = this.#ownerOf(shard)
      if (owner !== undefined) owners.set(shard, owner)
    }
    const text = JSON.stringify([...owners])
    if (text === this.#told) return
    this.#told = text
    this.#options.owners(owners)
  }

  #ownerOf(shard: ShardId): Owner | undefined {
    const { id, address } = this.#options.node
    const tenure = this.#keeper.of(shard)
    if (tenure !== undefined) {
      const isServed = tenure.state === 'held' || tenure.state === 'leaving'
      return isServed ? { nodeId: id, address, tenure: tenure.token } : undefined
    }
    const record = this.#sightings.of(shard)
    if (record?.type !== 'held' || record.node === id) return undefined
    return { nodeId: record.node, address: record.address, tenure: record.token }
  }

  #viewOf(shard: ShardId, nowMs: number): OwnershipView['shards'][number] {
    const tenure = this.#keeper.of(shard)
    if (tenure !== undefined) {
      const { state } = tenure
      const leaseLeftMs = Math.max(0, this.board.endsAtMs(shard) - nowMs)
      const mayAcknowledge = this.board.mayAcknowledge(shard)
      return { shard, state, owner: this.#options.node.id, leaseLeftMs, mayAcknowledge }
    }
    const record = this.#sightings.of(shard)
    const state = record?.type === 'held' && record.to !== undefined ? 'leaving' : (record?.type ?? 'unknown')
    const owner = record?.type === 'held' ? record.node : record?.type === 'promised' ? record.to : undefined
    return { shard, state, owner, leaseLeftMs: undefined, mayAcknowledge: undefined }
  }
}

function drawDataId(random: Random): string {
  return Array.from({ length: 4 }, () =>
    Math.floor(random.fraction() * 2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('')
}
