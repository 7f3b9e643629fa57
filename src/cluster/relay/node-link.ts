/**
 * One proven connection to another node: whole messages in and out, those of one tick in one write, and its end noticed where
 * the other side falls silent. Knows nothing of what is said but the heartbeat.
 *
 * Whoever dialled asks every `relayPingMs`, and the other answers: a way that is cut in one direction is silent for both.
 */
import type { Duplex } from 'node:stream'
import { relayFrameBytesMax, relayHelloBytesMax, relayPingMs, relaySilentMs } from '../../limits/relay.ts'
import type { Clock, Timer, Timers } from '../../seams.ts'
import { BadFrame, type Beat, FrameReader, type FromCaller, type FromOwner, frameOf } from './node-words.ts'

export type NodeLinkOptions<In> = {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly timers: Timers
  /** Whether this side dialled. */
  readonly asks: boolean
  /** May throw `BadFrame`. */
  readonly onMessage: (message: In) => void
  /** Calls once: nothing comes any more, and nothing is sent. */
  readonly onEnd: (why: string) => void
  /** What waited has been taken by the other side. */
  readonly onDrain?: () => void
}

type Word = { readonly type: string }

export class NodeLink<In extends Word, Out extends FromCaller | FromOwner> {
  readonly #socket: Duplex
  readonly #options: NodeLinkOptions<In>
  readonly #reader = new FrameReader()
  /** Of this tick. */
  #frames: Buffer[] = []
  #gathered = 0
  #isProven = false
  #hasEnded = false
  #heardAtMs: number
  #lastPing = 0
  #pulse: Timer | undefined

  constructor(socket: Duplex, options: NodeLinkOptions<In>) {
    this.#socket = socket
    this.#options = options
    this.#heardAtMs = options.clock.monotonicMs()
    socket.on('data', (piece: Buffer) => this.#receive(piece))
    socket.on('drain', () => options.onDrain?.())
    socket.on('error', (error) => this.end(error.message))
    socket.on('close', () => this.end('the other side has closed the connection'))
    this.#beat(options.clock.monotonicMs())
  }

  /** Bytes that the other side has not taken. */
  get waitingBytes(): number {
    return this.#socket.writableLength + this.#gathered
  }

  /** The other side has said who it is: from now on its messages may be long. */
  prove(): void {
    this.#isProven = true
  }

  /** False where the message is longer than the other side would take: it was not sent. */
  send(message: Out | Beat): boolean {
    if (this.#hasEnded) return true
    const frame = frameOf(message)
    if (frame.length > relayFrameBytesMax) return false
    if (this.#frames.push(frame) === 1) this.#options.timers.soon(() => this.#flush())
    this.#gathered += frame.length
    return true
  }

  /** Ends it here and now; what waited is not sent. */
  end(why: string): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#pulse?.cancel()
    this.#socket.destroy()
    this.#options.onEnd(why)
  }

  #flush(): void {
    const frames = this.#frames
    this.#frames = []
    this.#gathered = 0
    if (this.#hasEnded) return
    this.#socket.write(frames.length === 1 ? frames[0] : Buffer.concat(frames))
  }

  #receive(piece: Buffer): void {
    if (this.#hasEnded) return
    try {
      const bytesMax = () => (this.#isProven ? relayFrameBytesMax : relayHelloBytesMax)
      this.#reader.read(piece, bytesMax, (message) => {
        // What it is, the version both have agreed on says.
        if (!this.#hasEnded) this.#hear(message as In | Beat)
      })
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error
      this.end(error.message)
    }
  }

  #hear(message: In | Beat): void {
    const { asks, clock, onMessage } = this.#options
    // Whoever asks wants an answer: that something comes says nothing of what goes.
    if (!asks || message.type === 'pong') this.#heardAtMs = clock.monotonicMs()
    if (!isBeat(message)) return onMessage(message)
    if (!asks) this.send({ type: 'pong', number: message.number })
  }

  /** A beat that comes late says that this thread stood still, not the other. */
  #beat(dueMs: number): void {
    const { timers, clock, asks } = this.#options
    this.#pulse = timers.after(relayPingMs, () => {
      const nowMs = clock.monotonicMs()
      if (nowMs - dueMs > 3 * relayPingMs) this.#heardAtMs = nowMs
      if (nowMs - this.#heardAtMs > relaySilentMs)
        return this.end(`nothing was heard for ${relaySilentMs} ms`)
      if (asks) this.send({ type: 'ping', number: ++this.#lastPing })
      this.#beat(nowMs)
    })
  }
}

function isBeat(message: Word): message is Beat {
  return message.type === 'ping' || message.type === 'pong'
}
