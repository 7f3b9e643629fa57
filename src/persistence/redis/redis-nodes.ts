/**
 * The servers of one Redis: a single one, or a Redis Cluster, which is detected. Finds who serves a slot and gives out
 * direct connections to it. It knows nothing of what is kept there.
 *
 * R1 A connection that is given out was, when it was made, to a server that called itself the primary.
 * R2 A view that was found wrong (`noteFailure`) is not used again: the next call looks anew, at every node it knows.
 */
import type { Redis } from 'ioredis'
import {
  redisCommandTimeoutMs,
  redisConnectTimeoutMs,
  redisPrimaryWithinMs,
  redisRetryMs,
  redisViewGraceMs,
  redisViewTimeoutMs,
} from '../../limits/redis.ts'
import { nameOf, type RedisAccess, type RedisAddress } from '../../redis-url.ts'
import type { Clock, Timers } from '../../seams.ts'
import { mergeViews, type PrimaryView, primaryOfSlot } from './cluster-view.ts'
import { keySlot, SLOTS } from './key-slot.ts'
import { connectTo } from './redis-connection.ts'
import { RedisMismatch, RedisUnavailable } from './redis-error.ts'

export type RedisMode = 'single' | 'cluster'

export type RedisView = { readonly mode: RedisMode; readonly primaries: readonly PrimaryView[] }

export type ConnectOptions = {
  /** How long to go on looking for the primary. */
  readonly withinMs?: number
  /** Of each command on the connection; 0: none. */
  readonly commandTimeoutMs?: number
}

/** What one server says of itself and of the others. */
type Answer = {
  readonly asked: RedisAddress
  /** `CLUSTER NODES`; absent where it is no part of a cluster. */
  readonly nodes: string | undefined
  readonly isPrimary: boolean
  /** Whom it follows, outside a cluster. */
  readonly follows: RedisAddress | undefined
}

/** A reply that says that somebody else serves the slot, or nobody now. */
const MISPLACED = /^(?:MOVED|ASK|READONLY|CLUSTERDOWN|MASTERDOWN|LOADING|TRYAGAIN|UNBLOCKED)\b/
/** What the client says of a connection that has broken, or of a command that nobody answered. */
const LOST =
  /^(?:Connection is closed|Command timed out|Stream isn't writeable|write E|read E|connect E|Reached the max retries)/

export class RedisNodes {
  readonly #access: RedisAccess
  readonly #clock: Clock
  readonly #timers: Timers
  #view: RedisView | undefined
  #looking: Promise<RedisView> | undefined
  /** Their addresses are asked even when the view is dropped: the seeds may be gone for good. */
  #lastPrimaries: readonly PrimaryView[] = []

  constructor(access: RedisAccess, { clock, timers }: { readonly clock: Clock; readonly timers: Timers }) {
    this.#access = access
    this.#clock = clock
    this.#timers = timers
  }

  /** As last seen, or looked for now. Rejects with `RedisUnavailable`. */
  async view(): Promise<RedisView> {
    if (this.#view !== undefined) return this.#view
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  /** Who serves the slot of a key, or a slot. */
  async primaryOf(slotOrKey: number | string): Promise<PrimaryView> {
    const slot = typeof slotOrKey === 'number' ? slotOrKey : keySlot(slotOrKey)
    const { primaries } = await this.view()
    const primary = primaryOfSlot(primaries, slot)
    if (primary !== undefined) return primary
    this.#view = undefined
    throw new RedisUnavailable(`no Redis primary serves slot ${slot}`)
  }

  /**
   * A connection of the caller's own to the primary of a key's slot, or of a slot, which the caller closes by
   * `disconnect()`. Looks again until there is one or the time is up; then rejects with `RedisUnavailable`.
   */
  async connect(slotOrKey: number | string, options: ConnectOptions = {}): Promise<Redis> {
    const { withinMs = redisPrimaryWithinMs, commandTimeoutMs = redisCommandTimeoutMs } = options
    const givenUpMs = this.#clock.monotonicMs() + withinMs
    for (;;) {
      try {
        const { address } = await this.primaryOf(slotOrKey)
        return await this.#connectToPrimary(address, commandTimeoutMs)
      } catch (error) {
        if (!(error instanceof RedisUnavailable)) throw error
        this.#view = undefined
        if (this.#clock.monotonicMs() + redisRetryMs >= givenUpMs) throw error
        await this.#pause(redisRetryMs)
      }
    }
  }

  /** A connection of the caller's own to this very server, whatever it serves. */
  connectTo(address: RedisAddress, commandTimeoutMs = redisCommandTimeoutMs): Promise<Redis> {
    return connectTo(address, this.#access, { connectTimeoutMs: redisConnectTimeoutMs, commandTimeoutMs })
  }

  /**
   * For whoever had an error on a connection: where it means that another server may serve the slot now, the view is
   * dropped, and the answer is true: connect again.
   */
  noteFailure(error: unknown): boolean {
    const isElsewhere = error instanceof Error && (MISPLACED.test(error.message) || LOST.test(error.message))
    if (isElsewhere) this.#view = undefined
    return isElsewhere
  }

  /** The next call looks anew. */
  forget(): void {
    this.#view = undefined
  }

  async #connectToPrimary(address: RedisAddress, commandTimeoutMs: number): Promise<Redis> {
    const connection = await this.connectTo(address, commandTimeoutMs)
    try {
      const [role] = (await this.#soon(connection.role())) as [string]
      if (role === 'master') return connection
      throw new RedisUnavailable(`Redis at ${nameOf(address)} is no primary now`)
    } catch (error) {
      connection.disconnect()
      if (error instanceof RedisUnavailable) throw error
      throw new RedisUnavailable(`Redis at ${nameOf(address)} did not say its role: ${messageOf(error)}`)
    }
  }

  /** Asks all that are known; takes what is there shortly after the first has answered. */
  async #look(): Promise<RedisView> {
    const known = new Map(this.#access.seeds.map((seed) => [nameOf(seed), seed]))
    for (const { address, replicas } of this.#lastPrimaries) {
      for (const each of [address, ...replicas.map((replica) => replica.address)])
        known.set(nameOf(each), each)
    }
    const answers: Answer[] = []
    const failures: string[] = []
    const asked = [...known.values()].map(async (address) => {
      try {
        answers.push(await this.#ask(address))
      } catch (error) {
        failures.push(messageOf(error))
        throw error
      }
    })
    try {
      await Promise.any(asked)
    } catch {
      throw new RedisUnavailable(failures.join('; '))
    }
    const all = Promise.allSettled(asked)
    await Promise.race([all, this.#pause(redisViewGraceMs)])
    this.#view = this.#viewOf([...answers])
    this.#lastPrimaries = this.#view.primaries
    return this.#view
  }

  #viewOf(answers: readonly Answer[]): RedisView {
    const clustered = answers.flatMap(({ asked, nodes }) =>
      nodes === undefined ? [] : [{ asked, text: nodes }],
    )
    if (clustered.length > 0) {
      return { mode: 'cluster', primaries: mergeViews(clustered, this.#access.tls) }
    }
    const addresses = new Map(
      answers
        .flatMap(({ asked, isPrimary, follows }) =>
          isPrimary ? [asked] : follows === undefined ? [] : [follows],
        )
        .map((address) => [nameOf(address), address]),
    )
    if (addresses.size > 1) {
      throw new RedisMismatch(
        `REDIS_URL names servers that are not one Redis: ${[...addresses.keys()].join(', ')} are primaries without a cluster`,
      )
    }
    const [[id, address] = []] = addresses
    if (id === undefined || address === undefined) return { mode: 'single', primaries: [] }
    const primary = { id, address, epoch: 0, isFailed: false, slots: [[0, SLOTS - 1] as const], replicas: [] }
    return { mode: 'single', primaries: [primary] }
  }

  async #ask(address: RedisAddress): Promise<Answer> {
    const connection = await this.connectTo(address, redisViewTimeoutMs)
    try {
      const info = await connection.info()
      const isClustered = /^cluster_enabled:1/m.test(info)
      const host = /^master_host:(.*?)\r?$/m.exec(info)?.[1]
      const port = /^master_port:([0-9]+)/m.exec(info)?.[1]
      return {
        asked: address,
        nodes: isClustered ? ((await connection.call('CLUSTER', 'NODES')) as string) : undefined,
        isPrimary: /^role:master/m.test(info),
        follows: host === undefined || port === undefined ? undefined : { host, port: Number(port) },
      }
    } catch (error) {
      throw new RedisUnavailable(`Redis at ${nameOf(address)} did not answer: ${messageOf(error)}`)
    } finally {
      connection.disconnect()
    }
  }

  /** The connection itself may have no bound on its commands. */
  #soon<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = this.#timers.after(redisViewTimeoutMs, () => reject(new Error('it took too long')))
      void answer.then(resolve, reject).finally(() => timer.cancel())
    })
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#timers.after(delayMs, resolve))
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
