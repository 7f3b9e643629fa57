/** What a journal has after a repair less than it had before, as far as anybody can know. */
import type { Event } from '../../domain/events.ts'
import type { ProductId, ReservationId, ShardId } from '../../domain/ids.ts'
import type { SequenceRange } from '../../persistence/journal/archived.ts'
import { BytesDamaged } from '../../persistence/journal/bytes.ts'
import { eventsOf, type Section, streamName } from '../../persistence/journal/frame.ts'
import { carriedIndex, listSegments, readWhole } from '../../persistence/journal/segments.ts'
import { listSnapshots } from '../../persistence/journal/snapshot.ts'
import { type JournalFiles, namesIn } from '../journal-files.ts'
import { type Loss, rangesText, untoldText } from '../repairs-record.ts'
import { countOf, countText, quoted } from '../terminal.ts'
import type { Audit } from '../verify/audit.ts'
import { Findings } from '../verify/findings.ts'
import { fenceAfter, takeInventory } from '../verify/inventory.ts'
import type { Draft } from './draft.ts'
import { archiveOf, framesAnywhere, streamHeads } from './trace.ts'
import { untoldIn } from './untold.ts'

const listedMax = 100
const shownMax = 8

/** `audit` is of the journal after it. */
export function lossBetween(before: Draft, after: Draft, audit: Audit): Loss {
  const ends = new Map(audit.shards.map(({ shard, sequence }) => [shard, sequence]))
  const known = new Map<ShardId, number>()
  const lost = new Map<string, Event>()
  const note = (shard: ShardId, sequence: number) =>
    void known.set(shard, Math.max(known.get(shard) ?? 0, sequence))
  for (const section of sectionsIn(before.files)) {
    const { shard, firstSequence, count } = section
    note(shard, firstSequence + count - 1)
    const end = ends.get(shard) ?? 0
    if (firstSequence + count - 1 <= end) continue
    eventsIn(section).forEach((event, i) => {
      if (firstSequence + i > end) lost.set(`${shard}.${firstSequence + i}`, event)
    })
  }
  for (const { opening } of streamHeads(before.files))
    for (const { shard, firstSequence } of opening?.sections ?? []) note(shard, firstSequence - 1)
  const { disk, snapshots } = before.files
  if (namesIn(disk, snapshots).length > 0)
    for (const { shard, sequence } of listSnapshots(disk, snapshots)) note(shard, sequence)

  const events = [...known].flatMap(([shard, to]): SequenceRange[] => {
    const from = (ends.get(shard) ?? 0) + 1
    return to < from ? [] : [{ shard, from, to }]
  })
  const products: Record<ProductId, number> = {}
  const reservations = new Set<ReservationId>()
  for (const event of lost.values()) {
    if ('productId' in event) products[event.productId] = (products[event.productId] ?? 0) + 1
    if ('reservationId' in event) reservations.add(event.reservationId)
  }
  return {
    events: events.sort((a, b) => a.shard - b.shard),
    untold: untoldIn(before.files, after.files),
    history: historyLost(before, after),
    products,
    reservations: [...reservations].slice(0, listedMax),
    isMore: reservations.size > listedMax || lost.size < sizeOf(events),
  }
}

/** How much a loss is; of two, the smaller is the better choice. */
export function weightOf({ events, history }: Loss): readonly [events: number, history: number] {
  return [sizeOf(events), sizeOf(history)]
}

/** A loss in lines for people. */
export function lossText(loss: Loss): string[] {
  if (loss.events.length + loss.history.length + loss.untold.length === 0) return ['lost: nothing']
  const lines: string[] = []
  if (loss.events.length === 0)
    lines.push(`lost: no event${loss.untold.length === 0 ? '' : ' that is known'}`)
  else {
    lines.push(`lost: ${rangesText(loss.events)} (${countOf(sizeOf(loss.events), 'event')})`)
    const products = Object.entries(loss.products).sort(([, a], [, b]) => b - a)
    const names = products.map(([product, count]) => `${quoted(product)} ${countText(count)}`)
    if (names.length > 0) lines.push(`      by product, as far as they can be read: ${shown(names)}`)
    if (loss.reservations.length > 0) lines.push(`      reservations: ${shown(loss.reservations)}`)
  }
  if (loss.untold.length > 0)
    lines.push(`      whatever was in ${untoldText(loss)}: they were durable, and nothing of them is left`)
  if (loss.history.length > 0) lines.push(`      only snapshots know then of ${rangesText(loss.history)}`)
  return lines
}

function shown(names: readonly string[]): string {
  const more = names.length - shownMax
  return `${names.slice(0, shownMax).join(', ')}${more > 0 ? ` and ${countText(more)} more` : ''}`
}

function sizeOf(ranges: readonly SequenceRange[]): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0)
}

/** All sections that count and can be read, wherever they stand in their streams. */
function* sectionsIn(files: JournalFiles): Generator<Section> {
  const { disk, journal } = files
  const inventory = takeInventory(files, new Findings())
  for (const { path, index, stream } of listSegments(disk, journal)) {
    if (index === carriedIndex) continue
    for (const { frame } of framesAnywhere(readWhole(disk, path))) {
      if (frame.kind !== 'batch' || streamName(frame.stream) !== streamName(stream)) continue
      for (const section of frame.sections) {
        const fence = fenceAfter(inventory, section.shard, stream.epoch)
        if (fence === undefined || section.firstSequence < fence.nextSequence) yield section
      }
    }
  }
}

function eventsIn(section: Section): readonly Event[] {
  try {
    return [...eventsOf(section)]
  } catch (error) {
    if (error instanceof BytesDamaged) return []
    throw error
  }
}

/** What the record of archived files says was given up, and did not say before. */
function historyLost(before: Draft, after: Draft): readonly SequenceRange[] {
  const old = archiveOf(before.files)
  const now = archiveOf(after.files)
  const files = [...now.files.values()].filter(
    ({ file, to }) => to === null && old.files.get(file)?.to !== null,
  )
  const ranges = [
    ...now.givenUp.slice(old.givenUp.length).flatMap(({ lost }) => lost),
    ...files.flatMap(({ segment }) => segment?.events ?? []),
  ]
  return ranges.sort((a, b) => a.shard - b.shard || a.from - b.from)
}
