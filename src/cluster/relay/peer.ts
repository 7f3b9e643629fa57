/**
 * Another node that this one asks: dialled until it answers, and again when it is lost. Engines of this node have ports here,
 * one for each shard that the other serves, and find them to be like those of a worker of their own (protocol.ts).
 *
 * R3  Where a call cannot be sent, its engine hears that nothing has happened. Where the connection is lost, it hears which
 *     was the last to be sent: what of those was not answered may have happened.
 */
import type { CallsMessage, Cell, RepliesMessage } from '../../actors/protocol.ts'
import { readCalls, writeReply } from '../../actors/protocol.ts'
import type { ServedShard, ShardLife } from '../../actors/remote-shards.ts'
import { undecided } from '../../actors/undecided.ts'
import type { ShardId } from '../../domain/ids.ts'
import { relayQuestionsMax, relayWaitingBytesMax } from '../../limits/relay.ts'
import type { Clock, Port, PromptPort } from '../../seams.ts'
import { type OnReply, overloaded, tooLong, unreachable } from './history-way.ts'
import type { NodeLink } from './node-link.ts'
import type { FromCaller, FromOwner } from './node-words.ts'
import { RemoteBoard } from './remote-board.ts'

type EnginePort = PromptPort<CallsMessage, RepliesMessage>
type Channel = ShardLife & {
  readonly number: number
  readonly port: EnginePort
  /** No later call was sent, or looked at. */
  lastCallId: number
  /** It has had its last word: nothing is sent any more. */
  isOver: boolean
}
type Shard = { served: ServedShard; readonly board: RemoteBoard; readonly channels: Set<Channel> }

export type FromPeer =
  | ({ readonly type: 'served' } & ServedShard)
  | ({ readonly type: 'ended' } & ShardLife)
  | { readonly type: 'quarantined'; readonly fingerprint: string }

export type PeerParts = {
  readonly link: Pick<NodeLink<FromOwner, FromCaller>, 'send' | 'end' | 'waitingBytes'>
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly main: Pick<Port<never, FromPeer>, 'send'>
}

/** One connection to it. */
export class Peer {
  readonly #parts: PeerParts
  readonly #shards = new Map<number, Shard>()
  readonly #channels = new Map<number, Channel>()
  /** For its history, by number. */
  readonly #questions = new Map<number, OnReply>()
  #lastChannel = 0
  #lastQuestion = 0
  /** Messages of calls that were sent, and calls that were refused instead. */
  sent = 0
  refused = 0

  constructor(parts: PeerParts) {
    this.#parts = parts
  }

  get waitingBytes(): number {
    return this.#parts.link.waitingBytes
  }

  hear(message: FromOwner): void {
    switch (message.type) {
      case 'served':
        return this.#noteServed(message)
      case 'ended':
        return this.#noteEnded(message)
      case 'replies':
        return this.#hearReplies(message.channel, message)
      case 'board':
        return this.#hearBoard(message)
      case 'quarantined':
        return this.#parts.main.send(message)
      case 'historyAnswer':
        return this.#settle(message.number)?.(message.reply)
      case 'hello':
        return this.#parts.link.end('it said twice who it is')
    }
  }

  /** An engine's way to this life of a shard. */
  connect({ shard, life }: ShardLife, port: EnginePort): void {
    const known = this.#shards.get(shard)
    if (known?.served.life !== life) return sayNothingHappened(port)
    const channel: Channel = { number: ++this.#lastChannel, shard, life, port, lastCallId: 0, isOver: false }
    known.channels.add(channel)
    this.#channels.set(channel.number, channel)
    this.#parts.link.send({ type: 'open', channel: channel.number, shard, life })
    // Where it is not whole, its predecessor's is not to be looked at any more.
    port.send({ cells: [], board: known.board.memory })
    port.receive((calls) => this.#send(channel, calls))
    port.onClose(() => {
      known.channels.delete(channel)
      if (!this.#channels.delete(channel.number)) return
      this.#parts.link.send({ type: 'close', channel: channel.number })
    })
  }

  /** For its history. */
  ask(question: unknown, onReply: OnReply): void {
    const { link } = this.#parts
    if (link.waitingBytes > relayWaitingBytesMax || this.#questions.size >= relayQuestionsMax)
      return onReply(overloaded)
    const number = ++this.#lastQuestion
    if (!link.send({ type: 'askHistory', number, question })) return onReply(tooLong)
    this.#questions.set(number, onReply)
  }

  /** The connection is lost. */
  end(): void {
    for (const number of [...this.#questions.keys()]) this.#settle(number)?.(unreachable)
    for (const channel of this.#channels.values()) sayLast(channel)
    this.#channels.clear()
    this.#shards.clear()
  }

  #settle(number: number): OnReply | undefined {
    const waiting = this.#questions.get(number)
    this.#questions.delete(number)
    return waiting
  }

  #send(channel: Channel, { sentAtMs, cells, lastCallId }: CallsMessage): void {
    const { link, clock } = this.#parts
    if (channel.isOver) return this.#refuse(channel, cells, 'unavailable')
    if (link.waitingBytes > relayWaitingBytesMax) return this.#refuse(channel, cells, 'overloaded')
    const ageMs = clock.monotonicMs() - sentAtMs
    if (!link.send({ type: 'calls', channel: channel.number, ageMs, cells, lastCallId })) {
      return this.#refuse(channel, cells, 'overloaded')
    }
    channel.lastCallId = lastCallId
    this.sent += 1
  }

  #refuse({ port }: Channel, calls: readonly Cell[], why: 'overloaded' | 'unavailable'): void {
    const refusal =
      why === 'overloaded'
        ? undecided('overloaded', 'the node that serves this shard does not take what waits for it')
        : undecided('shard-unavailable', 'the shard is changing hands')
    const cells: Cell[] = []
    readCalls(calls, (callId) => {
      this.refused += 1
      writeReply(cells, callId, refusal)
    })
    port.send({ cells })
  }

  #noteServed({ shard, life, state }: ServedShard): void {
    const known = this.#shards.get(shard)
    const served = { shard, life, state }
    if (known?.served.life === life) known.served = served
    else {
      if (known !== undefined) this.#noteEnded(known.served)
      this.#shards.set(shard, { served, board: new RemoteBoard(shard as ShardId), channels: new Set() })
    }
    this.#parts.main.send({ type: 'served', ...served })
  }

  #noteEnded({ shard, life }: ShardLife): void {
    const known = this.#shards.get(shard)
    if (known?.served.life !== life) return
    this.#shards.delete(shard)
    for (const channel of known.channels) {
      this.#channels.delete(channel.number)
      sayLast(channel)
    }
    this.#parts.main.send({ type: 'ended', shard, life })
  }

  #hearReplies(
    number: number,
    { cells, lastWord }: { readonly cells: readonly Cell[]; readonly lastWord: number | undefined },
  ): void {
    const channel = this.#channels.get(number)
    // Of an engine that is gone.
    if (channel === undefined) return
    channel.port.send(lastWord === undefined ? { cells } : { cells, lastWord })
    if (lastWord === undefined) return
    channel.lastCallId = Math.min(channel.lastCallId, lastWord)
    channel.isOver = true
  }

  #hearBoard({ shard, life, entries, isWhole }: FromOwner & { readonly type: 'board' }): void {
    const known = this.#shards.get(shard)
    if (known?.served.life !== life || !known.board.show(entries, isWhole)) return
    const board = known.board.memory
    for (const { port } of known.channels) port.send({ cells: [], board })
  }
}

/** The last that an engine hears of a way that is over. */
function sayLast(channel: Channel): void {
  channel.isOver = true
  channel.port.send({ cells: [], lastWord: channel.lastCallId })
  channel.port.close()
}

/** To an engine whose way leads nowhere any more. */
export function sayNothingHappened(port: EnginePort): void {
  port.send({ cells: [], lastWord: 0 })
  port.close()
}
