/** A broker in memory, which loses, refuses and forgets as a test says. */
import type { CloudEvent, OutgoingEvent } from '../../src/events/cloud-event.ts'
import { BrokerUnavailable, type EventSink, PositionMoved } from '../../src/events/event-sink.ts'
import { positionText, type RelayPosition, readRelayPosition } from '../../src/events/relay-position.ts'

type Kept = { readonly events: readonly CloudEvent[]; readonly position: string | undefined }

/** What is kept, whoever is connected. */
export class MemoryBroker {
  kept: Kept = { events: [], position: undefined }
  isAway = false
  /** The next hand-over comes to it, and its answer to nobody. */
  losesAnswer = false
  tells = 0
  /** After so many it is away. */
  tellsLeft = Number.POSITIVE_INFINITY

  sink(): EventSink {
    let last: Kept | undefined
    return {
      open: async () => {
        if (this.isAway) throw new BrokerUnavailable('it is away')
        last = this.kept
        return last.position === undefined ? undefined : readRelayPosition(last.position)
      },
      tell: async (events: readonly OutgoingEvent[], position: RelayPosition | undefined) => {
        if (this.isAway) throw new BrokerUnavailable('it is away')
        if (this.kept !== last) throw new PositionMoved('somebody else told it')
        this.tells += 1
        this.tellsLeft -= 1
        this.isAway ||= this.tellsLeft <= 0
        if (events.length > 0 || position !== undefined)
          this.kept = {
            events: [...last.events, ...events.map(({ json }) => JSON.parse(json) as CloudEvent)],
            position: position === undefined ? last.position : positionText(position),
          }
        if (this.losesAnswer) {
          this.losesAnswer = false
          throw new BrokerUnavailable('the answer was lost')
        }
        last = this.kept
      },
      close: async () => {
        last = undefined
      },
    }
  }
}
