/**
 * autocannon in a process of its own. Plays each load it is sent, answers with what it measured, and ends with its
 * parent. Bodies are made before the clock starts: a client that is slower than the server would measure itself.
 */
import autocannon from 'autocannon'
import { type Latency, latencyOf } from './report.ts'

export type HttpLoad = {
  readonly url: string
  readonly key: string
  readonly connections: number
  readonly seconds: number
  readonly products: readonly string[]
  /** Distinguishes this load's customers from all others'. */
  readonly name: string
}

export type HttpPlayed = {
  readonly requests: number
  readonly perSecond: number
  readonly latency: Latency
  /** Answers that were not 201, and requests without any. */
  readonly unexpected: number
  readonly replyBytes: number
  /** What the client itself spent on a core, of the time the load took; near 1 it may be what was measured. */
  readonly clientBusy: number
}

/** Each connection's own; it plays them in turn, from the first again after the last. */
const REQUESTS_PER_CONNECTION = 64

process.on('message', (load) => void play(load as HttpLoad).then((played) => process.send?.(played)))
process.on('disconnect', () => process.exit())

async function play({ url, key, connections, seconds, products, name }: HttpLoad): Promise<HttpPlayed> {
  const samples: number[] = []
  const counts = new Map<number, number>()
  let bytes = 0
  let begun = 0
  const run = autocannon({
    url,
    connections,
    duration: seconds,
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    requests: [{ path: '/v1/reservations', body: '{}' }],
    setupClient(client) {
      const first = begun++ * REQUESTS_PER_CONNECTION
      const requests = Array.from({ length: REQUESTS_PER_CONNECTION }, (_, i) => {
        const productId = products[(first + i) % products.length]
        const customerId = `${name}-${String(first + i).padStart(6, '0')}`
        return {
          path: '/v1/reservations',
          body: JSON.stringify({ items: [{ productId, quantity: 1 }], customerId }),
        }
      })
      client.setRequests(requests)
    },
  })
  run.on('response', (_client: unknown, status: number, replyBytes: number, ms: number) => {
    samples.push(ms)
    counts.set(status, (counts.get(status) ?? 0) + 1)
    bytes += replyBytes
  })
  const startedMs = performance.now()
  const cpu = process.cpuUsage()
  const { errors } = await run
  const elapsedMs = performance.now() - startedMs
  const { user, system } = process.cpuUsage(cpu)
  return {
    requests: samples.length,
    perSecond: (samples.length / elapsedMs) * 1_000,
    latency: latencyOf(Float64Array.from(samples)),
    unexpected: samples.length - (counts.get(201) ?? 0) + errors,
    replyBytes: bytes / samples.length,
    clientBusy: (user + system) / 1_000 / elapsedMs,
  }
}
