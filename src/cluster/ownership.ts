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
import type { LeaseBoard } from '../actors/lease-board.ts'
import type { ShardId } from '../domain/ids.ts'
import { drawToken } from './draw-token.ts'
import { HandOvers } from './hand-overs.ts'
import { Heartbeat } from './heartbeat.ts'
import { KeptPrimaries } from './kept-primaries.ts'
import { LeaseWatch } from './lease-watch.ts'
import { Leases } from './leases.ts'
import { Members } from './members.ts'
import { News } from './news.ts'
import { OwnershipRefused } from './ownership-error.ts'
import type { OwnershipOptions } from './ownership-options.ts'
import { type Owner, type OwnershipView, ownerOf, viewOf } from './ownership-view.ts'
import { type Candidate, type Holding, type Plan, planPlacement } from './placement.ts'
import { untilAnswered } from './retry-delay.ts'
import { shouldGive, shouldTake } from './taking.ts'
import type { Tenure } from './tenure.ts'
import { TenureKeeper } from './tenure-keeper.ts'

const HAND_OVERS_MAX = 1
const HAND_OVERS_LEAVING_MAX = 4
/** A start goes on trying for so long, in which a Redis Cluster has replaced a primary. */
const START_MS = 20_000

export class Ownership {
  readonly board: LeaseBoard
  readonly #options: OwnershipOptions
  readonly #primaries: KeptPrimaries
  /** Of their own, because a WAIT holds up all that comes behind it. */
  readonly #waiting: KeptPrimaries
  readonly #members: Members
  readonly #heartbeat: Heartbeat
  readonly #news: News
  readonly #watch: LeaseWatch
  readonly #keeper: TenureKeeper
  readonly #handOvers: HandOvers
  readonly #shards: readonly ShardId[]
  readonly #counts = { acquired: 0, lost: 0, handedOver: 0 }
  readonly #startedAtMs: number
  #told = ''
  #membersTold = ''
  #isLeaving = false
  #isOver = false
  #onIdle: () => void = () => {}

  constructor(options: OwnershipOptions) {
    this.#options = options
    const { nodes, node, shards, ack, leaseMs, clock, timers, random, log, surrender } = options
    const replicas = ack === 'aof' ? 0 : ack.replicas
    const seams = { clock, timers, random, log, leaseMs }
    this.#shards = Array.from({ length: shards }, (_, shard) => shard as ShardId)
    this.#startedAtMs = clock.wallMs()
    this.board = options.board
    const connections = { nodes, timers, random, commandTimeoutMs: leaseMs / 2 }
    const primaries = new KeptPrimaries(connections)
    this.#waiting = new KeptPrimaries(connections)
    const leases = new Leases({ primaries, waiting: this.#waiting, timers, node, replicas, leaseMs })
    this.#primaries = primaries
    this.#members = new Members({ ...seams, primaries, id: node.id })
    this.#heartbeat = new Heartbeat({
      ...seams,
      members: this.#members,
      text: () => this.#memberText(),
      heard: () => this.#place(),
    })
    this.#watch = new LeaseWatch({
      ...seams,
      leases,
      shards: this.#shards,
      isOurs: (shard) => this.#keeper.of(shard) !== undefined,
      looked: () => this.#place(),
    })
    this.#news = new News({
      ...seams,
      nodes,
      primaries,
      shardChanged: (shard) => this.#watch.hear(shard),
      membersChanged: () => this.#heartbeat.now(),
    })
    this.#keeper = new TenureKeeper({
      ...seams,
      leases,
      board: this.board,
      replicas,
      held: (tenure) => this.#acquired(tenure),
      lost: (tenure, why) => this.#lost(tenure, why),
      refused: (shard) => this.#lookAnew(shard),
    })
    this.#handOvers = new HandOvers({
      ...seams,
      leases,
      keeper: this.#keeper,
      surrender,
      passedOn: (shard, record) => {
        this.#counts.handedOver += 1
        this.#watch.sightings.note(shard, record, clock.monotonicMs())
      },
      ended: () => this.#place(),
    })
  }

  /**
   * Joins. Rejects where Redis does not answer in time, and with `OwnershipRefused` where the data has another number of
   * shards. Leases come by and by.
   */
  async start(): Promise<void> {
    const { log, node, agreed, clock, timers, random } = this.#options
    const isFinal = (error: unknown) => error instanceof OwnershipRefused
    const patience = { clock, timers, random, withinMs: START_MS, isFinal }
    try {
      await Promise.all([this.#primaries.start(), this.#waiting.start()])
      agreed(await untilAnswered(() => this.#agree(), patience))
      await untilAnswered(() => this.#members.beat(this.#memberText()), patience)
    } catch (error) {
      this.#disconnect()
      throw error
    }
    log('info', 'cluster.joined', { node: node.id, members: this.#members.living.length })
    this.#news.start()
    this.#heartbeat.start()
    this.#keeper.start()
    this.#watch.start()
  }

  /** Hands all shards to others, as far as there are any, and leaves. Resolves when nothing of it is left. */
  async close(): Promise<void> {
    const { log } = this.#options
    this.#isLeaving = true
    const heard = (error: unknown) => log('warn', 'cluster.leavesUnheard', { err: error })
    await this.#members.beat(this.#memberText()).catch(heard)
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
      this.#place()
    })
    this.#isOver = true
    this.#heartbeat.close()
    this.#watch.close()
    this.#keeper.close()
    this.#news.close()
    await this.#members.leave().catch(heard)
    this.#disconnect()
  }

  view(): OwnershipView {
    const nowMs = this.#options.clock.monotonicMs()
    return {
      node: this.#options.node.id,
      members: this.#members.living.length,
      shards: this.#shards.map((shard) => {
        const known = this.#keeper.of(shard) ?? this.#watch.sightings.of(shard)
        return viewOf(shard, known, { self: this.#options.node.id, board: this.board, nowMs })
      }),
      ...this.#counts,
    }
  }

  #disconnect(): void {
    this.#primaries.close()
    this.#waiting.close()
  }

  /** The data's id, which is the same for all nodes. */
  async #agree(): Promise<string> {
    const { shards, random } = this.#options
    const { shards: agreed, dataId, closed } = await this.#members.agree(shards, drawToken(random))
    if (closed !== undefined) throw new OwnershipRefused(closed)
    if (agreed === shards) return dataId
    throw new OwnershipRefused(
      `this node is set to ${shards} shards, and the data in Redis has ${agreed}: set SHARDS=${agreed}`,
    )
  }

  #memberText() {
    const { address, version } = this.#options.node
    const shards = this.#keeper.all.length
    return { address, version, startedAtMs: this.#startedAtMs, shards, isLeaving: this.#isLeaving }
  }

  #place(): void {
    if (this.#isOver) return
    this.#keeper.expire()
    const plan = planPlacement(
      this.#candidates(),
      this.#shards.map((shard) => this.#holding(shard)),
    )
    if (!this.#isLeaving) this.#take(plan)
    if (this.#isLeaving || this.#members.isFresh) this.#handOverBy(plan)
    this.#tell()
    this.#checkIdle()
  }

  #candidates(): Candidate[] {
    const { id } = this.#options.node
    const others = this.#members.living.filter((member) => member.id !== id)
    return [...others, { id, isLeaving: this.#isLeaving }]
  }

  #holding(shard: ShardId): Holding {
    const { id } = this.#options.node
    const tenure = this.#keeper.of(shard)
    if (tenure === undefined) return this.#watch.sightings.holding(shard, id)
    return { type: 'owned', owner: id, to: tenure.to }
  }

  #take({ takes, shares }: Plan): void {
    const { id: self } = this.#options.node
    const { sightings } = this.#watch
    const nowMs = this.#options.clock.monotonicMs()
    const hasRoom = this.#keeper.all.length < (shares.get(self) ?? 0)
    const shards = this.#shards.filter((shard) => {
      const record = sightings.of(shard)
      if (record === undefined || this.#keeper.of(shard) !== undefined || this.#handOvers.isEnding(shard))
        return false
      const isMeant = takes.get(shard) === self
      return shouldTake(record, { self, isMeant, hasRoom, seenForMs: sightings.ageMs(shard, nowMs) })
    })
    if (shards.length > 0) this.#keeper.claim(shards)
  }

  #handOverBy({ moves, shares }: Plan): void {
    const { id } = this.#options.node
    const isAlone = shares.size === 0
    const { clock, leaseMs } = this.#options
    const nowMs = clock.monotonicMs()
    const atOnceMax = this.#isLeaving ? HAND_OVERS_LEAVING_MAX : HAND_OVERS_MAX
    for (const tenure of this.#keeper.all) {
      const move = moves.find(({ shard, from }) => shard === tenure.shard && from === id)
      const isUnused = tenure.state === 'claiming' || tenure.state === 'claimed'
      if (this.#isLeaving && isUnused) void this.#handOvers.passOn(tenure).finally(() => this.#place())
      else if (
        this.#handOvers.underWay < atOnceMax &&
        shouldGive(tenure, {
          isMeant: move !== undefined,
          isLeaving: this.#isLeaving,
          isAlone,
          leaseMs,
          nowMs,
        })
      )
        this.#handOvers.begin(tenure, move?.to)
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
    this.#handOvers.whileEnding(shard, async () => await this.#options.lost(shard, why))
    this.#lookAnew(shard)
    this.#tell()
  }

  #lookAnew(shard: ShardId): void {
    this.#watch.sightings.forget(shard)
    this.#watch.hear(shard)
  }

  #checkIdle(): void {
    if (this.#isLeaving && this.#keeper.all.length === 0 && this.#handOvers.isIdle) this.#onIdle()
  }

  #tell(): void {
    const owners = new Map<ShardId, Owner>()
    for (const shard of this.#shards) {
      const owner = ownerOf(this.#options.node, this.#keeper.of(shard) ?? this.#watch.sightings.of(shard))
      if (owner !== undefined) owners.set(shard, owner)
    }
    // Those that are silent included: what several nodes must not do begins with a doubt.
    const { listed } = this.#members
    const membersText = JSON.stringify(listed.map(({ id, isLeaving }) => [id, isLeaving]).toSorted())
    if (membersText !== this.#membersTold) {
      this.#membersTold = membersText
      this.#options.members(listed)
    }
    const text = JSON.stringify([...owners])
    if (text === this.#told) return
    this.#told = text
    this.#options.owners(owners)
  }
}
