/** What several real nodes say of what was: which of them keep a history, and whether all tell the same. */
import * as assert from 'uvu/assert'
import type { AppNode } from './app-node.ts'
import type { ClusterProcesses } from './cluster-processes.ts'
import { pause } from './server-process.ts'

type Json = Readonly<Record<string, unknown>>
type Reply = { readonly status: number; readonly body: Json; readonly position: string }

const ASK_AGAIN_MS = 20
const SETTLED_WITHIN_MS = 60_000

export async function metricOf({ server }: AppNode, name: string): Promise<number | undefined> {
  const outcome = await server.attempt('GET', '/metrics')
  if (outcome.type !== 'answered') return undefined
  const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(String(outcome.body.text))?.[1]
  return found === undefined ? undefined : Number(found)
}

/** Those that keep a history and have filled it, once all that are awake can answer, and as many keep one as may. */
export async function keepersOf(all: ClusterProcesses): Promise<readonly AppNode[]> {
  const givenUpMs = performance.now() + SETTLED_WITHIN_MS
  for (;;) {
    const { awake } = all
    const filled = await Promise.all(awake.map((node) => metricOf(node, 'holdfast_history_filled')))
    const keeps = await Promise.all(awake.map((node) => metricOf(node, 'holdfast_history_keeps')))
    const ready = await Promise.all(awake.map((node) => metricOf(node, 'holdfast_history_ready')))
    const keepers = awake.filter((_, i) => keeps[i] === 1 && filled[i] === 1)
    if (keepers.length === Math.min(2, awake.length) && ready.every((is) => is === 1)) return keepers
    if (performance.now() > givenUpMs)
      throw new Error(`keeps: ${keeps.join()}, ready: ${ready.join()}\n${all.said()}`)
    await pause(ASK_AGAIN_MS)
  }
}

/** Asks again for as long as it is told to come back, and says how long that was. */
export async function asksOf(
  node: AppNode,
  path: string,
  withinMs = 20_000,
): Promise<Reply & { readonly tookMs: number }> {
  const sinceMs = performance.now()
  for (;;) {
    const outcome = await node.server.attempt('GET', path)
    const tookMs = performance.now() - sinceMs
    if (outcome.type === 'answered' && outcome.status !== 503) {
      const { status, body, headers } = outcome
      return { status, body, position: String(headers['holdfast-position']), tookMs }
    }
    const why = outcome.type === 'answered' ? JSON.stringify(outcome.body) : outcome.why
    assert.ok(tookMs < withinMs, `${node.name} does not answer ${path}: ${why}`)
    await pause(ASK_AGAIN_MS)
  }
}

/** Sells a unit at one node and asks another for it at once: it is in the list, and in the stock as of its sequence. */
export async function readsWriteOf(seller: AppNode, asked: AppNode, productId: string): Promise<void> {
  const reserved = await seller.server.request('POST', '/v1/reservations', {
    items: [{ productId, quantity: 1 }],
    customerId: 'ann',
  })
  assert.is(reserved.status, 201, JSON.stringify(reserved.body))
  const { reservationId, sequence } = reserved.body
  const query = `customerId=ann&limit=1&minPosition=${reserved.headers['holdfast-position']}`
  const { body } = await asksOf(asked, `/v1/reservations?${query}`)
  assert.is((body.reservations as Json[])[0]?.reservationId, reservationId)
  const past = await asksOf(asked, `/v1/products/${productId}/stock?at=${sequence}`)
  assert.is(past.status, 200)
}

/** What each of these nodes tells of these products, once it has come as far as `minPosition`: the same, to the last letter. */
export async function tellAlike(
  nodes: readonly AppNode[],
  { products, minPosition }: { readonly products: readonly string[]; readonly minPosition: string },
): Promise<void> {
  const told = await Promise.all(nodes.map((node) => toldBy(node, products, minPosition)))
  const [first, ...others] = told as [Json[], ...Json[][]]
  for (const [i, other] of others.entries())
    assert.equal(other, first, `${nodes[i + 1]?.name} and ${nodes[0]?.name}`)
  const listed = first[0]?.reservations as Json[] | undefined
  assert.ok(listed !== undefined && listed.length > 0, 'there is something to tell')
}

async function toldBy(node: AppNode, products: readonly string[], minPosition: string): Promise<Json[]> {
  const list = await asksOf(node, `/v1/reservations?limit=100&minPosition=${minPosition}`)
  const ofEach = products.flatMap((productId) => [
    `/v1/products/${productId}/stock/events?limit=100`,
    `/v1/products/${productId}/stock?at=1`,
    `/v1/reservations?productId=${productId}&limit=100`,
  ])
  const others = await Promise.all(ofEach.map((path) => asksOf(node, path)))
  // Of a problem, its code: each is an answer to a request of its own.
  return [list, ...others].map(({ status, body }) => ({
    status,
    ...(status === 200 ? body : { code: body.code }),
  }))
}
