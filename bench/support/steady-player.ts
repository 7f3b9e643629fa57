/**
 * Buyers of everything else, in a process of their own: so many reservations a second, whatever becomes of the ones
 * before. Latency counts from the moment a request was due, so that waiting counts even where the sender is late.
 */
import { Agent, request } from 'node:http'
import { Answers, Ledger } from './ledger.ts'

export type SteadyLoad = {
  readonly url: string
  readonly key: string
  readonly products: readonly string[]
  readonly perSecond: number
  readonly name: string
}

export type SteadyResult = Pick<Ledger, 'asked' | 'acknowledged' | 'unanswered'> & {
  readonly answers: ReadonlyMap<string, number>
  readonly unexpected: number
  /** Pairs: when it was due (epoch ms), and how long after it was answered (ms). */
  readonly samples: Float64Array
}

const SOCKETS_MAX = 512
const TICK_MS = 2
/** Past it a request is given up; longer than the server takes to say that it does not know. */
const TIMEOUT_MS = 30_000
const DRAIN_MS = 35_000

const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX })
const ledger = new Ledger()
const answers = new Answers()
const samples: number[] = []
let inFlight = 0
let sent = 0
let ticker: NodeJS.Timeout | undefined

process.on('disconnect', () => process.exit())
process.on('message', (message) => {
  if (message === 'stop') void stop()
  else start(message as SteadyLoad)
})

function start(load: SteadyLoad): void {
  const startedMs = performance.now()
  ticker = setInterval(() => {
    const dueCount = Math.floor(((performance.now() - startedMs) * load.perSecond) / 1_000)
    while (sent < dueCount) reserve(load, startedMs + (sent * 1_000) / load.perSecond)
  }, TICK_MS)
}

function reserve({ url, key, products, name }: SteadyLoad, dueMs: number): void {
  const productId = products[sent % products.length] as string
  const customerId = `${name}-${String(sent).padStart(6, '0')}`
  sent += 1
  inFlight += 1
  ledger.asked.set(customerId, productId)
  const body = JSON.stringify({ items: [{ productId, quantity: 1 }], customerId })
  const headers = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  }
  const sending = request(`${url}/v1/reservations`, { method: 'POST', agent, headers, timeout: TIMEOUT_MS })
  sending.on('timeout', () => sending.destroy())
  sending.on('error', () => {
    inFlight -= 1
    ledger.unanswered += 1
  })
  sending.on('response', (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      text += chunk
    })
    response.on('end', () => {
      inFlight -= 1
      samples.push(performance.timeOrigin + dueMs, performance.now() - dueMs)
      answers.add(response.statusCode ?? 0, text)
      if (response.statusCode === 201) ledger.acknowledge(text, customerId)
    })
  })
  sending.end(body)
}

async function stop(): Promise<void> {
  clearInterval(ticker)
  const endsMs = performance.now() + DRAIN_MS
  while (inFlight > 0 && performance.now() < endsMs) await new Promise((resolve) => setTimeout(resolve, 20))
  agent.destroy()
  const result: SteadyResult = {
    asked: ledger.asked,
    acknowledged: ledger.acknowledged,
    unanswered: ledger.unanswered + inFlight,
    answers: answers.counts,
    unexpected: answers.unexpected,
    samples: Float64Array.from(samples),
  }
  process.send?.(result)
}
