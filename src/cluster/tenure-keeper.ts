/**
 * Keeps this node's tenures: claims, renews, and ends those that can no longer be believed in. Alone writes the board.
 *
 * K1  Belief counts from before the round was sent, and only from a round that as many replicas have as the policy names.
 * K2  Each primary has one round under way at most; what comes up meanwhile goes with the next one, at once.
 * K3  What is answered after a tenure has ended changes nothing.
 */
import type { Redis } from 'ioredis'
import type { LeaseBoard } from '../actors/lease-board.ts'
import type { ShardId } from '../domain/ids.ts'
import type { Clock, Random, Timer, Timers } from '../seams.ts'
import { drawToken } from './draw-token.ts'
import type { LeaseRequest, Leases, Round } from './leases.ts'
import type { OwnershipLog } from './ownership-log.ts'
import type { NodeId } from './placement.ts'
import { beliefEndsAtMs, renewalMs, type Tenure } from './tenure.ts'

export type TenureKeeperOptions = {
  readonly leases: Pick<Leases, 'byPrimary' | 'round'>
  readonly board: LeaseBoard
  readonly replicas: number
  readonly leaseMs: number
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly log: OwnershipLog
  /** It can be believed in for the first time. */
  readonly held: (tenure: Tenure) => void
  /** It was believed in, and is over. */
  readonly lost: (tenure: Tenure, why: string) => void
  /** A claim came to nothing: the shard is somebody else's. */
  readonly refused: (shard: ShardId) => void
}

export class TenureKeeper {
  readonly #options: TenureKeeperOptions
  readonly #tenures = new Map<ShardId, Tenure>()
  readonly #underWay = new Set<Redis>()
  readonly #wanted = new Set<Redis>()
  #tick: Timer | undefined
  #watch: Timer | undefined
  #isClosed = false

  constructor(options: TenureKeeperOptions) {
    this.#options = options
  }

  start(): void {
    const { timers, leaseMs } = this.#options
    this.#tick = timers.after(renewalMs(leaseMs), () => this.start())
    this.expire()
    this.#renew()
  }

  close(): void {
    this.#isClosed = true
    this.#tick?.cancel()
    this.#watch?.cancel()
    for (const tenure of this.#tenures.values()) this.end(tenure)
  }

  of(shard: ShardId): Tenure | undefined {
    return this.#tenures.get(shard)
  }

  get all(): readonly Tenure[] {
    return [...this.#tenures.values()]
  }

  claim(shards: readonly ShardId[]): void {
    const { clock, random } = this.#options
    for (const shard of shards) {
      if (this.#tenures.has(shard)) continue
      const sinceMs = clock.monotonicMs()
      const token = drawToken(random)
      this.#tenures.set(shard, { shard, token, sinceMs, state: 'claiming', endsAtMs: 0, to: undefined })
    }
    this.#renew(shards)
  }

  /** Goes on renewing it, and lets all see to whom it is about to go. */
  leave(tenure: Tenure, to: NodeId | undefined): void {
    tenure.state = 'leaving'
    tenure.to = to
    this.#renew([tenure.shard])
  }

  /** From now on it is neither believed in nor renewed. */
  end(tenure: Tenure): void {
    if (this.#tenures.get(tenure.shard) !== tenure) return
    this.#options.board.drop(tenure.shard)
    this.#tenures.delete(tenure.shard)
  }

  /** Ends what the clock has ended. After a standstill this must come before all else. */
  expire(): void {
    const { clock, leaseMs } = this.#options
    const nowMs = clock.monotonicMs()
    for (const tenure of this.all) {
      if (tenure.state === 'claiming') {
        if (nowMs > tenure.sinceMs + leaseMs) this.#drop(tenure)
      } else if (tenure.state !== 'claimed' && nowMs >= tenure.endsAtMs) {
        this.#lose(tenure, 'its lease could not be renewed in time')
      }
    }
    this.#watchNext(nowMs)
  }

  #watchNext(nowMs: number): void {
    this.#watch?.cancel()
    const ends = this.all.flatMap(({ state, endsAtMs }) =>
      state === 'held' || state === 'leaving' ? [endsAtMs] : [],
    )
    if (ends.length === 0 || this.#isClosed) return
    this.#watch = this.#options.timers.after(Math.max(0, Math.min(...ends) - nowMs), () => this.expire())
  }

  /** Of these shards' primaries, or of all. */
  #renew(shards?: readonly ShardId[]): void {
    const { leases } = this.#options
    const wanted = shards?.map((shard) => ({ shard })) ?? this.all
    for (const primary of leases.byPrimary(wanted, 'waiting').keys()) {
      if (this.#underWay.has(primary)) this.#wanted.add(primary)
      else void this.#round(primary)
    }
  }

  async #round(primary: Redis): Promise<void> {
    const { leases, clock, log } = this.#options
    const tenures = leases.byPrimary(this.all, 'waiting').get(primary) ?? []
    if (tenures.length === 0 || this.#isClosed) return
    this.#underWay.add(primary)
    const sentAtMs = clock.monotonicMs()
    try {
      const round = await leases.round(primary, tenures.map(requestOf))
      this.expire()
      for (const [at, tenure] of tenures.entries()) this.#hear(tenure, { round, at, sentAtMs })
      this.#watchNext(clock.monotonicMs())
    } catch (error) {
      log('warn', 'leases.unanswered', { shards: tenures.map(({ shard }) => shard), err: error })
      this.expire()
    } finally {
      this.#underWay.delete(primary)
    }
    if (this.#wanted.delete(primary)) await this.#round(primary)
  }

  #hear(
    tenure: Tenure,
    { round, at, sentAtMs }: { readonly round: Round; readonly at: number; readonly sentAtMs: number },
  ): void {
    const { board, replicas, leaseMs, clock, held } = this.#options
    if (this.#tenures.get(tenure.shard) !== tenure) return
    const outcome = round.outcomes[at]
    if (outcome === 'refused') {
      if (tenure.state === 'held' || tenure.state === 'leaving')
        return this.#lose(tenure, 'its lease is gone or somebody else’s')
      return this.#drop(tenure)
    }
    if (outcome !== 'ours') return
    if (tenure.state === 'claiming') tenure.state = 'claimed'
    const endsAtMs = beliefEndsAtMs(sentAtMs, leaseMs)
    board.allowAcknowledging(tenure.shard, round.replicas <= replicas)
    if (!round.isSafe || clock.monotonicMs() >= endsAtMs) return
    tenure.endsAtMs = endsAtMs
    board.hold(tenure.shard, endsAtMs)
    if (tenure.state !== 'claimed') return
    tenure.state = 'held'
    held(tenure)
  }

  #lose(tenure: Tenure, why: string): void {
    this.end(tenure)
    this.#options.lost(tenure, why)
  }

  #drop(tenure: Tenure): void {
    this.end(tenure)
    this.#options.refused(tenure.shard)
  }
}

function requestOf({ shard, token, to, state }: Tenure): LeaseRequest {
  return { type: state === 'claiming' ? 'claim' : 'renew', shard, token, to }
}
