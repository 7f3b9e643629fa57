/** The few calls a bench makes of the API before and after what it measures. */

export type Api = { readonly url: string; readonly key: string }

const AT_ONCE = 32

/** One call; throws unless it is answered with 2xx. */
export async function call(api: Api, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(api.url + path, {
    method,
    headers: {
      authorization: `Bearer ${api.key}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return JSON.parse(text)
}

/** Gives each product its units. */
export async function stockAll(api: Api, units: ReadonlyMap<string, number>): Promise<void> {
  const left = units.entries()
  const work = async () => {
    for (const [productId, set] of left) {
      await call(api, 'POST', `/v1/products/${productId}/stock/adjustments`, { set, reason: 'bench' })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

/** Sells what these reservations hold. */
export async function confirmAll(api: Api, reservationIds: readonly string[]): Promise<void> {
  const left = reservationIds.values()
  const work = async () => {
    for (const id of left) await call(api, 'POST', `/v1/reservations/${id}/confirm`)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}
