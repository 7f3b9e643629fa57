/**
 * Where a writer's frames go: the segments of a directory (segment-log.ts), or a stream in Redis (redis/redis-log.ts).
 *
 * The writer decides what a frame holds and when the next one may be written; a log keeps what it is given, in this order.
 */
import type { Link } from './frame.ts'

/** Who may write what: everything, only what settles reservations that exist, or nothing more. */
export type Room = 'all' | 'settlements' | 'none'

export type WrittenFrame = {
  /** Good until the call returns. */
  readonly bytes: Buffer
  readonly ordinal: number
  readonly link: Link
}

export type FrameLog = {
  /** Bytes of a segment: a part of the log that begins with an opening. */
  readonly segmentBytes: number
  /** Of the open segment, from 1. */
  readonly segmentIndex: number
  /** What may be decided if it writes no more than so many bytes behind those that were gathered. */
  roomFor(bytes: number, gatheredBytes: number): Room
  /** Whether so many bytes can still stand in the open segment. */
  fits(bytes: number): boolean
  /** Throws where it cannot be written; nothing may be written any more then. */
  write(frame: WrittenFrame): void
  /** When it resolves, all that was written survives whatever the log is made to survive. A rejection is final (J2). */
  sync(): Promise<void>
  /** Frames up to this ordinal are durable. When it resolves, that too will be known by whoever recovers. */
  mark(ordinal: number): Promise<void>
  /** The stream has opened, durably. */
  begin(): void
  /** Turns to the next segment; all that was written to the one before is durable. */
  roll(): void
  /** Throws where the log is not what it was any more. */
  check(): void
  /** Makes nothing ahead any more. */
  stop(): void
  /** Behind the last frame, which is durable and marked. */
  finish(): Promise<void>
  close(): Promise<void>
  /** The stream did not open: nothing is left of it, or what is left can be told apart. */
  abandon(): Promise<void>
}
