/**
 * A stream of Redis. The position is in the slot of the stream and moves in the script that appends, from the turn that this
 * relay left and no other: so whoever lost a reply, was stopped for a minute, or finds a Redis that has gone back, tells
 * nothing twice that is there, and nothing that is not there is taken for told.
 */
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Redis } from 'ioredis'
import { eventsCallMs } from '../../limits/events.ts'
import { redisSoonMs } from '../../limits/redis.ts'
import { RedisUnavailable } from '../../persistence/redis/redis-error.ts'
import { RedisNodes } from '../../persistence/redis/redis-nodes.ts'
import type { RedisAccess } from '../../redis-url.ts'
import type { Clock, Timers } from '../../seams.ts'
import type { OutgoingEvent } from '../cloud-event.ts'
import { BrokerUnavailable, type EventSink, PositionMoved } from '../event-sink.ts'
import { positionText, type RelayPosition, readRelayPosition } from '../relay-position.ts'

export type RedisSinkOptions = {
  readonly access: RedisAccess
  /** The stream's key. */
  readonly stream: string
  /** About how many events it keeps; all where it is undefined. */
  readonly lengthMax: number | undefined
  readonly clock: Clock
  readonly timers: Timers
}

const SCRIPT = readFileSync(new URL('./relay.lua', import.meta.url), 'utf8')
const SHA = hash('sha1', SCRIPT)
const FIRST_TURN = '0'

export class RedisSink implements EventSink {
  readonly #options: RedisSinkOptions
  readonly #nodes: RedisNodes
  readonly #keys: readonly [stream: string, position: string]
  #redis: Redis | undefined
  #turn = FIRST_TURN

  constructor(options: RedisSinkOptions) {
    this.#options = options
    this.#nodes = new RedisNodes(options.access, options)
    this.#keys = [options.stream, positionKeyOf(options.stream)]
  }

  async open(): Promise<RelayPosition | undefined> {
    await this.close()
    try {
      this.#redis = await this.#nodes.connect(this.#options.stream, {
        withinMs: redisSoonMs,
        commandTimeoutMs: eventsCallMs,
      })
      const [turn, position] = await this.#redis.hmget(this.#keys[1], 'turn', 'position')
      this.#turn = turn ?? FIRST_TURN
      return position == null ? undefined : readRelayPosition(position)
    } catch (error) {
      throw this.#failure(error)
    }
  }

  async tell(events: readonly OutgoingEvent[], position: RelayPosition | undefined): Promise<void> {
    const { lengthMax } = this.#options
    const isTurn = events.length > 0 || position !== undefined
    let isDone: boolean
    try {
      isDone = await this.#run([
        this.#turn,
        position === undefined ? '' : positionText(position),
        lengthMax === undefined ? '' : String(lengthMax),
        // One argument costs less than hundreds.
        events.map(({ json }) => json).join('\n'),
      ])
    } catch (error) {
      throw this.#failure(error)
    }
    if (!isDone) throw new PositionMoved('Redis is at another position than it was left at')
    if (isTurn) this.#turn = String(Number(this.#turn) + 1)
  }

  close(): Promise<void> {
    this.#redis?.disconnect()
    this.#redis = undefined
    return Promise.resolve()
  }

  async #run(args: readonly string[]): Promise<boolean> {
    const redis = this.#redis
    if (redis === undefined) throw new RedisUnavailable('there is no connection to Redis')
    try {
      return (await redis.evalsha(SHA, 2, ...this.#keys, ...args)) === 1
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return (await redis.eval(SCRIPT, 2, ...this.#keys, ...args)) === 1
    }
  }

  /** Whatever a Redis says that is not the answer: the connection is given up, and the next one may be to another server. */
  #failure(error: unknown): Error {
    if (!(error instanceof Error)) return new BrokerUnavailable(String(error))
    this.#nodes.noteFailure(error)
    void this.close()
    return new BrokerUnavailable(error.message, { cause: error })
  }
}

/** In the slot of the stream, whose name has no braces of its own. */
export function positionKeyOf(stream: string): string {
  return `{${stream}}:position`
}
