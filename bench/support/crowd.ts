/**
 * The crowd before the shop: each buyer opens the product's page (its stock), then presses the button, and presses again,
 * as people do. Played by autocannon. Where there are more buyers than connections, they use each one in turn.
 */
import autocannon, { type Request } from 'autocannon'
import type { Api } from './client.ts'
import { Answers, type Ledger } from './ledger.ts'
import { type Latency, latencyOf } from './report.ts'

export type Crowd = {
  readonly productId: string
  readonly buyers: number
  readonly connections: number
  /** Every buyer's. */
  readonly presses: number
  /** Distinguishes these buyers from all others. */
  readonly name: string
}

export type CrowdResult = {
  readonly seconds: number
  /** Epoch ms. */
  readonly beganAtMs: number
  readonly endedAtMs: number
  readonly page: Latency
  readonly press: Latency
  readonly pressesPerSecond: number
  readonly answers: ReadonlyMap<string, number>
  readonly unexpected: number
  readonly errors: number
}

type Buyer = { customerId?: string }

const TIMEOUT_SECONDS = 30

export async function playCrowd(api: Api, crowd: Crowd, ledger: Ledger): Promise<CrowdResult> {
  const { productId, buyers, connections, presses, name } = crowd
  if (buyers % connections !== 0)
    throw new Error(`${buyers} buyers cannot share ${connections} connections evenly`)
  const samples = { page: [] as number[], press: [] as number[] }
  const answers = new Answers()
  let drawn = 0
  let kind: keyof typeof samples = 'page'
  const page = {
    method: 'GET',
    path: `/v1/products/${productId}/stock`,
    setupRequest(request: Request, buyer: Buyer) {
      buyer.customerId = `${name}-${String(drawn++).padStart(6, '0')}`
      return request
    },
    onResponse(status: number, body: string) {
      kind = 'page'
      if (status !== 200) answers.add(status, body)
    },
  }
  const press = {
    method: 'POST',
    path: '/v1/reservations',
    headers: { 'content-type': 'application/json' },
    setupRequest(request: Request, buyer: Buyer) {
      const customerId = customerOf(buyer)
      ledger.asked.set(customerId, productId)
      return { ...request, body: JSON.stringify({ items: [{ productId, quantity: 1 }], customerId }) }
    },
    onResponse(status: number, body: string, buyer: Buyer) {
      kind = 'press'
      answers.add(status, body)
      if (status === 201) ledger.acknowledge(body, customerOf(buyer))
    },
  }

  const beganAtMs = Date.now()
  const run = autocannon({
    url: api.url,
    connections,
    amount: buyers * (1 + presses),
    timeout: TIMEOUT_SECONDS,
    headers: { authorization: `Bearer ${api.key}` },
    requests: [page, ...Array.from({ length: presses }, () => ({ ...press }))],
  })
  let endedAtMs = beganAtMs
  // Emitted right after `onResponse`, which has said what it was.
  run.on('response', (_client: unknown, _status: number, _bytes: number, ms: number) => {
    samples[kind].push(ms)
    endedAtMs = Date.now()
  })
  const { errors } = await run
  ledger.unanswered += buyers * presses - samples.press.length
  const seconds = (endedAtMs - beganAtMs) / 1_000
  return {
    seconds,
    beganAtMs,
    endedAtMs,
    page: latencyOf(Float64Array.from(samples.page)),
    press: latencyOf(Float64Array.from(samples.press)),
    pressesPerSecond: samples.press.length / seconds,
    answers: answers.counts,
    unexpected: answers.unexpected,
    errors,
  }
}

function customerOf({ customerId }: Buyer): string {
  if (customerId === undefined) throw new Error('a buyer opens the page before pressing')
  return customerId
}
