/**
 * The audit of a journal: files, frames, chain, sequences and stock, from the first byte to the last.
 *
 * Where something is damaged, the shards it concerns are lost from there on: their files are still checked, their
 * counters no more, so that one fault is not reported a thousand times.
 */
import { hash } from 'node:crypto'
import { join } from 'node:path'
import type { ShardId } from '../../domain/ids.ts'
import type { ArchivedFile } from '../../persistence/journal/archived.ts'
import { BytesDamaged } from '../../persistence/journal/bytes.ts'
import { eventsOf, linkIn, type Section } from '../../persistence/journal/frame.ts'
import { carriedIndex, type SegmentName, segmentPath } from '../../persistence/journal/segments.ts'
import { realClock } from '../../seams.ts'
import { type JournalFiles, shownPath } from '../journal-files.ts'
import { shardsGivenUp } from '../repairs-record.ts'
import { disagreements } from './across.ts'
import { copyKey } from './copies.ts'
import { type Damage, type Finding, Findings, type Position } from './findings.ts'
import { fenceAfter, type Inventory, type OpenedStream, takeInventory } from './inventory.ts'
import type { StockTotals } from './ledger.ts'
import { PlaceBook } from './place-book.ts'
import { beginTrail, checkReached, endOf, type ShardTrail } from './shard-trail.ts'
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
    /** Files that were archived and are not here. */
    readonly archivedFiles: number
    /** Events here that a snapshot was taken for instead, because older ones are archived. */
    readonly unjudgedEvents: number
  }
  readonly stock: Readonly<StockTotals>
  /** The newest event of each shard, and the first that was judged. */
  readonly shards: readonly (Position & { readonly from: number })[]
  /** Where the archived files went. */
  readonly archives: readonly string[]
}

/** Of a running engine, how far the clocks of its workers may be apart, and what one turn may take. */
const liveMarginMs = 60_000

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
  readonly #places = new PlaceBook()
  readonly #snapshots: SnapshotQueue
  readonly #inventory: Inventory
  readonly #startedLive: boolean
  readonly #startedAtMs = realClock.monotonicMs()
  readonly #marks: Trailmarks
  #frames = 0
  #events = 0
  #superseded = 0
  #unproven = 0
  #unjudged = 0

  constructor(files: JournalFiles, onBytes: (bytes: number) => void) {
    this.#files = files
    this.#onBytes = onBytes
    this.#startedLive = files.isLive()
    this.#marks = new Trailmarks(files)
    if (files.recordProblem !== undefined)
      this.#findings.add('damaged', { file: 'holdfast.json', what: 'record' }, files.recordProblem)
    // Before the journal: whatever a running engine writes later is behind what was listed here.
    this.#snapshots = new SnapshotQueue(files, this.#findings)
    this.#inventory = takeInventory(files, this.#findings)
  }

  run(onInventory: (bytes: number) => void): Audit {
    const { streams, bytes, marks, copies, gone } = this.#inventory
    onInventory(bytes)
    for (const shard of gone.keys()) this.#trailOf(shard)
    for (const stream of streams) this.#auditStream(stream)
    for (const trail of this.#trails.values()) checkReached(trail, this.#files, this.#findings)
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
        archivedFiles: this.#notHere().length,
        unjudgedEvents: this.#unjudged,
      },
      stock,
      shards: [...this.#trails.values()]
        .sort((a, b) => a.shard - b.shard)
        .map((trail) => ({ shard: trail.shard, from: trail.base + 1, sequence: endOf(trail) })),
      archives: [...new Set(this.#notHere().flatMap(({ to }) => to ?? []))],
    }
  }

  #notHere(): readonly ArchivedFile[] {
    const { disk, journal } = this.#files
    return [...this.#inventory.archive.files.values()].filter(({ file }) => !disk.exists(join(journal, file)))
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
      report: (kind, place, reason) => {
        this.#findings.add(kind, { ...place, positions: kind === 'note' ? undefined : check.due() }, reason)
      },
      onBytes: this.#onBytes,
      onSegment: (segment, bytes) => this.#auditArchived(segment, bytes),
    })
    for (;;) {
      const step = walk.next()
      if (step.done === true) {
        if (!step.value) this.#lose(stream)
        if (isNewest) this.#unproven += check.unproven.length
        // Whoever takes over in Redis goes on behind what is there, and need not write it anew.
        if (step.value && this.#files.redis === undefined) this.#auditCarrying(stream, check)
        return
      }
      this.#auditFrame(stream, check, step.value)
    }
  }

  #auditFrame(stream: OpenedStream, check: StreamCheck, at: Located): void {
    const { frame } = at
    this.#frames += 1
    const copy = this.#inventory.copies.get(copyKey(stream.id, frame.ordinal))
    const wrong: { what: Damage; reason: string; at: { readonly path: string; readonly offset: number } }[] =
      []
    for (const reason of check.accept(frame, at.isFirst)) wrong.push({ what: 'frame', reason, at })
    if (copy !== undefined && (copy.link !== frame.link || copy.length !== frame.bytes.length)) {
      const reason = `frame ${frame.ordinal} of stream ${stream.name} differs from its copy in ${shownPath(this.#files, copy.path)}`
      wrong.push({ what: 'carried', reason, at: copy })
    }
    if (this.#files.shards !== undefined && frame.shards !== this.#files.shards) {
      const reason = `a frame of data with ${frame.shards} shards, and the record says ${this.#files.shards}`
      wrong.push({ what: 'record', reason, at })
    }
    for (const { what, reason, at: place } of wrong)
      this.#damaged(place, { what, positions: check.due() }, reason)
    if (wrong.length > 0) return this.#lose(stream)
    for (const section of frame.sections) {
      const trail = this.#trailOf(section.shard)
      if (frame.kind === 'batch') this.#auditSection(stream, trail, { section, at })
      else if (frame.ordinal === stream.begins.ordinal && !trail.isLost)
        this.#auditOpening(trail, section, at)
    }
  }

  /** What was not proven durable when a newer stream took over, its start wrote anew. */
  #auditCarrying(stream: OpenedStream, check: StreamCheck): void {
    for (const { ordinal, sections } of check.unproven) {
      const carriers = this.#inventory.copies.get(copyKey(stream.id, ordinal))?.carriers
      for (const { shard, firstSequence: sequence, count } of sections) {
        const fence = fenceAfter(this.#inventory, shard, stream.id.epoch)
        if (count === 0 || fence === undefined || sequence >= fence.nextSequence) continue
        if (carriers?.has(fence.stream.epoch) || sequence <= this.#trailOf(shard).base) continue
        const file = shownPath(this.#files, segmentPath(this.#files.journal, fence.stream, carriedIndex))
        const why = `frame ${ordinal} of stream ${stream.name} was carried over here, and its copy is missing`
        const frame = { stream: stream.name, ordinal }
        const place = { file, positions: [{ shard, sequence }], what: 'carriedGone', frame } as const
        this.#findings.add('damaged', place, why)
        break
      }
    }
  }

  /** A stream goes on where its predecessors, as far as they count, have come to. */
  #auditOpening(trail: ShardTrail, section: Section, at: Located): void {
    const { shard, base, nextSequence, link } = trail
    const { firstSequence } = section
    trail.reached = Math.max(trail.reached, firstSequence - 1)
    const positions = [{ shard, sequence: nextSequence }]
    if (firstSequence > nextSequence) {
      const why = `shard ${shard} lacks sequence ${nextSequence} to ${firstSequence - 1}`
      this.#damaged(at, { what: 'gap', positions }, why)
    } else if (firstSequence < nextSequence) {
      // Behind it come events that the snapshot has which the trail began with.
      if (base > 0 && nextSequence === base + 1) return
      const why = `shard ${shard} is opened at sequence ${firstSequence}, and has ${nextSequence - 1}`
      this.#damaged(at, { what: 'history', positions }, why)
    } else if (linkIn(section) !== link) {
      const why = `shard ${shard} goes on from another history at sequence ${nextSequence}`
      this.#damaged(at, { what: 'history', positions }, why)
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
    trail.reached = Math.max(trail.reached, firstSequence + count - 1)
    if (trail.nextSequence === trail.base + 1 && firstSequence + count - 1 <= trail.base) {
      this.#unjudged += count
      return
    }
    const wrong = (sequence: number, reason: string) => {
      this.#damaged(at, { what: 'events', positions: [{ shard, sequence }] }, reason)
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
        const reason = this.#places.misplaced(event, shard) ?? trail.ledger.apply(event, at)
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

  /** Of a running engine, what is younger than this audit is left out: shards are read one after the other. */
  #auditAcross(): void {
    const lastMs = Math.max(0, ...[...this.#trails.values()].map(({ lastTimeMs }) => lastTimeMs))
    const tookMs = realClock.monotonicMs() - this.#startedAtMs
    const isLive = this.#startedLive || this.#files.isLive()
    const beforeMs = isLive ? lastMs - tookMs - liveMarginMs : Number.POSITIVE_INFINITY
    const options = { shards: this.#files.shards, beforeMs }
    const gaveUp = shardsGivenUp(this.#files, [...this.#trails.keys()])
    for (const { shard, other, sequence, reason } of disagreements(this.#trails, options)) {
      const place = { ...this.#marks.placeOf(shard, sequence), positions: [{ shard, sequence }] }
      const isRepaired = gaveUp.has(shard) || gaveUp.has(other)
      if (isRepaired) this.#findings.add('note', place, `${reason}; a repair gave up events`)
      else this.#findings.add('damaged', { ...place, what: 'between' }, reason)
    }
  }

  #trailOf(shard: ShardId): ShardTrail {
    let trail = this.#trails.get(shard)
    if (trail === undefined) {
      const gone = this.#inventory.gone.get(shard) ?? 0
      trail = beginTrail(shard, { gone, snapshots: this.#snapshots, findings: this.#findings })
      for (const product of trail.ledger.products.keys()) this.#places.add(product, shard)
      this.#trails.set(shard, trail)
      if (!trail.isLost) this.#snapshots.reach(trail)
    }
    return trail
  }

  /** What is read from an archive must be what was put there. */
  #auditArchived({ name, path }: SegmentName, bytes: Buffer): void {
    const archived = this.#inventory.archive.files.get(name)
    if (archived === undefined || this.#files.elsewhere?.has(path) !== true) return
    if (bytes.length === archived.bytes && hash('sha256', bytes) === archived.sha256) return
    const place = { file: shownPath(this.#files, path), what: 'archivedCopy' } as const
    this.#findings.add('damaged', place, 'this is not what was archived')
  }

  #lose(stream: OpenedStream): void {
    for (const { shard } of stream.opening.sections) this.#trailOf(shard).isLost = true
  }

  #damaged(
    at: { readonly path: string; readonly offset: number },
    about: { readonly what: Damage; readonly positions: readonly Position[] },
    reason: string,
  ): void {
    const file = shownPath(this.#files, at.path)
    this.#findings.add('damaged', { file, offset: at.offset, ...about }, reason)
  }
}
