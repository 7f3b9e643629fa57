/**
 * Counts in Redis what must be counted exactly however many nodes there are, and is rare: one script call each. Where
 * Redis does not answer in time, nobody has counted as far as the caller knows.
 */
import type { KeptConnection } from '../kept-connection.ts'
import { limitKey } from '../key-names.ts'
import { scriptCall } from '../scripts.ts'
import type { HashedIdentity } from './announcement.ts'

/** So many requests in so many milliseconds, and as many of them at once. */
export type CountedRate = { readonly name: string; readonly quota: number; readonly windowMs: number }

export type Counted =
  | { readonly type: 'taken'; readonly left: number; readonly usedMs: number }
  | { readonly type: 'refused'; readonly retryInMs: number; readonly usedMs: number }

const MICROSECONDS = 1_000

export class CommonCounter {
  readonly #connection: KeptConnection

  constructor(connection: KeptConnection) {
    this.#connection = connection
  }

  /** Takes one; undefined where Redis is away. */
  async take(rate: CountedRate, identity: HashedIdentity): Promise<Counted | undefined> {
    const answer = await this.#count(rate, identity, 1)
    if (answer === undefined) return undefined
    const { isDone, used, cost, depth } = answer
    const usedMs = used / MICROSECONDS
    return isDone
      ? { type: 'taken', left: Math.floor((depth - used) / cost), usedMs }
      : { type: 'refused', retryInMs: (used + cost - depth) / MICROSECONDS, usedMs }
  }

  /** Gives one back; what is used then, in milliseconds, or undefined where Redis is away. */
  async giveBack(rate: CountedRate, identity: HashedIdentity): Promise<number | undefined> {
    const answer = await this.#count(rate, identity, -1)
    return answer === undefined ? undefined : answer.used / MICROSECONDS
  }

  async #count({ name, quota, windowMs }: CountedRate, identity: HashedIdentity, requests: number) {
    const connection = this.#connection.current
    if (connection === undefined) return undefined
    // Whole, so that a quota's worth of requests is a window's worth to the microsecond.
    const cost = Math.floor((windowMs * MICROSECONDS) / quota)
    const depth = cost * quota
    try {
      const call = scriptCall('count', [limitKey(name, identity)], [cost, depth, requests])
      const [isDone, used] = (await connection.call(...call)) as [number, number]
      this.#connection.worked()
      return { isDone: isDone === 1, used, cost, depth }
    } catch (error) {
      this.#connection.failed(connection, error)
      return undefined
    }
  }
}
