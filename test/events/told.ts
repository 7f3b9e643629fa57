/** What a broker was told, held against what the journal says. */
import * as assert from 'uvu/assert'
import type { CloudEvent } from '../../src/events/cloud-event.ts'
import { isPublished, journalEventTypes } from '../../src/events/event-kinds.ts'
import type { JournalView } from '../support/journal-reader.ts'

export type Told = {
  readonly events: readonly CloudEvent[]
  /** Those that came again, under an id that had come. */
  readonly repeated: number
}

/** Each once, in the order in which it came first. */
export function distinct(all: readonly CloudEvent[]): Told {
  const seen = new Map<string, CloudEvent>()
  for (const event of all) {
    const key = `${event.source} ${event.id}`
    const before = seen.get(key)
    if (before === undefined) seen.set(key, event)
    else assert.equal(event, before, `${key} says the same whenever it comes`)
  }
  return { events: [...seen.values()], repeated: all.length - seen.size }
}

/** Throws unless those of the journal are all there, and nothing else, each in the order of its key. */
export function assertAllOf(journal: JournalView, events: readonly CloudEvent[], source: string): void {
  for (const [shard, recorded] of journal.events) {
    const due = recorded.flatMap(({ event, sequence }) =>
      isPublished(event) ? [`${sequence} ${journalEventTypes[event.type]}`] : [],
    )
    const told = events
      .filter((event) => event.source === `${source}/shards/${shard}`)
      .map(({ id, type }) => ({ sequence: Number(id.split('.')[1]), type }))
      .sort((a, b) => a.sequence - b.sequence)
    assert.equal(
      told.map(({ sequence, type }) => `${sequence} ${type}`),
      due,
      `shard ${shard}`,
    )
  }
  assertOrdered(events)
}

/** Throws unless what has one key came in the order of its source, and no version of a product is missing. */
export function assertOrdered(events: readonly CloudEvent[]): void {
  const last = new Map<string, string>()
  const versions = new Map<string, number>()
  for (const { source, partitionkey, sequence, data } of events) {
    const key = `${source} ${partitionkey}`
    assert.ok((last.get(key) ?? '') < sequence, `${key}: ${sequence} came behind ${last.get(key)}`)
    last.set(key, sequence)
    if (typeof data.productId !== 'string' || typeof data.version !== 'number') continue
    assert.is(data.version, (versions.get(data.productId) ?? 0) + 1, `${data.productId} has no gap`)
    versions.set(data.productId, data.version)
  }
}
