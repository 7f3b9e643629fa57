/**
 * One connection to each primary of Redis, kept: made again when it broke or did not answer, wherever the slots are by then.
 *
 * Whoever asks for a primary is never made to wait: while there is no connection there is none, and it is made meanwhile.
 */
import { type Redis, ReplyError } from 'ioredis'
import { type PrimaryView, primaryOfSlot } from '../persistence/redis/cluster-view.ts'
import { keySlot } from '../persistence/redis/key-slot.ts'
import { RedisBootError, RedisUnavailable } from '../persistence/redis/redis-error.ts'
import type { RedisNodes } from '../persistence/redis/redis-nodes.ts'
import { nameOf } from '../redis-url.ts'
import type { Random, Timers } from '../seams.ts'
import type { Primaries } from './leases.ts'
import { retryDelayMs } from './retry-delay.ts'

export type KeptPrimariesOptions = {
  readonly nodes: RedisNodes
  readonly timers: Timers
  readonly random: Random
  /** Of each command; a connection that does not keep to it is given up. */
  readonly commandTimeoutMs: number
}

export class KeptPrimaries implements Primaries {
  readonly #options: KeptPrimariesOptions
  readonly #connections = new Map<string, Redis>()
  #primaries: readonly PrimaryView[] = []
  #mending: Promise<void> | undefined
  #isClosed = false

  constructor(options: KeptPrimariesOptions) {
    this.#options = options
  }

  /** Resolves when it is known which primaries there are; rejects where no server answers. */
  async start(): Promise<void> {
    const { nodes } = this.#options
    this.#primaries = (await nodes.view()).primaries
    await this.#connectAll().catch((error) => this.failed(undefined, error))
  }

  primaryOf(key: string): Redis | undefined {
    const primary = primaryOfSlot(this.#primaries, keySlot(key))
    return primary === undefined ? undefined : this.#connections.get(nameOf(primary.address))
  }

  /** Any of them, by chance. */
  anyPrimary(): PrimaryView | undefined {
    return this.#primaries[Math.floor(this.#options.random.fraction() * this.#primaries.length)]
  }

  /** A primary that did not answer gets another connection, over which nothing is asked before it has answered once. */
  failed(primary: Redis | undefined, error: unknown): void {
    this.#options.nodes.noteFailure(error)
    if (!(error instanceof ReplyError)) primary?.disconnect()
    this.#mending ??= this.#mend().finally(() => {
      this.#mending = undefined
    })
  }

  close(): void {
    this.#isClosed = true
    for (const connection of this.#connections.values()) connection.disconnect()
  }

  async #mend(): Promise<void> {
    const { timers, random } = this.#options
    for (let failures = 1; !this.#isClosed; failures++) {
      try {
        return await this.#connectAll()
      } catch (error) {
        if (!(error instanceof RedisUnavailable || error instanceof RedisBootError)) throw error
        const delayMs = retryDelayMs(failures, random.fraction())
        await new Promise<void>((resolve) => void timers.after(delayMs, resolve))
      }
    }
  }

  /** Connects to those that are not connected, side by side; rejects once all were tried where one failed. */
  async #connectAll(): Promise<void> {
    const { nodes } = this.#options
    const { primaries } = await nodes.view()
    this.#primaries = primaries
    const tried = await Promise.allSettled(primaries.map((primary) => this.#connect(primary)))
    const failed = tried.find((each) => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  async #connect({ address, slots }: PrimaryView): Promise<void> {
    const name = nameOf(address)
    const [[slot] = [0]] = slots
    if (this.#connections.has(name)) return
    const { nodes, commandTimeoutMs } = this.#options
    const connection = await nodes.connect(slot, { withinMs: 0, commandTimeoutMs })
    const { host = '', port = 0 } = connection.options
    const reached = nameOf({ host, port })
    const forget = () => {
      if (this.#connections.get(reached) === connection) this.#connections.delete(reached)
    }
    if (this.#isClosed || this.#connections.has(reached) || connection.status !== 'ready')
      return connection.disconnect()
    this.#connections.set(reached, connection)
    connection.once('end', () => {
      forget()
      if (!this.#isClosed) this.failed(undefined, new RedisUnavailable('the connection ended'))
    })
  }
}
