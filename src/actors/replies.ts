/**
 * Replies on their way out of a worker.
 *
 * S2  No reply leaves before everything it rests on is durable. What was decided in one turn is gathered under the newest
 *     frame it rests on, and leaves with it.
 */
import { crashesHere, die } from '../crash-points.ts'
import type { Port, Timers } from '../seams.ts'
import { type CallsMessage, type Cell, firstHalfOf, type RepliesMessage } from './protocol.ts'
import type { ShardBoardMemory } from './stock-board.ts'

/** A listener: its newest call, and the replies decided for it in this turn. */
export type Connection = {
  readonly port: Port<CallsMessage, RepliesMessage>
  lastCallId: number
  cells: Cell[]
}

type Gathered = {
  readonly ordinal: number
  readonly messages: readonly { readonly connection: Connection; readonly cells: readonly Cell[] }[]
}

export class Replies {
  readonly #timers: Timers
  readonly #connections = new Set<Connection>()
  /** Oldest first: at most those of the frame that syncs and of the one being gathered. */
  #gathered: Gathered[] = []
  #isDropped = false

  constructor(timers: Timers) {
    this.#timers = timers
  }

  connect(port: Connection['port']): Connection {
    const connection: Connection = { port, lastCallId: 0, cells: [] }
    this.#connections.add(connection)
    port.onClose(() => this.#forget(connection))
    return connection
  }

  /** Holds what this turn decided until the frame of this ordinal is durable. */
  gather(ordinal: number): void {
    const messages = [...this.#connections]
      .filter(({ cells }) => cells.length > 0)
      .map((connection) => ({ connection, cells: takeCells(connection) }))
    if (messages.length > 0) this.#gathered.push({ ordinal, messages })
  }

  /** Sends all that rests on nothing behind this ordinal. */
  release(durableOrdinal: number): void {
    let count = 0
    for (const { ordinal, messages } of this.#gathered) {
      if (ordinal > durableOrdinal) break
      count += 1
      for (const { connection, cells } of messages) this.#send(connection, cells)
    }
    if (count > 0) this.#gathered = this.#gathered.slice(count)
  }

  /** Sends what was said without looking at any state. */
  sendNow(connection: Connection): void {
    if (connection.cells.length > 0) this.#send(connection, takeCells(connection))
  }

  /** Tells every listener where the worker's board is; all that stands on it is durable. */
  announce(board: readonly ShardBoardMemory[]): void {
    if (this.#isDropped) return
    for (const { port } of this.#connections) port.send({ cells: [], board })
  }

  /** Tells every listener which of its calls were the last to be looked at; nothing is said after that. */
  end(): void {
    if (this.#isDropped) return
    for (const { port, lastCallId } of this.#connections) port.send({ cells: [], lastWord: lastCallId })
    this.#isDropped = true
  }

  /** Nothing leaves any more (S3). */
  drop(): void {
    this.#isDropped = true
  }

  /** The listener is gone, and nobody is left to hear its replies; what it asked for is done all the same. */
  #forget(connection: Connection): void {
    this.#connections.delete(connection)
    this.#gathered = this.#gathered.map(({ ordinal, messages }) => {
      return { ordinal, messages: messages.filter((message) => message.connection !== connection) }
    })
  }

  #send(connection: Connection, cells: readonly Cell[]): void {
    if (this.#isDropped) return
    if (crashesHere('reply.half')) {
      connection.port.send({ cells: firstHalfOf(cells) })
      this.drop()
      // Time for the other thread to pass the half on.
      this.#timers.after(50, die)
      return
    }
    connection.port.send({ cells })
  }
}

function takeCells(connection: Connection): Cell[] {
  const { cells } = connection
  connection.cells = []
  return cells
}
