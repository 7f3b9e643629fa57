/**
 * Choices for what is damaged in the row of frames itself.
 *
 *   copy      a whole copy of the frame, carried by a later start, is put in its place
 *   bit       a single flipped bit is turned back, proven by checksum and hashes
 *   snapshot  what was behind the damage is taken from snapshots: its history is lost, not what it made
 *   cut       everything behind the damage is given up, in this stream and in those that went on from it
 */
import { basename, join } from 'node:path'
import type { ShardId } from '../../domain/ids.ts'
import type { Frame, Section } from '../../persistence/journal/frame.ts'
import { streamName } from '../../persistence/journal/frame.ts'
import {
  carriedIndex,
  listSegments,
  readWhole,
  type SegmentName,
  segmentNamed,
} from '../../persistence/journal/segments.ts'
import { validSnapshots } from '../shard-base.ts'
import { countOf } from '../terminal.ts'
import type { Choice, Scene } from './choice.ts'
import { cutHere, dropStream, giveUpBefore, newerOf } from './cuts.ts'
import type { Draft } from './draft.ts'
import { addToRecord, frameAt } from './file-choices.ts'
import { restart } from './restart.ts'
import { flipBit, flippedBit } from './single-bit.ts'
import { framesAnywhere, type Trace, traceStream } from './trace.ts'

/** Choices for a finding that concerns frames, or events that are missing between them. */
export function streamChoices(scene: Scene): readonly Choice[] {
  const { finding, draft } = scene
  const name = streamOf(scene)
  switch (finding.what) {
    case 'frame':
    case 'segmentGone':
    case 'events': {
      const isPlaced = finding.what !== 'segmentGone' && finding.offset !== undefined
      const until = isPlaced ? { file: finding.file, offset: finding.offset as number } : undefined
      const trace = name === undefined ? undefined : traceStream(draft.files, name, until)
      return trace === undefined ? [] : frameChoices(scene, trace)
    }
    case 'tail': {
      const trace = name === undefined ? undefined : traceStream(draft.files, name)
      return trace === undefined ? [] : [...copyOfFrame(scene, trace), ...bitOfFrame(scene, trace)]
    }
    case 'gap':
      return name === undefined ? [] : gapChoices(scene, name)
    case 'history':
      return name === undefined ? [] : dropChoices(scene, name)
    case 'streamGone':
      return name === undefined
        ? []
        : [
            {
              name: 'cut',
              does: 'gives the stream up; how much was in it nothing tells',
              apply: (to) => dropStream(to, name),
            },
          ]
    case 'beyond':
      return beyondChoices(scene)
    default:
      return []
  }
}

function streamOf({ draft, finding }: Scene): string | undefined {
  const name = basename(finding.file)
  if (name.endsWith('.mark')) return basename(name, '.mark')
  const segment = segmentNamed(draft.files.journal, name)
  return segment === undefined || segment.index === carriedIndex ? undefined : streamName(segment.stream)
}

function frameChoices(scene: Scene, trace: Trace): readonly Choice[] {
  const mending =
    scene.finding.what === 'events' ? [] : [...copyOfFrame(scene, trace), ...bitOfFrame(scene, trace)]
  return [...mending, ...snapshotChoices(scene, trace), ...cutChoices(scene, trace)]
}

/** Where the next frame must stand: behind the last one, or at the beginning of the next segment. */
function placesOfNext(
  { draft }: Scene,
  trace: Trace,
): readonly { segment: SegmentName; offset: number; bytes: Buffer }[] {
  const index = trace.end?.segment.index ?? trace.archived
  const next = trace.segments.find((segment) => segment.index === index + 1)
  const begin = next === undefined ? [] : [{ segment: next, offset: 0, bytes: draft.read(next.path) }]
  return [...(trace.end === undefined ? [] : [trace.end]), ...begin]
}

function isNextOf({ name, last }: Trace): (frame: Frame) => boolean {
  return ({ stream, ordinal, previous }) =>
    streamName(stream) === name && ordinal === last.ordinal + 1 && previous === last.link
}

function copyOfFrame(scene: Scene, trace: Trace): readonly Choice[] {
  const { disk, journal } = scene.draft.files
  const isNext = isNextOf(trace)
  for (const { path, index } of listSegments(disk, journal)) {
    if (index !== carriedIndex) continue
    for (const { frame } of framesAnywhere(readWhole(disk, path))) {
      const place = placesOfNext(scene, trace).find(
        ({ offset }) => (offset === 0) === (frame.kind === 'open'),
      )
      if (!isNext(frame) || place === undefined) continue
      const { segment, offset, bytes } = place
      if (offset + frame.bytes.length > bytes.length) continue
      return [
        {
          name: 'copy',
          does: `puts frame ${frame.ordinal} back from its copy in ${basename(path)}`,
          apply(to) {
            const mended = Buffer.from(bytes)
            frame.bytes.copy(mended, offset)
            to.write(segment.path, mended)
          },
        },
      ]
    }
  }
  return []
}

function bitOfFrame(scene: Scene, trace: Trace): readonly Choice[] {
  for (const { segment, offset, bytes } of placesOfNext(scene, trace)) {
    const flip = flippedBit(bytes, offset, isNextOf(trace))
    if (flip === undefined) continue
    return [
      {
        name: 'bit',
        does: `turns bit ${flip.bit} of byte ${flip.byte} back: with it, the checksum and the hash of the frame before are right`,
        apply(to) {
          const mended = Buffer.from(bytes)
          flipBit(mended, flip)
          to.write(segment.path, mended)
        },
      },
    ]
  }
  return []
}

/** By shard, up to which sequence its newest valid snapshot knows it. */
function knownBy({ files }: Draft, shards: Iterable<ShardId>): ReadonlyMap<ShardId, number> {
  const known = new Map<ShardId, number>()
  for (const shard of shards) {
    const [newest] = validSnapshots(files, shard)
    known.set(shard, newest?.sequence ?? 0)
  }
  return known
}

function snapshotChoices(scene: Scene, trace: Trace): readonly Choice[] {
  const { draft, audit, at } = scene
  const known = knownBy(draft, shardsOf(trace, draft))
  const later = firstKnown(draft, trace, known)
  if (later !== undefined) {
    const { segment, opening } = later
    const due = new Map(audit.shards.map(({ shard, sequence }) => [shard, sequence + 1]))
    const does = `begins the stream at its segment ${segment.index}; snapshots know all that came before`
    return [{ name: 'snapshot', does, apply: (to) => giveUpBefore(to, trace, { segment, opening, due, at }) }]
  }
  const isAhead = [...known].some(([shard, sequence]) => sequence >= (trace.next.get(shard) ?? 1))
  if (!isAhead) return []
  const does = `cuts the stream before frame ${trace.last.ordinal + 1}, and goes on from what snapshots know`
  return [{ name: 'snapshot', does, apply: (to) => cutHere(to, trace, at) }]
}

/** The first later segment before which there is nothing that snapshots do not know. */
function firstKnown(
  draft: Draft,
  trace: Trace,
  known: ReadonlyMap<ShardId, number>,
): { readonly segment: SegmentName; readonly opening: Frame } | undefined {
  for (const segment of trace.segments) {
    if (segment.index <= (trace.end?.segment.index ?? 0)) continue
    const opening = frameAt(draft.read(segment.path), 0)
    if (opening?.kind !== 'open' || opening.ordinal <= trace.last.ordinal + 1) continue
    const isKnown = ({ shard, firstSequence }: Section) => firstSequence <= (known.get(shard) ?? 0) + 1
    if (opening.sections.every(isKnown)) return { segment, opening }
  }
  return undefined
}

function cutChoices({ draft, at }: Scene, trace: Trace): readonly Choice[] {
  const newer = newerOf(draft, trace.id.epoch, shardsOf(trace, draft))
  // What is archived counts: a cut before it would contradict the archive.
  if (newer.some(({ archived }) => archived > 0)) return []
  const others =
    newer.length === 0 ? '' : `, and drops ${countOf(newer.length, 'stream')} that went on from it`
  return [
    {
      name: 'cut',
      does: `cuts the stream before frame ${trace.last.ordinal + 1}${others}`,
      apply(to) {
        cutHere(to, trace, at)
        for (const { name } of newer) dropStream(to, name)
      },
    },
  ]
}

function gapChoices(scene: Scene, name: string): readonly Choice[] {
  const { draft, finding, at } = scene
  const [position] = finding.positions ?? []
  const trace = traceStream(draft.files, name)
  const first = trace?.segments[0]
  if (position === undefined || trace === undefined || first === undefined) return []
  const opening = frameAt(draft.read(first.path), 0)
  const section = opening?.sections.find(({ shard }) => shard === position.shard)
  if (section === undefined) return []
  const { shard } = position
  const lost = { shard, from: position.sequence, to: section.firstSequence - 1 }
  const known = knownBy(draft, [shard]).get(shard) ?? 0
  const does = `goes on behind the gap; a snapshot of shard ${shard} knows what s${shard}.${lost.from} to s${shard}.${lost.to} made`
  const bySnapshot: Choice = {
    name: 'snapshot',
    does,
    apply: (to) => addToRecord(to, [{ lost: [lost], at }]),
  }
  return [...(known >= lost.to ? [bySnapshot] : []), ...dropChoices(scene, name)]
}

/** Gives up a stream that does not go on from what there is, and those that went on from it. */
function dropChoices({ draft }: Scene, name: string): readonly Choice[] {
  const trace = traceStream(draft.files, name)
  if (trace === undefined) return []
  const newer = newerOf(draft, trace.id.epoch, shardsOf(trace, draft))
  if (trace.archived > 0 || newer.some(({ archived }) => archived > 0)) return []
  const others = newer.length === 0 ? '' : ` and ${newer.length} more that went on from it`
  return [
    {
      name: 'cut',
      does: `drops stream ${name}${others}`,
      apply(to) {
        for (const dropped of [name, ...newer.map((stream) => stream.name)]) dropStream(to, dropped)
      },
    },
  ]
}

function beyondChoices(scene: Scene): readonly Choice[] {
  const { draft, finding } = scene
  const path = join(draft.files.root, finding.file)
  return [
    ...restart(scene),
    {
      name: 'cut',
      does: 'sets the snapshot aside, and goes on from where the journal ends',
      apply: (to) => to.setAside(path),
    },
  ]
}

/** Those that the opening names; without it, those that any frame does; without one, all. */
function shardsOf({ opening, segments }: Trace, draft: Draft): readonly ShardId[] {
  const named = new Set(opening?.sections.map(({ shard }) => shard))
  if (named.size === 0) {
    for (const { path } of segments)
      for (const { frame } of framesAnywhere(draft.read(path)))
        for (const { shard } of frame.sections) named.add(shard)
  }
  if (named.size > 0) return [...named]
  return Array.from({ length: draft.files.shards ?? 0 }, (_, shard) => shard as ShardId)
}
