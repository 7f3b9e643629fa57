/** A node's limits as main and one listener have them, with a table and a clock of their own. */

import type { ClusterConfig } from '../../src/config/cluster-settings.ts'
import type { CustomerId } from '../../src/domain/ids.ts'
import { type CommonLimits, openCommonLimits } from '../../src/http/common-limits.ts'
import { CommonRateLimitsEnd } from '../../src/http/common-limits-end.ts'
import { SharedCooldowns } from '../../src/http/cooldowns.ts'
import { limitMemories } from '../../src/http/limit-memories.ts'
import { type Rates, SharedRateLimits } from '../../src/http/rate-limits.ts'
import { parseRedisUrl } from '../../src/redis-url.ts'
import { realRandom, realTimers } from '../../src/seams.ts'
import { ManualClock } from '../support/manual-time.ts'
import { until } from '../support/until.ts'

const CLUSTER = {
  type: 'shared',
  ack: { type: 'aof' },
  nodeHost: '127.0.0.1',
  nodePort: 0,
  secret: 'a secret that all nodes of this test have',
  leaseMs: 2_000,
} as const

export class CommonLimitsNode {
  /** Of its tables; Redis has its own. */
  readonly clock = new ManualClock(0)
  readonly cooldowns: SharedCooldowns
  readonly main: CommonLimits
  readonly ends: readonly CommonRateLimitsEnd[]
  readonly logged: string[] = []

  private constructor(url: string, rates: Rates, listeners: number) {
    const seams = { clock: this.clock, timers: realTimers, random: realRandom() }
    const result = parseRedisUrl(url)
    if (result.type === 'invalid') throw new Error(result.expected)
    const cluster: ClusterConfig = { ...CLUSTER, redis: result.access }
    const memories = limitMemories(rates, cluster, seams.random)
    const log = (_level: string, event: string) => void this.logged.push(event)
    const main = openCommonLimits(cluster, { ...seams, memories, log })
    if (main === undefined) throw new Error('a node by itself')
    this.main = main
    this.cooldowns = new SharedCooldowns(memories.cooldowns, this.clock)
    this.ends = Array.from({ length: listeners }, () => {
      const own = new SharedRateLimits(structuredClone(memories.rates), this.clock)
      return new CommonRateLimitsEnd(own, main.settings, seams)
    })
  }

  /** Resolves when it is joined to the others. */
  static async start(url: string, rates: Rates, listeners = 1): Promise<CommonLimitsNode> {
    const node = new CommonLimitsNode(url, rates, listeners)
    node.main.start()
    for (const end of node.ends) end.start()
    await until(() => node.isJoined)
    return node
  }

  get isJoined(): boolean {
    return this.main.isOpen && this.ends.every(({ isOpen }) => isOpen)
  }

  get limits() {
    const [first] = this.ends
    if (first === undefined) throw new Error('a node without listeners')
    return first.limits
  }

  async take(policy: 'customer' | 'address' | 'login', identity: string): Promise<boolean> {
    return (await this.limits.take(policy, identity)).type === 'taken'
  }

  /** How many of these are taken at once. */
  async count(times: number, policy: 'customer' | 'address' | 'login', identity: string): Promise<number> {
    let taken = 0
    for (let i = 0; i < times; i++) if (await this.take(policy, identity)) taken += 1
    return taken
  }

  expire(customerId: CustomerId, times: number): void {
    for (let i = 0; i < times; i++) this.main.note([customerId])
  }

  close(): void {
    this.main.close()
    for (const end of this.ends) end.close()
  }
}
