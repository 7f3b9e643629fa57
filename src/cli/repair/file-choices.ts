/** Choices for what is damaged and holds no event of its own: nothing is lost by any of them. */
import { basename, join } from 'node:path'
import { archiveRecordName, encodeArchive, readArchive } from '../../persistence/journal/archived.ts'
import { type Frame, streamName } from '../../persistence/journal/frame.ts'
import { parseKnown } from '../../persistence/journal/frames-in.ts'
import { encodeMark } from '../../persistence/journal/mark.ts'
import {
  carriedIndex,
  listSegments,
  markNamed,
  readWhole,
  segmentNamed,
} from '../../persistence/journal/segments.ts'
import { countOf } from '../terminal.ts'
import type { Choice, Scene } from './choice.ts'
import type { Draft } from './draft.ts'
import { archiveOf, framesAnywhere, traceStream } from './trace.ts'

/** Choices for a finding that concerns a file as such. */
export function fileChoices(scene: Scene): readonly Choice[] {
  const path = pathOf(scene)
  switch (scene.finding.what) {
    case 'record':
      return rebuildRecord(scene)
    case 'archiveRecord':
      return [setAside('forget', path, 'forgets what was archived; whatever is missing is then missing')]
    case 'mark':
      return rebuildMark(scene, path)
    case 'stray':
      return [
        write('clear', path, 'writes zeros where nothing was written', (bytes) =>
          Buffer.from(bytes).fill(0, scene.finding.offset),
        ),
      ]
    case 'size':
      return resize(scene, path)
    case 'tail':
      return clearTail(scene, path)
    case 'carried':
    case 'carriedGone':
      return rebuildCarried(scene, path)
    case 'notOurs':
      return [setAside('drop', path, 'sets it aside; nothing rests on it')]
    case 'snapshot':
      return [
        setAside(
          'drop',
          path,
          'sets it aside; recovery takes an older one, or replays the events from the first',
        ),
      ]
    case 'base':
      return bringBack(scene)
    default:
      return []
  }
}

/** Whole copies from a directory that was named; they must be good where they then stand. */
export function copyChoices(scene: Scene): readonly Choice[] {
  const { what } = scene.finding
  if (what === 'streamGone' || what === 'gap' || what === 'beyond') return missingStreams(scene)
  const path = pathOf(scene)
  const { disk } = scene.draft.files
  const isOther = (from: string) => !disk.exists(path) || !readWhole(disk, from).equals(readWhole(disk, path))
  return scene.sources
    .map((directory) => join(directory, basename(path)))
    .filter((from) => disk.exists(from) && isOther(from))
    .map((from) => ({
      name: 'copy',
      does: `takes ${from} instead`,
      apply: (draft) => draft.take(path, from),
    }))
}

/** Files of streams that are elsewhere and not here. */
function missingStreams({ draft, sources }: Scene): readonly Choice[] {
  const { disk, journal } = draft.files
  const found = sources.flatMap((directory) =>
    disk
      .list(directory)
      .filter((name) => segmentNamed(journal, name) !== undefined || markNamed(name) !== undefined)
      .filter((name) => !disk.exists(join(journal, name)))
      .map((name) => ({ path: join(journal, name), from: join(directory, name) })),
  )
  if (found.length === 0) return []
  return [
    {
      name: 'copy',
      does: `brings ${countOf(found.length, 'file')} back that ${found.length === 1 ? 'is' : 'are'} not here, from ${sources.join(', ')}`,
      apply(to) {
        for (const { path, from } of found) to.take(path, from)
      },
    },
  ]
}

export function pathOf({ draft, finding }: Scene): string {
  return join(draft.files.root, finding.file)
}

export function setAside(name: Choice['name'], path: string, does: string): Choice {
  return { name, does, apply: (draft) => draft.setAside(path) }
}

function write(name: Choice['name'], path: string, does: string, change: (bytes: Buffer) => Buffer): Choice {
  return { name, does, apply: (draft) => draft.write(path, change(draft.read(path))) }
}

/** All frames carry the number of shards; the first that can be read says it. */
function rebuildRecord({ draft }: Scene): readonly Choice[] {
  const { disk, journal, root } = draft.files
  for (const { path } of listSegments(disk, journal)) {
    for (const { frame } of framesAnywhere(readWhole(disk, path))) {
      const record = { product: 'holdfast', format: 1, shards: frame.shards }
      const text = `${JSON.stringify(record, undefined, 2)}\n`
      const does = `writes it anew, with the ${frame.shards} shards that the frames say`
      return [
        { name: 'rebuild', does, apply: (to) => to.write(join(root, 'holdfast.json'), Buffer.from(text)) },
      ]
    }
  }
  return []
}

/** As far as frames can be followed they are there, and the repair syncs them; what more there was, nobody can tell. */
function rebuildMark({ draft }: Scene, path: string): readonly Choice[] {
  const trace = traceStream(draft.files, basename(path, '.mark'))
  if (trace === undefined || trace.last.ordinal === 0) return []
  const { ordinal } = trace.last
  const does = `writes it anew, up to frame ${ordinal}, which is the last there is; if more was lost with it, nothing tells`
  return [{ name: 'rebuild', does, apply: (to) => to.write(path, encodeMark(ordinal)) }]
}

/** A stream makes all its segments of one size. */
function resize({ draft }: Scene, path: string): readonly Choice[] {
  const { disk, journal } = draft.files
  const own = segmentNamed(journal, basename(path))
  if (own === undefined) return []
  const made = Math.max(
    ...listSegments(disk, journal)
      .filter(({ stream, index }) => streamName(stream) === streamName(own.stream) && index !== carriedIndex)
      .map((segment) => readWhole(disk, segment.path).length),
  )
  const pad = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(Math.max(0, made - bytes.length))])
  return [write('clear', path, `adds the zeros that are missing, up to ${made} bytes`, pad)]
}

/** What nobody was told of, and what a newer stream did not go on from. */
function clearTail({ finding }: Scene, path: string): readonly Choice[] {
  const { offset = 0 } = finding
  if (offset === 0)
    return [setAside('clear', path, 'sets the segment aside; no newer stream went on from it')]
  return [
    write('clear', path, `cuts what is behind byte ${offset}, which no newer stream went on from`, (bytes) =>
      Buffer.from(bytes.subarray(0, offset)),
    ),
  ]
}

/** The copies that are whole, and originals for those that are not. */
function rebuildCarried({ draft, finding }: Scene, path: string): readonly Choice[] {
  const { disk } = draft.files
  const frames = new Map<string, Frame>()
  const add = (frame: Frame) =>
    frames.set(`${streamName(frame.stream)}/${String(frame.ordinal).padStart(16, '0')}`, frame)
  const kept = disk.exists(path) ? [...framesAnywhere(readWhole(disk, path))] : []
  for (const { frame } of kept) add(originalOf(draft, streamName(frame.stream), frame.ordinal) ?? frame)
  if (finding.frame !== undefined) {
    const original = originalOf(draft, finding.frame.stream, finding.frame.ordinal)
    if (original === undefined) return []
    add(original)
  }
  if (frames.size === 0) return [setAside('rebuild', path, 'sets it aside; no copy in it is whole')]
  const sorted = [...frames].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { bytes }]) => bytes)
  const does = `writes its ${frames.size} frames anew, from whole copies and from the originals`
  return [{ name: 'rebuild', does, apply: (to) => to.write(path, Buffer.concat(sorted)) }]
}

function originalOf({ files }: Draft, stream: string, ordinal: number): Frame | undefined {
  for (const { path, index, stream: id } of listSegments(files.disk, files.journal)) {
    if (index === carriedIndex || streamName(id) !== stream) continue
    for (const { frame } of framesAnywhere(readWhole(files.disk, path)))
      if (frame.ordinal === ordinal && streamName(frame.stream) === stream) return frame
  }
  return undefined
}

/** No snapshot knows what is archived: it has to come back. */
function bringBack({ draft, sources }: Scene): readonly Choice[] {
  const { disk, journal } = draft.files
  const missing = [...readArchive(disk, journal).files.keys()].filter(
    (name) => !disk.exists(join(journal, name)),
  )
  const found = missing.map((name) => ({
    path: join(journal, name),
    from: sources.map((directory) => join(directory, name)).find((from) => disk.exists(from)),
  }))
  if (missing.length === 0 || found.some(({ from }) => from === undefined)) return []
  return [
    {
      name: 'copy',
      does: `brings the ${missing.length} archived files back`,
      apply(to) {
        for (const { path, from } of found) to.take(path, from as string)
      },
    },
  ]
}

/** Adds lines to a draft's record of archived files. */
export function addToRecord(draft: Draft, lines: Parameters<typeof encodeArchive>[0]): void {
  const { files, givenUp } = archiveOf(draft.files)
  const all = new Map(files)
  const more = lines.filter((line) => {
    if ('lost' in line) return true
    all.set(line.file, line)
    return false
  })
  const path = join(draft.files.journal, archiveRecordName)
  draft.write(path, encodeArchive([...all.values(), ...givenUp, ...more]))
}

/** The frame that stands at a place of a draft's file, if one does. */
export function frameAt(bytes: Buffer, offset: number): Frame | undefined {
  const parsed = parseKnown(bytes, offset)
  return parsed.type === 'frame' ? parsed.frame : undefined
}
