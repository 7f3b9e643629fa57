/**
 * Another node that asks here, by a connection of its own: its channels to workers of this node, and what it is told of them.
 *
 * R1  A channel leads to the life of a shard that it was opened for, or nowhere: what comes for another one is not passed on,
 *     and whoever sent it hears that nothing has happened (FAULTS.md, 76).
 * R2  Of a board it is told what a reply rests on before the reply (stock-board.ts, B1).
 */
import type { CallsMessage, RepliesMessage } from '../../actors/protocol.ts'
import type { ServedShard, ShardLife } from '../../actors/remote-shards.ts'
import { relayBoardWaitingBytesMax, relayUnreadBytesMax } from '../../limits/relay.ts'
import type { NodeReply } from '../../node-questions.ts'
import type { Clock, PromptPort, Timers } from '../../seams.ts'
import { BoardFeed, type BoardPart } from './board-feed.ts'
import { type HistoryWay, tooLong } from './history-way.ts'
import type { LocalShards } from './local-shards.ts'
import type { NodeLink } from './node-link.ts'
import type { FromCaller, FromOwner } from './node-words.ts'

type Channel = ShardLife & {
  readonly port: PromptPort<RepliesMessage, CallsMessage>
  /** The worker has said something, and may have looked at what it was sent. */
  isTaken: boolean
}

export type CallerParts = {
  readonly link: Pick<NodeLink<FromCaller, FromOwner>, 'send' | 'end' | 'waitingBytes'>
  readonly local: LocalShards
  readonly history: Pick<HistoryWay, 'ask'>
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly timers: Timers
}

export class Caller {
  readonly #parts: CallerParts
  readonly #channels = new Map<number, Channel>()
  /** By shard, for its present life. */
  readonly #feeds = new Map<number, BoardFeed>()
  #boardsAreDue = false
  #hasEnded = false
  /** Messages of calls that came. */
  received = 0

  constructor(parts: CallerParts) {
    this.#parts = parts
    for (const served of parts.local.served) this.tell(served)
  }

  /** Of a worker of this node. */
  tell(served: ServedShard): void {
    this.#send({ type: 'served', ...served })
  }

  tellPoison(fingerprint: string): void {
    this.#send({ type: 'quarantined', fingerprint })
  }

  /** A worker of this node has ended: what it has said goes out first. */
  tellEnd({ shard, life }: ShardLife): void {
    for (const [number, channel] of this.#channels) {
      if (channel.shard !== shard || channel.life !== life) continue
      channel.port.receiveNow()
      channel.port.close()
      this.#channels.delete(number)
      if (!channel.isTaken) this.#sayNothingHappened(number)
    }
    this.#feeds.delete(shard)
    this.#send({ type: 'ended', shard, life })
  }

  hear(message: FromCaller): void {
    switch (message.type) {
      case 'open':
        return this.#open(message.channel, message)
      case 'calls': {
        this.received += 1
        const { ageMs, cells, lastCallId } = message
        const sentAtMs = this.#parts.clock.monotonicMs() - ageMs
        // What comes for a channel that is closed has its last word (R1).
        this.#channels.get(message.channel)?.port.send({ sentAtMs, cells, lastCallId })
        return
      }
      case 'close':
        this.#channels.get(message.channel)?.port.close()
        this.#channels.delete(message.channel)
        return
      case 'askHistory': {
        const { number, question } = message
        return this.#parts.history.ask(question, (reply) => this.#answer(number, reply))
      }
      case 'hello':
        return this.#parts.link.end('it said twice who it is')
    }
  }

  /** A board shows these products anew. */
  noteShown(shard: number, numbers: readonly number[]): void {
    const feed = this.#feeds.get(shard)
    if (feed === undefined) return
    feed.note(numbers)
    this.goOn()
  }

  /** Tells of boards what is to be told, as much as the other side takes now. */
  goOn(): void {
    if (this.#boardsAreDue || this.#hasEnded) return
    this.#boardsAreDue = true
    this.#parts.timers.soon(() => {
      this.#boardsAreDue = false
      if (this.#hasEnded) return
      for (const [shard, feed] of this.#feeds) {
        if (this.#parts.link.waitingBytes > relayBoardWaitingBytesMax) return
        const reader = this.#parts.local.boardOf(shard)
        if (reader === undefined) continue
        const part = feed.isWhole ? feed.news(reader) : feed.piece(reader)
        this.#sendBoard(shard, part)
        if (!feed.isWhole) this.goOn()
      }
    })
  }

  /** The connection has ended. What it asked for is done all the same, and nobody hears of it. */
  end(): void {
    this.#hasEnded = true
    for (const { port } of this.#channels.values()) port.close()
    this.#channels.clear()
    this.#feeds.clear()
  }

  #open(channel: number, { shard, life }: ShardLife): void {
    const { local, link } = this.#parts
    if (this.#channels.has(channel)) return link.end('it opened a channel twice')
    const port = local.connect({ shard, life })
    if (port === undefined) return this.#sayNothingHappened(channel)
    const opened: Channel = { shard, life, port, isTaken: false }
    this.#channels.set(channel, opened)
    port.receive(({ cells, lastWord }) => {
      opened.isTaken = true
      // Its first word is where its board is: others cannot read that.
      if (cells.length === 0 && lastWord === undefined) return
      this.#tellNews(shard)
      this.#send({ type: 'replies', channel, cells, lastWord })
    })
    if (this.#feeds.has(shard)) return
    this.#feeds.set(shard, new BoardFeed())
    local.watch({ shard, life })
    this.goOn()
  }

  #answer(number: number, reply: NodeReply): void {
    const { link } = this.#parts
    if (link.waitingBytes > relayUnreadBytesMax) return link.end('it does not read what it asked for')
    if (!link.send({ type: 'historyAnswer', number, reply }))
      link.send({ type: 'historyAnswer', number, reply: tooLong })
  }

  #sayNothingHappened(channel: number): void {
    this.#send({ type: 'replies', channel, cells: [], lastWord: 0 })
  }

  /** What must be known of a board before what its worker has just said (R2). */
  #tellNews(shard: number): void {
    const feed = this.#feeds.get(shard)
    const reader = feed === undefined ? undefined : this.#parts.local.boardOf(shard)
    if (feed !== undefined && reader !== undefined) this.#sendBoard(shard, feed.news(reader))
  }

  #sendBoard(shard: number, part: BoardPart | undefined): void {
    const life = this.#parts.local.lifeOf(shard)
    if (part !== undefined && life !== undefined) this.#send({ type: 'board', shard, life, ...part })
  }

  #send(message: FromOwner): void {
    const { link } = this.#parts
    if (link.waitingBytes > relayUnreadBytesMax) return link.end('it does not read what it asked for')
    if (!link.send(message)) link.end('an answer is longer than a message may be')
  }
}
