/**
 * What nodes say to each other. Whoever dials asks (`FromCaller`), whoever is dialled answers (`FromOwner`): two nodes that
 * each serve shards have two connections.
 *
 * A channel is one engine's way to one life of one shard, numbered by the caller for this connection. Nothing of it outlives
 * the connection, so nothing late can be taken for something new (FAULTS.md, 76).
 */
import { deserialize, serialize } from 'node:v8'
import type { Cell } from '../../actors/protocol.ts'
import type { ServedShard, ShardLife } from '../../actors/remote-shards.ts'
import type { Sale } from '../../domain/stock.ts'
import type { NodeReply } from '../../node-questions.ts'

/** Raised with every change of what is said here, or of how values are written. */
export const wordsVersion = 2

/** Said first by both sides: who they are, and whom they believe to talk to. */
export type Hello = {
  readonly type: 'hello'
  readonly version: number
  /** Of V8's way to write values; another one may not be readable. */
  readonly format: number
  readonly from: string
  readonly to: string
}

export type FromCaller =
  | Hello
  | ({ readonly type: 'open'; readonly channel: number } & ShardLife)
  | {
      readonly type: 'calls'
      readonly channel: number
      /** Milliseconds since it was sent: clocks of machines differ. */
      readonly ageMs: number
      readonly cells: readonly Cell[]
      readonly lastCallId: number
    }
  | { readonly type: 'close'; readonly channel: number }
  /** For the history; numbered by the caller for this connection. */
  | { readonly type: 'askHistory'; readonly number: number; readonly question: unknown }

export type FromOwner =
  | Hello
  | ({ readonly type: 'served' } & ServedShard)
  | ({ readonly type: 'ended' } & ShardLife)
  | { readonly type: 'quarantined'; readonly fingerprint: string }
  | {
      readonly type: 'replies'
      readonly channel: number
      readonly cells: readonly Cell[]
      readonly lastWord: number | undefined
    }
  /** Always ahead of the replies that rest on it (stock-board.ts, B1). */
  | ({
      readonly type: 'board'
      readonly entries: readonly BoardEntryCell[]
      /** Every product of the shard has been sent. */
      readonly isWhole: boolean
    } & ShardLife)
  | { readonly type: 'historyAnswer'; readonly number: number; readonly reply: NodeReply }

/** Asked by whoever dialled, and answered with the same number. */
export type Beat = { readonly type: 'ping' | 'pong'; readonly number: number }

/** Of each product its number, version, available, onHand, held, sold, retired and sale. */
export type BoardEntryCell = number | boolean | Sale | undefined
export const boardEntryCells = 8

const HEADER_BYTES = 4
const FORMAT_BYTE = 1

/** How this program's V8 writes values. */
export const valueFormat = serialize(0)[FORMAT_BYTE] as number

/** A message with its length before it. */
export function frameOf(message: FromCaller | FromOwner | Beat): Buffer {
  const body = serialize(message)
  const frame = Buffer.allocUnsafe(HEADER_BYTES + body.length)
  frame.writeUInt32LE(body.length, 0)
  frame.set(body, HEADER_BYTES)
  return frame
}

/** What came is no message of a node. */
export class BadFrame extends Error {
  override readonly name = 'BadFrame'
}

/** Puts messages together again from what arrives in pieces. */
export class FrameReader {
  #pieces: Buffer[] = []
  #bytes = 0

  /** Hands over every whole message, in order. Throws `BadFrame` where one is longer than `bytesMax()`, or cannot be read. */
  read(piece: Buffer, bytesMax: () => number, each: (message: unknown) => void): void {
    this.#pieces.push(piece)
    this.#bytes += piece.length
    let whole: Buffer | undefined
    let at = 0
    while (this.#bytes - at >= HEADER_BYTES) {
      if (whole === undefined && (this.#pieces[0] as Buffer).length < HEADER_BYTES) whole = this.#joined()
      const length = (whole ?? (this.#pieces[0] as Buffer)).readUInt32LE(at)
      if (length > bytesMax()) throw new BadFrame(`a message of ${length} bytes`)
      if (this.#bytes - at < HEADER_BYTES + length) break
      whole ??= this.#joined()
      const from = at + HEADER_BYTES
      at = from + length
      each(valueIn(whole.subarray(from, at)))
    }
    if (at === 0) return
    const rest = (whole as Buffer).subarray(at)
    this.#pieces = rest.length === 0 ? [] : [rest]
    this.#bytes = rest.length
  }

  #joined(): Buffer {
    const whole = this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces)
    this.#pieces = [whole]
    return whole
  }
}

function valueIn(bytes: Buffer): unknown {
  let value: unknown
  try {
    value = deserialize(bytes)
  } catch (error) {
    throw new BadFrame('a message that cannot be read', { cause: error })
  }
  if (typeof value !== 'object' || value === null || !('type' in value))
    throw new BadFrame('no message at all')
  return value
}
