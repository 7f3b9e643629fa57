/**
 * The audit of a journal: files, frames, chain, sequences and stock, from the first byte to the last.
 *
 * Where something is damaged, the shards it concerns are lost from there on: their files are still checked, their
 * counters no more, so that one fault is not reported a thousand times.
 */
import type { Event } from '../../domain/events.ts'
import { homeOf, type ProductId, type ShardId } from '../../domain/ids.ts'
import { BytesDamaged } from '../../persistence/journal/bytes.ts'
import { eventsOf, type Link, linkIn, noLink, type Section } from '../../persistence/journal/frame.ts'
import { carriedIndex, segmentPath } from '../../persistence/journal/segments.ts'
import { realClock } from '../../seams.ts'
import { type JournalFiles, shownPath } from '../journal-files.ts'
import { disagreements } from './across.ts'
import { type Finding, Findings, type Position } from './findings.ts'
import { copyKey, fenceAfter, type Inventory, type OpenedStream, takeInventory } from './inventory.ts'
import { Ledger, type StockTotals } from './ledger.ts'
import { SnapshotQueue } from './snapshot-queue.ts'
import { StreamCheck } from './stream-check.ts'
import { type Located, walkStream } from './stream-walk.ts'
import { Trailmarks } from './trailmarks.ts'

export type Audit = {
  readonly verdict: 'good' | 'torn' | 'damaged'
  readonly isLive: boolean
  readonly findings: readonly Finding[]
  readonly counts: {
    readonly damaged: number
    readonly torn: number
    readonly streams: number
    readonly segments: number
    readonly bytes: number
    readonly frames: number
    readonly events: number
    /** Events that a newer stream's opening left behind: none of them was ever acknowledged. */
    readonly supersededEvents: number
    readonly carriedFrames: number
    /** Frames at the newest streams' ends that the next start writes anew. */
    readonly unprovenFrames: number
    readonly marks: number
    readonly snapshots: number
    readonly snapshotsCompared: number
  }
  readonly stock: Readonly<StockTotals>
  /** The newest event of each shard. */
  readonly shards: readonly Position[]
}

/** Of a running engine, how far the clocks of its workers may be apart, and what one turn may take. */
const liveMarginMs = 60_000

type ShardTrail = {
  readonly shard: ShardId
  readonly ledger: Ledger
  nextSequence: number
  link: Link
  lastTimeMs: number
  /** Its events cannot be followed any further. */
  isLost: boolean
}

/** Reads everything, changes nothing. `onInventory` is told the bytes there are, `onBytes` those that were read. */
export function auditJournal(
  files: JournalFiles,
  hooks: { readonly onInventory?: (bytes: number) => void; readonly onBytes?: (bytes: number) => void } = {},
): Audit {
  return new Auditor(files, hooks.onBytes ?? (() => {})).run(hooks.onInventory ?? (() => {}))
}

class Auditor {
  readonly #files: JournalFiles
  readonly #onBytes: (bytes: number) => void
  readonly #findings = new Findings()
  readonly #trails = new Map<ShardId, ShardTrail>()
  readonly #homes = new Map<ProductId, ShardId>()
  readonly #snapshots: SnapshotQueue
  readonly #inventory: Inventory
  readonly #startedLive: boolean
  readonly #startedAtMs = realClock.monotonicMs()
  readonly #marks: Trailmarks
  #frames = 0
  #events = 0
  #superseded = 0
  #unproven = 0

  constructor(files: JournalFiles, onBytes: (bytes: number) => void) {
    this.#files = files
    this.#onBytes = onBytes
    this.#startedLive = files.isLive()
    this.#marks = new Trailmarks(files)
    if (files.recordProblem !== undefined)
      this.#findings.add('damaged', { file: 'holdfast.json' }, files.recordProblem)
    // Before the journal: whatever a running engine writes later is behind what was listed here.
    this.#snapshots = new SnapshotQueue(files, this.#findings)
    this.#inventory = takeInventory(files, this.#findings)
  }

  run(onInventory: (bytes: number) => void): Audit {
    const { streams, bytes, marks, copies } = this.#inventory
    onInventory(bytes)
    for (const stream of streams) this.#auditStream(stream)
    this.#snapshots.finish((shard) => {
      const trail = this.#trails.get(shard)
      return { reached: (trail?.nextSequence ?? 1) - 1, isLost: trail?.isLost === true }
    })
    this.#auditAcross()
    const stock: StockTotals = { products: 0, reservations: 0, onHand: 0, held: 0, sold: 0, adjusted: 0 }
    for (const { ledger } of this.#trails.values()) ledger.addTo(stock)
    const damaged = this.#findings.count('damaged')
    const torn = this.#findings.count('torn')
    return {
      verdict: damaged > 0 ? 'damaged' : torn > 0 ? 'torn' : 'good',
      isLive: this.#startedLive || this.#files.isLive(),
      findings: this.#findings.kept,
      counts: {
        damaged,
        torn,
        streams: streams.length,
        segments: streams.reduce((sum, { segments }) => sum + segments.length, 0),
        bytes,
        frames: this.#frames,
        events: this.#events,
        supersededEvents: this.#superseded,
        carriedFrames: copies.size,
        unprovenFrames: this.#unproven,
        marks,
        snapshots: this.#snapshots.found,
        snapshotsCompared: this.#snapshots.compared,
      },
      stock,
      shards: [...this.#trails.values()]
        .sort((a, b) => a.shard - b.shard)
        .map(({ shard, nextSequence }) => ({ shard, sequence: nextSequence - 1 })),
    }
  }

  #auditStream(stream: OpenedStream): void {
    const isNewest = stream.opening.sections.some(
      ({ shard }) => fenceAfter(this.#inventory, shard, stream.id.epoch) === undefined,
    )
    const check = new StreamCheck(stream)
    const walk = walkStream(stream, {
      files: this.#files,
      copies: this.#inventory.copies,
      isNewest,
      report: (kind, { file, offset }, reason) => {
        this.#findings.add(
          kind,
          { file, offset, positions: kind === 'note' ? undefined : check.due() },
          reason,
        )
      },
      onBytes: this.#onBytes,
    })
    for (;;) {
      const step = walk.next()
      if (step.done === true) {
        if (!step.value) this.#lose(stream)
        if (isNewest) this.#unproven += check.unproven.length
        if (step.value) this.#auditCarrying(stream, check)
        return
      }
      this.#auditFrame(stream, check, step.value)
    }
  }

  #auditFrame(stream: OpenedStream, check: StreamCheck, at: Located): void {
    const { frame } = at
    this.#frames += 1
    const copy = this.#inventory.copies.get(copyKey(stream.id, frame.ordinal))
    const reasons = check.accept(frame, at.isFirst)
    if (copy !== undefined && (copy.link !== frame.link || copy.length !== frame.bytes.length)) {
      reasons.push(`frame ${frame.ordinal} differs from its copy in ${shownPath(this.#files, copy.path)}`)
    }
    if (this.#files.shards !== undefined && frame.shards !== this.#files.shards) {
      reasons.push(`a frame of data with ${frame.shards} shards, and the record says ${this.#files.shards}`)
    }
    for (const reason of reasons) this.#damaged(at, check.due(), reason)
    if (reasons.length > 0) return this.#lose(stream)
    for (const section of frame.sections) {
      const trail = this.#trailOf(section.shard)
      if (frame.kind === 'batch') this.#auditSection(stream, trail, { section, at })
      else if (frame.ordinal === 1 && !trail.isLost) this.#auditOpening(trail, section, at)
    }
  }

  /** What was not proven durable when a newer stream took over, its start wrote anew. */
  #auditCarrying(stream: OpenedStream, check: StreamCheck): void {
    for (const { ordinal, sections } of check.unproven) {
      const carriers = this.#inventory.copies.get(copyKey(stream.id, ordinal))?.carriers
      for (const { shard, firstSequence: sequence, count } of sections) {
        const fence = fenceAfter(this.#inventory, shard, stream.id.epoch)
        if (count === 0 || fence === undefined || sequence >= fence.nextSequence) continue
        if (carriers?.has(fence.stream.epoch)) continue
        const file = shownPath(this.#files, segmentPath(this.#files.journal, fence.stream, carriedIndex))
        const why = `frame ${ordinal} of stream ${stream.name} was carried over here, and its copy is missing`
        this.#findings.add('damaged', { file, positions: [{ shard, sequence }] }, why)
        break
      }
    }
  }

  /** A stream goes on where its predecessors, as far as they count, have come to. */
  #auditOpening(trail: ShardTrail, section: Section, at: Located): void {
    const { shard, nextSequence, link } = trail
    const positions = [{ shard, sequence: nextSequence }]
    if (section.firstSequence > nextSequence) {
      this.#damaged(
        at,
        positions,
        `shard ${shard} lacks sequence ${nextSequence} to ${section.firstSequence - 1}`,
      )
    } else if (section.firstSequence < nextSequence) {
      this.#damaged(
        at,
        positions,
        `shard ${shard} is opened at sequence ${section.firstSequence}, and has ${nextSequence - 1}`,
      )
    } else if (linkIn(section) !== link) {
      this.#damaged(at, positions, `shard ${shard} goes on from another history at sequence ${nextSequence}`)
    } else return
    trail.isLost = true
  }

  #auditSection(
    stream: OpenedStream,
    trail: ShardTrail,
    { section, at }: { readonly section: Section; readonly at: Located },
  ): void {
    const { shard, firstSequence, count, atMs } = section
    const fence = fenceAfter(this.#inventory, shard, stream.id.epoch)
    if (fence !== undefined && firstSequence >= fence.nextSequence) {
      this.#superseded += count
      return
    }
    if (trail.isLost) return
    const wrong = (sequence: number, reason: string) => {
      this.#damaged(at, [{ shard, sequence }], reason)
      trail.isLost = true
    }
    if (firstSequence !== trail.nextSequence) {
      return wrong(
        firstSequence,
        `shard ${shard} goes on at sequence ${firstSequence}, and ${trail.nextSequence} was due`,
      )
    }
    if (fence !== undefined && firstSequence + count > fence.nextSequence) {
      return wrong(
        fence.nextSequence,
        `a newer stream took shard ${shard} over in the middle of these events`,
      )
    }
    if (atMs < trail.lastTimeMs) return wrong(firstSequence, `time goes back in shard ${shard}`)
    trail.lastTimeMs = atMs
    trail.link = at.frame.link
    this.#marks.pass(shard, firstSequence, at)
    try {
      for (const event of eventsOf(section)) {
        const at = { sequence: trail.nextSequence, atMs }
        const reason = this.#elsewhere(event, shard) ?? trail.ledger.apply(event, at)
        if (reason !== undefined) return wrong(trail.nextSequence, reason)
        this.#events += 1
        trail.nextSequence += 1
        this.#snapshots.reach(trail)
      }
    } catch (error) {
      if (!(error instanceof BytesDamaged)) throw error
      wrong(trail.nextSequence, `an event cannot be read: ${error.message}`)
    }
  }

  /** Two shards that both sell a product would each sell it once; nobody finds a reservation whose id names another. */
  #elsewhere(event: Event, shard: ShardId): string | undefined {
    if ('version' in event) {
      const home = this.#homes.get(event.productId)
      if (home === undefined) this.#homes.set(event.productId, shard)
      else if (home !== shard) return `product ${event.productId} is in shard ${home} already`
    }
    if (!('reservationId' in event)) return undefined
    switch (event.type) {
      case 'HoldPlaced':
      case 'HoldSettled':
      case 'KeyClaimed':
        return undefined // What these are about may be at home elsewhere.
    }
    const home = homeOf(event.reservationId)
    return home === shard ? undefined : `${event.type} of ${event.reservationId}, whose home is shard ${home}`
  }

  /** Of a running engine, what is younger than this audit is left out: shards are read one after the other. */
  #auditAcross(): void {
    for (const { shard, ledger, isLost, nextSequence } of this.#trails.values()) {
      const reason = isLost ? undefined : ledger.heldForNobody()
      if (reason !== undefined) this.#disagreeing(shard, nextSequence - 1, reason)
    }
    const lastMs = Math.max(0, ...[...this.#trails.values()].map(({ lastTimeMs }) => lastTimeMs))
    const tookMs = realClock.monotonicMs() - this.#startedAtMs
    const isLive = this.#startedLive || this.#files.isLive()
    const beforeMs = isLive ? lastMs - tookMs - liveMarginMs : Number.POSITIVE_INFINITY
    const options = { shards: this.#files.shards, beforeMs }
    for (const { shard, sequence, reason } of disagreements(this.#trails, options))
      this.#disagreeing(shard, sequence, reason)
  }

  #disagreeing(shard: ShardId, sequence: number, reason: string): void {
    const place = this.#marks.placeOf(shard, sequence)
    this.#findings.add('damaged', { ...place, positions: [{ shard, sequence }] }, reason)
  }

  #trailOf(shard: ShardId): ShardTrail {
    let trail = this.#trails.get(shard)
    if (trail === undefined) {
      trail = { shard, ledger: new Ledger(), nextSequence: 1, link: noLink, lastTimeMs: 0, isLost: false }
      this.#trails.set(shard, trail)
      this.#snapshots.reach(trail)
    }
    return trail
  }

  #lose(stream: OpenedStream): void {
    for (const { shard } of stream.opening.sections) this.#trailOf(shard).isLost = true
  }

  #damaged(at: Located, positions: readonly Position[], reason: string): void {
    this.#findings.add(
      'damaged',
      { file: shownPath(this.#files, at.path), offset: at.offset, positions },
      reason,
    )
  }
}
