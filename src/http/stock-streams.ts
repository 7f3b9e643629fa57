/**
 * Live stock for the clients of one listener.
 *
 * The history tells which products changed; what they are at, their shard is asked, once for all who watch a product and
 * no more often than every `streamReadMs`. So a stream shows what `GET …/stock` would show, and rests on nothing else (S2).
 *
 * E1  Versions on a connection only go up.
 * E2  The last value comes: a change that is told while the shard is being asked is asked for again, one that could not be
 *     asked for is tried again, and where nobody tells of changes, or might have missed one, it is asked for now and then.
 * E3  Nobody waits for a client, and nothing is kept for it but its newest version (event-stream.ts).
 */

import { EngineError } from '../actors/engine-error.ts'
import type { StockReply } from '../actors/requests.ts'
import type { ProductId } from '../domain/ids.ts'
import type { HistoryClient } from '../history/history-client.ts'
import {
  streamHeartbeatMs,
  streamReadAgainMs,
  streamReadMs,
  streamReadsMax,
  streamRetryMs,
  streamsMax,
  streamsPerAddressMax,
  streamUntoldReadMs,
} from '../limits.ts'
import type { Clock, Random, Timer, Timers } from '../seams.ts'
import { EventStream, eventText, heartbeatText, retryText } from './event-stream.ts'
import type { ReservationEngine } from './parts.ts'

export type StockStreamsParts = {
  readonly engine: Pick<ReservationEngine, 'execute'>
  readonly history: Pick<HistoryClient, 'watch' | 'unwatch' | 'isWatching'>
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
}

/** What a client sees of a stock, as JSON without its closing brace. */
export type StockView = (stock: StockReply) => string

export type Listening = {
  readonly productId: ProductId
  readonly view: StockView
  /** Whose clients are counted together; absent where they are not. */
  readonly address: string | undefined
  /** The client's last event, where it says that it had one; `undefined` where that is no version at all. */
  readonly resumes: { readonly version: number | undefined } | undefined
  /** Cuts off a client that does not read. */
  readonly cut: () => void
}

export type StreamCounters = { events: number; coalesced: number; refused: number }

type Client = {
  readonly channel: Channel
  readonly view: StockView
  readonly stream: EventStream
  readonly cut: () => void
  /** The newest version that it was sent. */
  version: number
}

type Channel = {
  readonly productId: ProductId
  readonly clients: Set<Client>
  newest: StockReply | undefined
  /** Whether it is asked for now, or waits for its turn to be. */
  isReading: boolean
  /** Something changed since the reading began. */
  isDue: boolean
  readAtMs: number
  timer: Timer | undefined
}

export class StockStreams {
  readonly counters: StreamCounters = { events: 0, coalesced: 0, refused: 0 }
  readonly #parts: StockStreamsParts
  readonly #channels = new Map<ProductId, Channel>()
  readonly #byAddress = new Map<string, number>()
  /** Channels that wait for their turn to be asked for, and how many are being asked for. */
  readonly #waiting: Channel[] = []
  #reading = 0
  #clients = 0
  #heartbeat: Timer | undefined
  #untold: Timer | undefined
  #hasEnded = false

  constructor(parts: StockStreamsParts) {
    this.#parts = parts
  }

  /** Clients that listen. */
  get size(): number {
    return this.#clients
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Whether there is room for one more from this address. */
  hasRoomFor(address: string | undefined): boolean {
    const ofAddress = address === undefined ? 0 : (this.#byAddress.get(address) ?? 0)
    const hasRoom = this.#clients < streamsMax && ofAddress < streamsPerAddressMax
    if (!hasRoom) this.counters.refused += 1
    return hasRoom
  }

  /** Begins with the stock as it is, which the caller has just asked for. Only where there is room. */
  open(stock: StockReply, listening: Listening): ReadableStream<Uint8Array> {
    const channel = this.#channelOf(stock.productId)
    const { view, cut, address, resumes } = listening
    const stream = new EventStream(() => this.#leave(client, address))
    const client: Client = { channel, view, stream, cut, version: 0 }
    channel.clients.add(client)
    this.#enter(address)
    stream.send(retryText(this.#retryMs()))
    this.#greet(client, this.#newestOf(channel, stock), resumes)
    return stream.body
  }

  /** Ends every stream: those who listen are asked to come back in a while, and not all at once. */
  end(): void {
    this.#hasEnded = true
    this.#heartbeat?.cancel()
    this.#untold?.cancel()
    for (const channel of [...this.#channels.values()]) {
      for (const { stream, cut } of [...channel.clients]) {
        const isReading = stream.isReady
        stream.end(retryText(this.#retryMs()))
        if (!isReading) cut()
      }
    }
  }

  #greet(client: Client, stock: StockReply, resumes: Listening['resumes']): void {
    const { version } = stock
    if (resumes === undefined) return this.#write(client, 'stock', stock, undefined)
    if (resumes.version === version) client.version = version
    else if (resumes.version !== undefined && resumes.version < version)
      this.#write(client, 'stock', stock, resumes.version + 1)
    // Of another history, or nobody's.
    else this.#write(client, 'reset', stock, undefined)
  }

  #channelOf(productId: ProductId): Channel {
    const known = this.#channels.get(productId)
    if (known !== undefined) return known
    const channel: Channel = {
      productId,
      clients: new Set(),
      newest: undefined,
      isReading: false,
      isDue: false,
      readAtMs: this.#parts.clock.monotonicMs(),
      timer: undefined,
    }
    this.#channels.set(productId, channel)
    const onChange = () => this.#changed(channel)
    // What changed before changes were told of is asked for once they are.
    void this.#parts.history.watch(productId, onChange).then(onChange)
    return channel
  }

  #enter(address: string | undefined): void {
    this.#clients += 1
    if (address !== undefined) this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1)
    this.#heartbeat ??= this.#every(streamHeartbeatMs, () => this.#beat())
    this.#untold ??= this.#every(streamUntoldReadMs, () => {
      if (!this.#parts.history.isWatching)
        for (const channel of this.#channels.values()) this.#changed(channel)
    })
  }

  #leave(client: Client, address: string | undefined): void {
    const { channel } = client
    this.#clients -= 1
    const ofAddress = address === undefined ? 0 : (this.#byAddress.get(address) ?? 0)
    if (address !== undefined && ofAddress > 1) this.#byAddress.set(address, ofAddress - 1)
    else if (address !== undefined) this.#byAddress.delete(address)
    channel.clients.delete(client)
    if (channel.clients.size > 0) return
    channel.timer?.cancel()
    this.#channels.delete(channel.productId)
    this.#parts.history.unwatch(channel.productId)
  }

  #every(everyMs: number, call: () => void): Timer {
    let timer: Timer
    const next = () => {
      timer = this.#parts.timers.after(everyMs, () => {
        if (this.#hasEnded) return
        call()
        next()
      })
    }
    next()
    return { cancel: () => timer.cancel() }
  }

  /** E2: asks at once, or as soon as it may again. */
  #changed(channel: Channel): void {
    channel.isDue = true
    if (channel.isReading || channel.timer !== undefined || channel.clients.size === 0) return
    const waitMs = channel.readAtMs + streamReadMs - this.#parts.clock.monotonicMs()
    if (waitMs <= 0) return this.#begin(channel)
    channel.timer = this.#parts.timers.after(waitMs, () => {
      channel.timer = undefined
      this.#begin(channel)
    })
  }

  #begin(channel: Channel): void {
    channel.isReading = true
    this.#waiting.push(channel)
    while (this.#reading < streamReadsMax) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      void this.#read(next)
    }
  }

  async #read(channel: Channel): Promise<void> {
    this.#reading += 1
    channel.isDue = false
    channel.readAtMs = this.#parts.clock.monotonicMs()
    try {
      const reply = await this.#parts.engine.execute({ type: 'readStock', productId: channel.productId })
      if (reply.type === 'stock') this.#tell(channel, this.#newestOf(channel, reply))
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      channel.isDue = true
      channel.readAtMs += streamReadAgainMs
    }
    this.#reading -= 1
    channel.isReading = false
    if (channel.isDue) this.#changed(channel)
    const next = this.#waiting.shift()
    if (next !== undefined) void this.#read(next)
  }

  /** Whichever of two answers is newer: they may cross. */
  #newestOf(channel: Channel, stock: StockReply): StockReply {
    const { newest } = channel
    if (newest !== undefined && newest.version > stock.version) return newest
    channel.newest = stock
    return stock
  }

  #tell({ clients }: Channel, stock: StockReply): void {
    for (const client of clients) if (client.version < stock.version) this.#offer(client)
  }

  /** Sends the newest there is, now or once the client can take it. */
  #offer(client: Client): void {
    if (!client.stream.isReady) return client.stream.whenReady(() => this.#offer(client))
    const { newest } = client.channel
    if (newest === undefined || newest.version <= client.version) return
    const from = client.version + 1
    this.#write(client, 'stock', newest, from === newest.version ? undefined : from)
  }

  /** `from` is the first of the versions that this event stands for, where it stands for several. */
  #write(client: Client, name: 'stock' | 'reset', stock: StockReply, from: number | undefined): void {
    const { version } = stock
    const span = from === undefined ? '' : `,"from":${from},"to":${version}`
    client.version = version
    client.stream.send(eventText({ id: version, name, data: `${client.view(stock)}${span}}` }))
    this.counters.events += 1
    if (from !== undefined) this.counters.coalesced += version - from
  }

  #beat(): void {
    for (const { clients } of this.#channels.values())
      for (const { stream } of clients) if (stream.isReady) stream.send(heartbeatText)
  }

  #retryMs(): number {
    return Math.round(streamRetryMs * (1 + this.#parts.random.fraction()))
  }
}
