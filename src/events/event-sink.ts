/**
 * A broker, as the relay needs it.
 *
 * BR1 What `tell` has resolved for is kept as the broker keeps things, in the order in which it was told for each key.
 * BR2 The position that `open` answers is never ahead of what the broker has: whoever goes on from it tells some twice
 *     perhaps, and leaves out nothing.
 * BR3 A broker that has lost what it had been told, or was told by somebody else meanwhile, says so at the next `tell`.
 */
import type { OutgoingEvent } from './cloud-event.ts'
import type { RelayPosition } from './relay-position.ts'

export type EventSink = {
  /** Connects, and answers from where on to tell; undefined where nobody has told anything yet. */
  open(): Promise<RelayPosition | undefined>
  /**
   * Hands these over; with a position, all up to there has been told once they are. None at all asks whether what was told
   * is still there. Rejects with `BrokerUnavailable` or `PositionMoved`; then whoever tells opens anew.
   */
  tell(events: readonly OutgoingEvent[], position: RelayPosition | undefined): Promise<void>
  close(): Promise<void>
}

/** What was under way may have come to it or not. */
export class BrokerUnavailable extends Error {
  override readonly name = 'BrokerUnavailable'
}

/** The broker is at another position than whoever told it last left it at. */
export class PositionMoved extends Error {
  override readonly name = 'PositionMoved'
}
