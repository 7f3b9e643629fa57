/**
 * A crowd of HTTP clients in a process of its own. Plays each load it is sent, answers with what it measured, and ends
 * with its parent. Every request's bytes are made before the clock starts.
 *
 * A closed loop's clients each ask again as soon as they are answered. An open loop's requests are due at fixed moments
 * and take whichever connection is free; one that is not sent within its patience is given up, as people do.
 */
import { HttpConnection, postBytes } from './http-connection.ts'
import { pace } from './pace.ts'
import { type Latency, latencyOf } from './report.ts'

export type HttpLoad = {
  readonly url: string
  readonly key: string
  readonly connections: number
  readonly forMs: number
  readonly products: readonly string[]
  /** Distinguishes this load's customers from all others'. */
  readonly name: string
  /** Of an open loop; absent, it is closed. */
  readonly open?: {
    readonly perSecond: number
    /** From when it is due; then it is given up. */
    readonly patienceMs: number
    /** At the beginning, left out of what is told. */
    readonly settleMs: number
  }
}

export type HttpPlayed = {
  /** Answered by 201 while the load lasted. */
  readonly held: number
  readonly heldPerSecond: number
  /** Of those answered by 201. In an open loop, from when each was due. */
  readonly latency: Latency
  /** Answered by 503 with the load: told to come back. */
  readonly shed: number
  /** Due, and never sent. */
  readonly givenUp: number
  /** Other answers, and requests without any. */
  readonly unexpected: number
  /** Of all answers. */
  readonly replyBytes: number
  /** What the client itself spent on a core, of the time the load took; near 1 it may be what was measured. */
  readonly clientBusy: number
}

/** Distinct ones; after the last, the first again. */
const REQUESTS = 16_384
const SHED = 503

process.on('message', (load) => void play(load as HttpLoad).then((played) => process.send?.(played)))
process.on('disconnect', () => process.exit())

async function play(load: HttpLoad): Promise<HttpPlayed> {
  const connections = Array.from({ length: load.connections }, () => new HttpConnection(load.url))
  await Promise.all(connections.map((connection) => connection.open()))
  const tally = new Tally(load.open?.settleMs ?? 0)
  const requests = Array.from({ length: REQUESTS }, (_, i) => requestOf(load, i))
  const cpu = process.cpuUsage()
  tally.begin()
  if (load.open === undefined) await playClosed(connections, requests, load.forMs, tally)
  else await playOpen(connections, requests, load.open, load.forMs, tally)
  const { user, system } = process.cpuUsage(cpu)
  for (const connection of connections) connection.close()
  return tally.played((user + system) / 1_000)
}

function requestOf({ url, key, products, name }: HttpLoad, nr: number): Buffer {
  const productId = products[nr % products.length]
  const customerId = `${name}-${String(nr).padStart(6, '0')}`
  const body = { items: [{ productId, quantity: 1 }], customerId }
  return postBytes({ url, path: '/v1/reservations', key, body })
}

async function playClosed(
  connections: readonly HttpConnection[],
  requests: readonly Buffer[],
  forMs: number,
  tally: Tally,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let next = 0
  let asking = connections.length
  const endsMs = performance.now() + forMs
  const ask = (connection: HttpConnection): void => {
    const sentMs = performance.now()
    if (sentMs >= endsMs) {
      asking -= 1
      if (asking === 0) resolve()
      return
    }
    connection.send(requests[next++ % requests.length] as Buffer, (status, bytes) => {
      tally.hear(status, bytes, sentMs)
      ask(connection)
    })
  }
  for (const connection of connections) ask(connection)
  await promise
  tally.end()
}

async function playOpen(
  connections: readonly HttpConnection[],
  requests: readonly Buffer[],
  open: NonNullable<HttpLoad['open']>,
  forMs: number,
  tally: Tally,
): Promise<void> {
  const { promise: quiet, resolve } = Promise.withResolvers<void>()
  const idle = [...connections]
  /** When each that waits for a connection was due, the oldest at `first`. */
  const waiting: number[] = []
  let first = 0
  let next = 0
  let isOver = false
  const sendNext = (): void => {
    const nowMs = performance.now()
    while (first < waiting.length && idle.length > 0) {
      const dueMs = waiting[first++] as number
      if (nowMs - dueMs > open.patienceMs) {
        tally.giveUp(dueMs)
        continue
      }
      const connection = idle.pop() as HttpConnection
      connection.send(requests[next++ % requests.length] as Buffer, (status, bytes) => {
        tally.hear(status, bytes, dueMs)
        idle.push(connection)
        if (!isOver) sendNext()
        else if (idle.length === connections.length) resolve()
      })
    }
  }
  const { perSecond } = open
  await pace({
    perSecond,
    forMs: open.settleMs + forMs,
    offer: (dueMs) => {
      waiting.push(dueMs)
      sendNext()
    },
  })
  isOver = true
  tally.end()
  for (; first < waiting.length; first++) tally.giveUp(waiting[first] as number)
  if (idle.length < connections.length) await quiet
}

class Tally {
  readonly #settleMs: number
  readonly #samples: number[] = []
  #fromMs = 0
  #beganMs = 0
  #endedMs = Number.POSITIVE_INFINITY
  #inTime = 0
  #answers = 0
  #bytes = 0
  #shed = 0
  #givenUp = 0
  #unexpected = 0

  constructor(settleMs: number) {
    this.#settleMs = settleMs
  }

  begin(): void {
    this.#beganMs = performance.now()
    this.#fromMs = this.#beganMs + this.#settleMs
  }

  /** What is answered from here on is not the load's goodput any more. */
  end(): void {
    this.#endedMs = performance.now()
  }

  hear(status: number, bytes: number, sinceMs: number): void {
    const nowMs = performance.now()
    this.#answers += 1
    this.#bytes += bytes
    if (status === 201) {
      if (sinceMs >= this.#fromMs) this.#samples.push(nowMs - sinceMs)
      if (nowMs >= this.#fromMs && nowMs <= this.#endedMs) this.#inTime += 1
    } else if (status === SHED) this.#shed += 1
    else this.#unexpected += 1
  }

  giveUp(dueMs: number): void {
    if (dueMs >= this.#fromMs) this.#givenUp += 1
  }

  played(cpuMs: number): HttpPlayed {
    return {
      held: this.#inTime,
      heldPerSecond: (this.#inTime / (this.#endedMs - this.#fromMs)) * 1_000,
      latency: latencyOf(Float64Array.from(this.#samples)),
      shed: this.#shed,
      givenUp: this.#givenUp,
      unexpected: this.#unexpected,
      replyBytes: this.#bytes / this.#answers,
      clientBusy: cpuMs / (this.#endedMs - this.#beganMs),
    }
  }
}
