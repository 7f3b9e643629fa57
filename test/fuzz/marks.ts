/** What replies have told, for requests that are about it: a mark `«reservation 0»` stands for the newest one. */
import type { FuzzReply } from './world.ts'

const MARK = /«([a-z-]+) (\d)»/g
/** The price of the order that is as new, in the place of a text. */
const TOTAL = /"«total (\d)»"/g
const KEPT_MAX = 8

/** Things to be spoken of, by kind, the newest first. */
export class Marks {
  readonly #told = new Map<string, string[]>()
  /** By order. */
  readonly #totals = new Map<string, unknown>()

  /** Puts what was told in the place of the marks; what is not known is spelled out, and so names nothing. */
  fill(text: string): string {
    return text
      .replaceAll(TOTAL, (_, back: string) => String(this.#totals.get(this.#find('order', back)) ?? 1))
      .replaceAll(MARK, (_, of: string, back: string) => this.#find(of, back))
  }

  /** Learns from a reply. */
  hear({ headers, json }: FuzzReply): void {
    const location = headers.get('location') ?? ''
    this.#tell('position', headers.get('holdfast-position'))
    if (location.startsWith('/v1/reservations/')) this.#tell('reservation', location.split('/').at(-1))
    if (location.startsWith('/v1/me/addresses/')) this.#tell('address', location.split('/').at(-1))
    if (location.startsWith('/v1/orders/')) this.#tell('order', location.split('/').at(-1))
    if (location.startsWith('/images/')) this.#tell('image', location.split('/').at(-1))
    if (location.startsWith('/v1/api-keys/')) this.#tell('key-id', location.split('/').at(-1))
    if (location.startsWith('/v1/webhooks/')) this.#tell('webhook', location.split('/').at(-1))
    if (typeof json !== 'object' || json === null) return
    if ('eventId' in json && 'id' in json) this.#tell('delivery', json.id)
    if ('orderId' in json && 'totalAmount' in json) this.#totals.set(String(json.orderId), json.totalAmount)
    if ('cartId' in json) this.#tell('cart', json.cartId)
    if ('key' in json) this.#tell('key', json.key)
    if ('accessToken' in json) this.#tell('access-token', json.accessToken)
    if ('refreshToken' in json) this.#tell('refresh-token', json.refreshToken)
    if ('id' in json && 'email' in json) this.#tell('user', json.id)
    if ('nextCursor' in json) this.#tell('cursor', json.nextCursor)
    // A place in line that became a hold has no Location.
    if ('reservationId' in json && !location) this.#tell('reservation', json.reservationId)
  }

  #find(of: string, back: string): string {
    const told = this.#told.get(of) ?? []
    return told[Number(back) % told.length] ?? `no-${of}`
  }

  #tell(of: string, value: unknown): void {
    if (typeof value !== 'string') return
    const told = (this.#told.get(of) ?? []).filter((other) => other !== value)
    this.#told.set(of, [value, ...told].slice(0, KEPT_MAX))
  }
}
