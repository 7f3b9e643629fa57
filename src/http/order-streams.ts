/**
 * Orders as they change, for the clients of one listener. The tables tell which order has changed; what it has come to is
 * read then. A client hears every change once and in order, however slowly it reads: nothing is kept for it but how far it
 * has come.
 */
import { orderStreamsMax, orderStreamsPerCustomerMax, streamHeartbeatMs, streamRetryMs } from '../limits.ts'
import type { Tables } from '../persistence/tables/operations.ts'
import type { Order } from '../persistence/tables/orders/order-rows.ts'
import type { Timer, Timers } from '../seams.ts'
import { EventStream, eventText, heartbeatText, retryText } from './event-stream.ts'
import { timeOf } from './time.ts'

export type OrderStreamsParts = { readonly tables: Tables; readonly timers: Timers }

type Client = {
  readonly orderId: string
  readonly customerId: string
  readonly stream: EventStream
  /** Events of the order's history that it has been told of, or that say nothing of its status. */
  told: number
}

export class OrderStreams {
  readonly #parts: OrderStreamsParts
  readonly #byOrder = new Map<string, Set<Client>>()
  readonly #byCustomer = new Map<string, number>()
  #size = 0
  #heartbeat: Timer | undefined
  #hasEnded = false

  constructor(parts: OrderStreamsParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#size
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  hasRoomFor(customerId: string): boolean {
    return (
      this.#size < orderStreamsMax && (this.#byCustomer.get(customerId) ?? 0) < orderStreamsPerCustomerMax
    )
  }

  /** Begins with where the order is; what came before `resumesAfter` is not told again. Only where there is room. */
  open(order: Order, resumesAfter: number | undefined): ReadableStream<Uint8Array> {
    const { orderId, customerId } = order
    const stream = new EventStream(() => this.#leave(client))
    const newest = order.events.findLastIndex(({ status }) => status !== null)
    // A number that no event has yet is somebody else's: it must not keep what is to come from being told.
    const told = Math.min(resumesAfter ?? Math.max(0, newest), order.events.length)
    const client: Client = { orderId, customerId, stream, told }
    const clients = this.#byOrder.get(orderId)
    if (clients === undefined) this.#byOrder.set(orderId, new Set([client]))
    else clients.add(client)
    this.#byCustomer.set(customerId, (this.#byCustomer.get(customerId) ?? 0) + 1)
    this.#size += 1
    this.#heartbeat ??= this.#parts.timers.after(streamHeartbeatMs, () => this.#beat())
    stream.send(retryText(streamRetryMs))
    this.#tell(client, order)
    return stream.body
  }

  /** An order has changed. */
  noteChanged(orderId: string): void {
    for (const client of this.#byOrder.get(orderId) ?? []) this.#tellSoon(client)
  }

  /** Any order may have changed. */
  noteAllChanged(): void {
    for (const orderId of [...this.#byOrder.keys()]) this.noteChanged(orderId)
  }

  /** Ends all of them; clients come back elsewhere. */
  end(): void {
    this.#hasEnded = true
    this.#heartbeat?.cancel()
    for (const clients of [...this.#byOrder.values()])
      for (const { stream } of [...clients]) stream.end(retryText(streamRetryMs))
  }

  #tellSoon(client: Client): void {
    const tell = () => {
      this.#parts.tables
        .read('orders.find', { orderId: client.orderId })
        .then((order) => void (order !== undefined && this.#tell(client, order)))
        // The next change, or the client's next connection, tells what this one could not.
        .catch(() => client.stream.end(retryText(streamRetryMs)))
    }
    if (client.stream.isReady) tell()
    else client.stream.whenReady(tell)
  }

  #tell(client: Client, order: Order): void {
    for (const [index, { status, atMs }] of order.events.entries()) {
      if (index < client.told) continue
      client.told = index + 1
      if (status === null) continue
      const data = JSON.stringify({ orderId: order.orderId, status, at: timeOf(atMs) })
      client.stream.send(eventText({ id: index + 1, name: 'status', data }))
    }
  }

  #beat(): void {
    for (const clients of this.#byOrder.values())
      for (const { stream } of clients) if (stream.isReady) stream.send(heartbeatText)
    this.#heartbeat = this.#parts.timers.after(streamHeartbeatMs, () => this.#beat())
  }

  #leave(client: Client): void {
    const { orderId, customerId } = client
    const clients = this.#byOrder.get(orderId)
    if (clients?.delete(client) !== true) return
    if (clients.size === 0) this.#byOrder.delete(orderId)
    const left = (this.#byCustomer.get(customerId) ?? 1) - 1
    if (left === 0) this.#byCustomer.delete(customerId)
    else this.#byCustomer.set(customerId, left)
    this.#size -= 1
    if (this.#size > 0) return
    this.#heartbeat?.cancel()
    this.#heartbeat = undefined
  }
}
