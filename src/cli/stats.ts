/** `journal stats`: what the journal holds and what it costs. */
import type { Event } from '../domain/events.ts'
import type { ShardId } from '../domain/ids.ts'
import { BytesDamaged } from '../persistence/journal/bytes.ts'
import { timeText } from '../persistence/journal/event-fields.ts'
import { eventsOf, type Frame, streamName } from '../persistence/journal/frame.ts'
import { framesIn } from '../persistence/journal/frames-in.ts'
import { carriedIndex, listSegments, readWhole } from '../persistence/journal/segments.ts'
import { listSnapshots } from '../persistence/journal/snapshot.ts'
import type { Command } from './command-line.ts'
import { exitCodes } from './exit-codes.ts'
import { hasCode, type JournalFiles, namesIn, shownPath } from './journal-files.ts'
import { bytesText, countOf, countText, type Terminal, table } from './terminal.ts'

type StreamFigures = {
  readonly stream: string
  segments: number
  frames: number
  seals: number
  events: number
  usedBytes: number
  blankBytes: number
  firstTimeMs: number
  lastTimeMs: number
}

export type JournalStats = {
  readonly isLive: boolean
  readonly streams: readonly StreamFigures[]
  readonly segments: number
  readonly frames: { readonly open: number; readonly batch: number; readonly seal: number }
  readonly events: number
  readonly eventsByType: Readonly<Partial<Record<Event['type'], number>>>
  /** Bytes of the events themselves, frames' heads left out. */
  readonly eventBytes: number
  readonly bytesPerEvent: number
  /** The same with everything that goes with them to the disk. */
  readonly writtenBytesPerEvent: number
  readonly eventsPerFrame: number
  readonly firstTimeMs: number | undefined
  readonly lastTimeMs: number | undefined
  readonly shards: readonly {
    readonly shard: ShardId
    readonly events: number
    readonly lastSequence: number
  }[]
  readonly carriedFrames: number
  readonly disk: {
    readonly usedBytes: number
    readonly blankBytes: number
    readonly carriedBytes: number
    readonly snapshotBytes: number
    readonly snapshots: number
  }
  /** Where reading a segment ended before its end: figures leave out what is behind. */
  readonly unread: readonly { readonly file: string; readonly offset: number; readonly reason: string }[]
}

export const stats: Command = {
  name: 'stats',
  summary: 'Counts streams, segments, frames and events, and what they cost on disk.',
  help: `
Counted is what stands in the segments. Frames that a start wrote anew are counted once, and their copies apart. Nothing
is verified: where bytes cannot be read, the figures leave out what is behind them, say so, and the exit code is 1.`,
  example: 'stats --json',
  options: [],
  run(files, { json }, terminal) {
    const result = countJournal(files)
    const exitCode = result.unread.length > 0 ? exitCodes.damaged : exitCodes.good
    if (json) terminal.line(JSON.stringify({ command: 'stats', exitCode, ...result }))
    else for (const line of describe(result, terminal)) terminal.line(line)
    return exitCode
  },
}

/** Reads all segments, one at a time. */
export function countJournal(files: JournalFiles): JournalStats {
  const counter = new Counter(files)
  for (const { path, index, stream } of listSegments(files.disk, files.journal)) {
    try {
      const bytes = readWhole(files.disk, path)
      if (index === carriedIndex) counter.addCarried(bytes)
      else counter.addSegment(streamName(stream), path, bytes)
    } catch (error) {
      // A starting engine removes the blank segments that the one before had made ready.
      if (!(hasCode(error, 'ENOENT') && files.isLive())) throw error
    }
  }
  return counter.result()
}

class Counter {
  readonly #files: JournalFiles
  readonly #streams = new Map<string, StreamFigures>()
  readonly #shards = new Map<ShardId, { events: number; lastSequence: number }>()
  readonly #types = new Map<Event['type'], number>()
  readonly #frames = { open: 0, batch: 0, seal: 0 }
  readonly #unread: { file: string; offset: number; reason: string }[] = []
  readonly #isLive: boolean
  #events = 0
  #eventBytes = 0
  #carriedFrames = 0
  #carriedBytes = 0

  constructor(files: JournalFiles) {
    this.#files = files
    this.#isLive = files.isLive()
  }

  addCarried(bytes: Buffer): void {
    this.#carriedBytes += bytes.length
    this.#carriedFrames += [...framesIn(bytes, 0)].length
  }

  addSegment(name: string, path: string, bytes: Buffer): void {
    const figures = this.#figuresOf(name)
    figures.segments += 1
    const frames = framesIn(bytes, 0)
    for (;;) {
      const step = frames.next()
      if (step.done === true) {
        const { offset, type } = step.value
        figures.usedBytes += offset
        figures.blankBytes += bytes.length - offset
        // A running engine may be in the middle of a write.
        if (type === 'foreign' || (type === 'bytes' && !this.#isLive))
          this.#skip(path, step.value.troubleAt, step.value.why)
        return
      }
      this.#addFrame(figures, step.value.frame, { path, offset: step.value.offset })
    }
  }

  result(): JournalStats {
    const { disk, snapshots: directory } = this.#files
    const snapshots = namesIn(disk, directory).length === 0 ? [] : listSnapshots(disk, directory)
    const streams = [...this.#streams.values()]
    const batches = this.#frames.batch
    const usedBytes = total(streams, ({ usedBytes }) => usedBytes)
    const written = streams.filter(({ frames }) => frames > 0)
    return {
      isLive: this.#isLive,
      streams,
      segments: total(streams, ({ segments }) => segments),
      frames: this.#frames,
      events: this.#events,
      eventsByType: Object.fromEntries([...this.#types].sort(([, a], [, b]) => b - a)),
      eventBytes: this.#eventBytes,
      bytesPerEvent: this.#eventBytes / Math.max(1, this.#events),
      writtenBytesPerEvent: usedBytes / Math.max(1, this.#events),
      eventsPerFrame: this.#events / Math.max(1, batches),
      firstTimeMs:
        written.length === 0 ? undefined : Math.min(...written.map(({ firstTimeMs }) => firstTimeMs)),
      lastTimeMs: written.length === 0 ? undefined : Math.max(...written.map(({ lastTimeMs }) => lastTimeMs)),
      shards: [...this.#shards].sort(([a], [b]) => a - b).map(([shard, counts]) => ({ shard, ...counts })),
      carriedFrames: this.#carriedFrames,
      disk: {
        usedBytes,
        blankBytes: total(streams, ({ blankBytes }) => blankBytes),
        carriedBytes: this.#carriedBytes,
        snapshotBytes: total(snapshots, ({ path }) => sizeOf(this.#files, path)),
        snapshots: snapshots.length,
      },
      unread: this.#unread,
    }
  }

  #addFrame(
    figures: StreamFigures,
    frame: Frame,
    at: { readonly path: string; readonly offset: number },
  ): void {
    this.#frames[frame.kind] += 1
    if (figures.frames === 0) figures.firstTimeMs = frame.timeMs
    figures.frames += 1
    if (frame.kind === 'seal') figures.seals += 1
    figures.lastTimeMs = Math.max(figures.lastTimeMs, frame.timeMs)
    if (frame.kind !== 'batch') return
    try {
      for (const section of frame.sections) {
        figures.lastTimeMs = Math.max(figures.lastTimeMs, section.atMs)
        for (const { type } of eventsOf(section)) this.#types.set(type, (this.#types.get(type) ?? 0) + 1)
        figures.events += section.count
        this.#events += section.count
        this.#eventBytes += section.payload.length
        const shard = this.#shards.get(section.shard) ?? { events: 0, lastSequence: 0 }
        shard.events += section.count
        shard.lastSequence = Math.max(shard.lastSequence, section.firstSequence + section.count - 1)
        this.#shards.set(section.shard, shard)
      }
    } catch (error) {
      if (!(error instanceof BytesDamaged)) throw error
      this.#skip(at.path, at.offset, `an event cannot be read: ${error.message}`)
    }
  }

  #skip(path: string, offset: number, reason: string): void {
    this.#unread.push({ file: shownPath(this.#files, path), offset, reason })
  }

  #figuresOf(stream: string): StreamFigures {
    let figures = this.#streams.get(stream)
    if (figures === undefined) {
      figures = {
        stream,
        segments: 0,
        frames: 0,
        seals: 0,
        events: 0,
        usedBytes: 0,
        blankBytes: 0,
        firstTimeMs: 0,
        lastTimeMs: 0,
      }
      this.#streams.set(stream, figures)
    }
    return figures
  }
}

function total<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0)
}

function sizeOf(files: JournalFiles, path: string): number {
  const file = files.disk.open(path, 'read')
  try {
    return file.size()
  } finally {
    file.close()
  }
}

function describe(figures: JournalStats, terminal: Terminal): string[] {
  const { frames, disk, events } = figures
  const span =
    figures.firstTimeMs === undefined
      ? 'none'
      : `${timeText(figures.firstTimeMs)} to ${timeText(figures.lastTimeMs ?? 0)}`
  const heading = (text: string) => ['', terminal.paint('bold', text)]
  const lines = [
    `streams        ${countText(figures.streams.length)}, of ${countOf(figures.segments, 'segment')}${figures.isLive ? '; an engine is writing' : ''}`,
    `time           ${span}`,
    `frames         ${countText(frames.batch)} with events, ${countOf(frames.open, 'opening')}, ${countOf(frames.seal, 'seal')}`,
    `events         ${countText(events)}, ${figures.eventsPerFrame.toFixed(1)} a frame`,
    `bytes          ${figures.bytesPerEvent.toFixed(1)} an event, ${figures.writtenBytesPerEvent.toFixed(1)} with all that goes with it`,
    `disk           ${bytesText(disk.usedBytes)} written, ${bytesText(disk.blankBytes)} blank, ${bytesText(disk.carriedBytes)} in ${countOf(figures.carriedFrames, 'carried frame')}, ${bytesText(disk.snapshotBytes)} in ${countOf(disk.snapshots, 'snapshot')}`,
  ]
  const types = Object.entries(figures.eventsByType)
  if (types.length > 0) {
    const rows = types.map(([type, count]) => [type, count, `${((100 * count) / events).toFixed(1)} %`])
    lines.push(...heading('Events'), ...table([['type', 'events', 'share'], ...rows]))
  }
  if (figures.shards.length > 0) {
    const rows = figures.shards.map(({ shard, events: count, lastSequence }) => [
      `s${shard}`,
      count,
      lastSequence,
    ])
    lines.push(...heading('Shards'), ...table([['shard', 'events', 'last sequence'], ...rows]))
  }
  if (figures.streams.length > 0) {
    const rows = figures.streams.map((stream) => {
      const { segments, frames: count, seals, usedBytes, blankBytes, lastTimeMs } = stream
      const until = count === 0 ? 'never opened' : timeText(lastTimeMs)
      return [
        stream.stream,
        segments,
        count,
        seals,
        stream.events,
        bytesText(usedBytes),
        bytesText(blankBytes),
        until,
      ]
    })
    const titles = ['stream', 'segments', 'frames', 'seals', 'events', 'written', 'blank', 'until']
    lines.push(...heading('Streams'), ...table([titles, ...rows]))
  }
  for (const { file, offset, reason } of figures.unread) {
    lines.push(
      '',
      `${terminal.paint('red', 'unread')}   ${file} from byte ${offset}: ${reason}. "journal verify" says what that means.`,
    )
  }
  return lines
}
