/**
 * Several nodes' ownerships in one process, on a real Redis, with workers that are only pretended. A checker looks all the
 * time that no two nodes believe in the same shard.
 */
import * as assert from 'uvu/assert'
import { LeaseBoard } from '../../src/actors/lease-board.ts'
import { Ownership } from '../../src/cluster/ownership.ts'
import type { Owner } from '../../src/cluster/ownership-view.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { RedisNodes } from '../../src/persistence/redis/redis-nodes.ts'
import { parseRedisUrl } from '../../src/redis-url.ts'
import { realClock, realRandom, realTimers, type Timer, type Timers } from '../../src/seams.ts'

export type NodesOptions = {
  readonly url: string
  readonly shards: number
  readonly leaseMs?: number
  readonly ack?: 'aof' | { readonly replicas: number }
  /** How long a worker takes to end in order. */
  readonly surrenderMs?: number
}

const CHECK_MS = 2
const LEASE_MS = 1_000

export class OwnershipNodes {
  readonly options: NodesOptions
  readonly nodes: OwnershipNode[] = []
  readonly #overlaps: string[] = []
  readonly #check: NodeJS.Timeout
  #names = 0

  constructor(options: NodesOptions) {
    this.options = options
    this.#check = setInterval(() => this.check(), CHECK_MS)
  }

  get leaseMs(): number {
    return this.options.leaseMs ?? LEASE_MS
  }

  /** One more node, which reaches Redis by `url` where that is its own way. */
  async start(url = this.options.url): Promise<OwnershipNode> {
    const node = new OwnershipNode(`n${++this.#names}`, this, url)
    this.nodes.push(node)
    await node.ownership.start()
    return node
  }

  /** Nodes that have not ended. */
  get living(): readonly OwnershipNode[] {
    return this.nodes.filter((node) => node.isLiving)
  }

  /** How many shards each living node believes in, in order of their starts. */
  get counts(): readonly number[] {
    return this.living.map((node) => node.believed.length)
  }

  /** Notes which shards two nodes believe in at this moment. */
  check(): void {
    for (let shard = 0; shard < this.options.shards; shard++) {
      const nowMs = realClock.monotonicMs()
      const believers = this.nodes.filter(({ ownership }) => ownership.board.isHeld(shard as ShardId, nowMs))
      if (believers.length > 1) this.#overlaps.push(`shard ${shard}: ${believers.map(({ id }) => id)}`)
    }
  }

  assertNoOverlap(): void {
    this.check()
    assert.equal(this.#overlaps, [], 'two nodes believed in one shard')
  }

  async until(isSo: () => boolean, what: string, limitMs = 10_000): Promise<number> {
    const sinceMs = performance.now()
    while (!isSo()) {
      if (performance.now() - sinceMs > limitMs)
        throw new Error(`not within ${limitMs} ms: ${what}\n${this.#story()}`)
      await pause(1)
    }
    return performance.now() - sinceMs
  }

  /** All shards served, nobody with more than one above another, nothing under way. */
  balanced(limitMs?: number): Promise<number> {
    return this.until(() => this.isBalanced(), 'balanced', limitMs)
  }

  isBalanced(): boolean {
    const { counts } = this
    const all = counts.reduce((sum, count) => sum + count, 0)
    return all === this.options.shards && Math.max(...counts) - Math.min(...counts) <= 1
  }

  /** Ends all, at once. */
  async close(): Promise<void> {
    clearInterval(this.#check)
    await Promise.all(this.living.map((node) => node.leave()))
  }

  #story(): string {
    return this.nodes
      .map(({ id, events, ownership, isLiving }) => {
        const shown = ownership.view().shards.map(({ state, owner }) => `${state}:${owner ?? ''}`)
        return `${id}${isLiving ? '' : ' (ended)'} ${shown.join(' ')}\n  ${events.slice(-12).join('\n  ')}`
      })
      .join('\n')
  }
}

export class OwnershipNode {
  readonly id: string
  readonly ownership: Ownership
  readonly events: string[] = []
  /** When each shard was acquired last, and when its surrender was done. */
  readonly acquiredAtMs = new Map<ShardId, number>()
  readonly surrenderedAtMs = new Map<ShardId, number>()
  readonly lost: { readonly shard: ShardId; readonly why: string }[] = []
  /** Pretended workers. */
  readonly workers = new Set<ShardId>()
  owners: ReadonlyMap<ShardId, Owner> = new Map()
  isLiving = true
  readonly #timers = new FreezableTimers()

  constructor(id: string, all: OwnershipNodes, url: string) {
    const { shards, ack = 'aof', surrenderMs = 20 } = all.options
    const parsed = parseRedisUrl(url)
    if (parsed.type !== 'valid') throw new Error(url)
    this.id = id
    const startedMs = performance.now()
    const tell = (what: string) => this.events.push(`${(performance.now() - startedMs).toFixed(0)} ${what}`)
    this.ownership = new Ownership({
      nodes: new RedisNodes(parsed.access, { clock: realClock, timers: this.#timers }),
      node: { id, address: `127.0.0.1:${id}`, version: '0' },
      shards,
      ack,
      leaseMs: all.leaseMs,
      clock: realClock,
      timers: this.#timers,
      random: realRandom(),
      log: (_level, event, detail) => tell(`${event} ${JSON.stringify(detail)}`),
      acquired: (shard) => {
        all.check()
        assert.not.ok(this.workers.has(shard), `${id} has a worker of shard ${shard} already`)
        this.workers.add(shard)
        this.acquiredAtMs.set(shard, performance.now())
      },
      surrender: async (shard) => {
        await pause(surrenderMs)
        this.workers.delete(shard)
        this.surrenderedAtMs.set(shard, performance.now())
      },
      lost: async (shard, why) => {
        this.lost.push({ shard, why })
        await pause(1)
        this.workers.delete(shard)
      },
      board: LeaseBoard.of(shards),
      agreed: () => {},
      members: () => {},
      owners: (owners) => {
        this.owners = owners
      },
    })
  }

  get believed(): readonly ShardId[] {
    const nowMs = realClock.monotonicMs()
    return this.ownership
      .view()
      .shards.map(({ shard }) => shard)
      .filter((shard) => this.ownership.board.isHeld(shard, nowMs))
  }

  async leave(): Promise<void> {
    this.thaw()
    this.isLiving = false
    await this.ownership.close()
  }

  /** As a killed process: nothing of it happens any more. Its board stays for the checker. */
  kill(): void {
    this.isLiving = false
    this.#timers.freeze()
  }

  freeze(): void {
    this.#timers.freeze()
  }

  thaw(): void {
    this.#timers.thaw()
  }
}

/** Timers that can be stopped, as those of a process that is. What rang meanwhile rings at the thaw. */
class FreezableTimers implements Timers {
  readonly #late: (() => void)[] = []
  #isFrozen = false

  after(delayMs: number, call: () => void): Timer {
    return realTimers.after(delayMs, () => this.#ring(call))
  }

  soon(call: () => void): void {
    realTimers.soon(() => this.#ring(call))
  }

  freeze(): void {
    this.#isFrozen = true
  }

  thaw(): void {
    this.#isFrozen = false
    for (const call of this.#late.splice(0)) call()
  }

  #ring(call: () => void): void {
    if (this.#isFrozen) this.#late.push(call)
    else call()
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
