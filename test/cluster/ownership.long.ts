/**
 * Ownership under everything at once, by chance: nodes join, leave, die and stand still, Redis primaries die and stand still.
 * Never do two nodes believe in the same shard, and once it is over all shards are served evenly.
 */

import { Dice } from '../support/dice.ts'
import { OwnershipNodes, pause } from '../support/ownership-nodes.ts'
import { RedisCluster } from '../support/redis-cluster.ts'
import type { RedisServerProcess } from '../support/redis-server.ts'
import { note, suite } from '../support/suite.ts'

const SHARDS = 12
const LEASE_MS = 1_000
const STEPS = 120
const NODES_MAX = 5

const random = suite('ownership under faults by chance', { needs: ['redis-server'], limitMs: 300_000 })

random('no shard has two owners at a time, and in the end each has one', async () => {
  const seed = Number(process.env.OWNERSHIP_SEED ?? Math.floor(Math.random() * 2 ** 31))
  note(`seed ${seed} (OWNERSHIP_SEED)`)
  const redis = await RedisCluster.start()
  const all = new OwnershipNodes({
    url: redis.url,
    shards: SHARDS,
    leaseMs: LEASE_MS,
    ack: { replicas: 1 },
    surrenderMs: 40,
  })
  try {
    await Promise.all([all.start(), all.start(), all.start()])
    await all.balanced()
    const trial = new FaultsByChance({ redis, all, dice: new Dice(seed) })
    for (let step = 0; step < STEPS; step++) await trial.step()
    await trial.heal()
    const tookMs = await all.balanced(30_000)
    note(`${trial.told}; balanced ${tookMs.toFixed(0)} ms after the last`)
    all.assertNoOverlap()
  } finally {
    await all.close()
    await redis.close()
  }
})

type Fault = 'join' | 'leave' | 'kill' | 'freeze' | 'primaryKill' | 'primaryPause'

class FaultsByChance {
  readonly #redis: RedisCluster
  readonly #all: OwnershipNodes
  readonly #dice: Dice
  readonly #counts = new Map<Fault, number>()
  /** One at a time: a Redis Cluster survives no more. */
  #primaryFault: Promise<void> = Promise.resolve()
  #isPrimaryAway = false
  readonly #frozen: Promise<void>[] = []

  constructor(parts: { readonly redis: RedisCluster; readonly all: OwnershipNodes; readonly dice: Dice }) {
    this.#redis = parts.redis
    this.#all = parts.all
    this.#dice = parts.dice
  }

  get told(): string {
    return [...this.#counts].map(([fault, count]) => `${count} ${fault}`).join(', ')
  }

  async step(): Promise<void> {
    const faults: readonly Fault[] = ['join', 'leave', 'kill', 'freeze', 'primaryKill', 'primaryPause']
    const fault = this.#dice.pick(faults)
    if (await this.#do(fault)) this.#counts.set(fault, (this.#counts.get(fault) ?? 0) + 1)
    await pause(this.#dice.between(0, 800))
    this.#all.assertNoOverlap()
  }

  async heal(): Promise<void> {
    await this.#primaryFault
    await Promise.all(this.#frozen)
  }

  async #do(fault: Fault): Promise<boolean> {
    const { living } = this.#all
    switch (fault) {
      case 'join':
        if (living.length === NODES_MAX) return false
        await this.#all.start()
        return true
      case 'leave':
        if (living.length < 3) return false
        await this.#dice.pick(living).leave()
        return true
      case 'kill':
        if (living.length < 3) return false
        this.#dice.pick(living).kill()
        return true
      case 'freeze':
        this.#freeze()
        return true
      case 'primaryKill':
        return await this.#away(async (primary) => {
          await primary.kill()
          await pause(this.#dice.between(500, 3_000))
          await primary.restart()
        })
      case 'primaryPause':
        return await this.#away(async (primary) => {
          primary.pause()
          await pause(this.#dice.between(500, 4_000))
          primary.resume()
        })
    }
  }

  #freeze(): void {
    const node = this.#dice.pick(this.#all.living)
    node.freeze()
    this.#frozen.push(
      pause(this.#dice.between(100, 3 * LEASE_MS)).then(() => {
        if (node.isLiving) node.thaw()
      }),
    )
  }

  async #away(fault: (primary: RedisServerProcess) => Promise<void>): Promise<boolean> {
    if (this.#isPrimaryAway) return false
    const primary = await this.#redis.primaryOf(this.#dice.between(0, 16_383))
    this.#isPrimaryAway = true
    this.#primaryFault = fault(primary)
      .then(() => this.#redis.waitUntilHealthy())
      .finally(() => {
        this.#isPrimaryAway = false
      })
    return true
  }
}

random.run()
