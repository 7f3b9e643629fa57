/** A node's limits as main and one listener have them, with a table and a clock of their own. */
import type { CustomerId } from '../../src/domain/ids.ts'
import {
  CommonLimits,
  CommonRateLimitsEnd,
  commonHashKey,
  drawNodeTag,
} from '../../src/http/common-limits.ts'
import { cooldownMemory, SharedCooldowns } from '../../src/http/cooldowns.ts'
import { type Rates, rateMemory, SharedRateLimits } from '../../src/http/rate-limits.ts'
import { parseRedisUrl } from '../../src/redis-url.ts'
import { realClock, realRandom, realTimers } from '../../src/seams.ts'
import { ManualClock } from '../support/manual-time.ts'
import { until } from '../support/until.ts'

const SECRET = 'a secret that all nodes of this test have'

export class CommonLimitsNode {
  /** Of its tables; Redis has its own. */
  readonly clock = new ManualClock(0)
  readonly own: SharedRateLimits
  readonly cooldowns: SharedCooldowns
  readonly main: CommonLimits
  readonly ends: readonly CommonRateLimitsEnd[]
  readonly logged: string[] = []

  private constructor(url: string, rates: Rates, listeners: number) {
    const seams = { clock: realClock, timers: realTimers, random: realRandom() }
    const result = parseRedisUrl(url)
    if (result.type === 'invalid') throw new Error(result.expected)
    const settings = { redis: result.access, tag: drawNodeTag(seams.random) }
    const hashKey = commonHashKey(SECRET)
    const memory = { ...rateMemory(rates, seams.random, 1_024), hashKey }
    this.own = new SharedRateLimits(memory, this.clock)
    this.cooldowns = new SharedCooldowns({ ...cooldownMemory(seams.random, 1_024), hashKey }, this.clock)
    this.main = new CommonLimits({
      ...seams,
      settings,
      hashKey,
      rateLimits: this.own,
      cooldowns: this.cooldowns,
      log: (_level, event) => void this.logged.push(event),
    })
    this.ends = Array.from({ length: listeners }, () => {
      return new CommonRateLimitsEnd(
        new SharedRateLimits(structuredClone(memory), this.clock),
        settings,
        seams,
      )
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
    for (let i = 0; i < times; i++) this.main.noteExpired([customerId])
  }

  close(): void {
    this.main.close()
    for (const end of this.ends) end.close()
  }
}
