/** `journal export`: all events as JSON Lines, for whatever else wants to read them. */
import { statSync } from 'node:fs'
import { dirname, resolve, sep } from 'node:path'
import type { ShardId } from '../domain/ids.ts'
import { type Missing, readArchive } from '../persistence/journal/archived.ts'
import type { JournalEvent } from '../persistence/journal/journal-follower.ts'
import { realTimers } from '../seams.ts'
import { archivedElsewhere, archiveHelp, withArchives } from './archive-view.ts'
import type { Command, Options } from './command-line.ts'
import { isDamage, reportDamage } from './damage-report.ts'
import { readEvents } from './event-reader.ts'
import { eventJson } from './event-words.ts'
import { exitCodes, Unusable } from './exit-codes.ts'
import { expectDirectory, hasCode, type JournalFiles, segmentBytesOf } from './journal-files.ts'
import { type Point, pointOf, pointText } from './points.ts'
import { rangesText, repairsName } from './repairs-record.ts'
import { missingFrom, shardsOf } from './shard-base.ts'
import { countOf, noProgress, type Terminal } from './terminal.ts'

type Range = {
  readonly shard: ShardId | undefined
  readonly from: Point | undefined
  readonly to: Point | undefined
}
type Exported = { readonly events: number; readonly heldBack: number; readonly isWhole: boolean }

const CHUNK_CHARACTERS = 64 * 1_024
const ASIDE = '.writing'

export const exportEvents: Command = {
  name: 'export',
  summary: 'Writes all durable events as JSON Lines, in the order of their times.',
  help: `
  --from WHEN     from a time (2026-11-27T08:00:00Z) or a sequence (s3.1042, or 1042 with --shard 3) on
  --to WHEN       up to a time or a sequence, which is the last
  --shard N       only the events of one shard
  --out FILE      to a file, which is whole or not there; without it to standard output
${archiveHelp}

A line is one event: time, shard, sequence, type, and the fields of its type. Of a product, with productId and version:
  UnitsHeld                 reservationId, customerId, reference, quantity, expiresAt, available
  HoldExtended              reservationId, expiresAt
  PaymentStarted            reservationId, expiresAt
  UnitsReleased             reservationId, quantity
  UnitsConfirmed            reservationId, quantity, reference
  HoldExpired               reservationId, quantity
  UnitsReturned             reservationId, quantity, reason
  ReturnsClosed             reservationId
  ReservationForgotten      reservationId
  StockAdjusted             delta, onHand, reason, reference
  SaleScheduled             sale: opensAt, closesAt, perCustomerLimit, holdTtlSeconds, maxPerReservation
  ProductRetired
  HoldPlaced                reservationId, customerId, quantity, available
  HoldSettled               reservationId, step, held, sold, closed
  WaitlistJoined            customerId, quantity, reservationId
  WaitlistLeft              customerId, cause
  WaitlistServed            customerId, reservationId, quantity, expiresAt, available
  UnitsEarmarked            quantity
of a reservation of several products:
  SplitHeld                 reservationId, customerId, reference, expiresAt, lines: productId, shard, quantity, available, holdVersion
  SplitExtended             reservationId, expiresAt
  SplitPaymentStarted       reservationId, expiresAt
  SplitSettled              reservationId, step, status, quantities, returned, closed, reference, reason
  SplitAcknowledged         reservationId, participant, step
  SplitForgotten            reservationId
  SplitAborted              reservationId
  AbortForgotten            reservationId
and of idempotency keys:
  KeyClaimed                hash, fingerprint, reservationId
  KeyAnswered               hash, fingerprint, answer
  KeyFreed                  hash
  KeysForgotten             count
docs/journal-export.md says what they mean. A field without a value is left out. Names do not change; new types and new
fields may come. Memory stays the same however long the journal is.

Exit code 0: written. 1: the journal is damaged; what came before the damage was written, or no file. 3: what was asked
for is archived and not named with --archive.`,
  example: 'export --from 2026-11-27T00:00:00Z --out events.jsonl',
  options: ['from', 'to', 'shard', 'out', 'archive'],
  async run(files, options, terminal) {
    const { json, out } = options
    const view = withArchives(files, options.archive)
    const range = rangeOf(view, options)
    try {
      checkIsHere(view, range)
      const done =
        out === undefined
          ? await writeEvents(view, range, { write: terminal.write, terminal })
          : await exportTo(resolve(out), view, range, terminal)
      if (!done.isWhole && out !== undefined) {
        terminal.remark(`Ended before all was written: there is no ${out}.`)
        return exitCodes.unusable
      }
      if (done.heldBack > 0)
        terminal.remark(`${countOf(done.heldBack, 'event')} written, not proven durable, not exported`)
      remarkOnGivenUp(view, terminal)
      const archived = range.from === undefined ? archivedElsewhere(view) : undefined
      if (archived !== undefined) terminal.remark(archived)
      if (out === undefined) return exitCodes.good
      const { events } = done
      if (json)
        terminal.line(
          JSON.stringify({ command: 'export', exitCode: exitCodes.good, events, file: resolve(out) }),
        )
      else terminal.line(`${countOf(events, 'event')} in ${out}`)
      return exitCodes.good
    } catch (error) {
      if (!isDamage(error)) throw error
      // Standard output belongs to the events.
      if (out === undefined) {
        terminal.remark(`Damaged: ${error.message}. "journal verify" tells what else is.`)
        return exitCodes.damaged
      }
      return reportDamage(view, error, { command: 'export', json, terminal })
    }
  },
}

/** Hands the events on in pieces, waiting for whoever takes them. */
async function writeEvents(
  files: JournalFiles,
  range: Range,
  to: {
    readonly write: (text: string) => Promise<void>
    readonly terminal: Terminal
    readonly onBytes?: (bytes: number) => void
  },
): Promise<Exported> {
  const { shard, from } = range
  const events = readEvents(files, {
    shard,
    ...(from?.type === 'sequence' && { from: new Map([[shardOfPoint(from, range), from.sequence]]) }),
    ...(from?.type === 'time' && { fromMs: from.atMs }),
    ...(to.onBytes !== undefined && { onBytes: to.onBytes }),
  })
  let text = ''
  let count = 0
  for (;;) {
    const step = events.next()
    if (step.done === true || isBehind(step.value, range.to)) {
      if (text !== '') await to.write(text)
      const heldBack = step.done === true ? step.value : 0
      return { events: count, heldBack, isWhole: !to.terminal.hasEnded }
    }
    if (from?.type === 'time' && step.value.atMs < from.atMs) continue
    count += 1
    text += `${JSON.stringify(eventJson(step.value))}\n`
    if (text.length < CHUNK_CHARACTERS) continue
    await to.write(text)
    text = ''
    if (to.terminal.hasEnded) return { events: count, heldBack: 0, isWhole: false }
  }
}

/** Writes beside the file, and lets it take its name when all is there and durable. */
async function exportTo(
  path: string,
  files: JournalFiles,
  range: Range,
  terminal: Terminal,
): Promise<Exported> {
  checkOut(path, files)
  const { disk } = files
  // Asked for, so that Ctrl-C leaves no half of a file.
  terminal.onEnd(() => {})
  const progress = range.shard === undefined ? terminal.progress(segmentBytesOf(files)) : noProgress
  if (disk.exists(path + ASIDE)) disk.remove(path + ASIDE)
  const file = disk.create(path + ASIDE)
  let isDone = false
  let offset = 0
  try {
    const done = await writeEvents(files, range, {
      terminal,
      onBytes: (bytes) => progress.advance(bytes),
      async write(text) {
        const bytes = Buffer.from(text)
        file.write(bytes, offset)
        offset += bytes.length
        await new Promise<void>((taken) => realTimers.soon(taken))
      },
    })
    if (!done.isWhole) return done
    file.syncNow()
    disk.rename(path + ASIDE, path)
    isDone = true
    disk.syncDirectory(dirname(path))
    return done
  } finally {
    progress.done()
    file.close()
    if (!isDone) disk.remove(path + ASIDE)
  }
}

function checkOut(path: string, { journal, snapshots }: JournalFiles): void {
  expectDirectory(dirname(path), `There is no directory ${dirname(path)}`, '--out names a file in it.')
  for (const own of [journal, snapshots])
    if (path.startsWith(own + sep))
      throw new Unusable(`--out ${path} would be among the journal's own files.`)
  try {
    if (statSync(path).isDirectory()) throw new Unusable(`--out takes a file, and ${path} is a directory.`)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
}

/** Throws `Unusable` where a sequence is named and not of which shard, or of several. */
function rangeOf(files: JournalFiles, options: Options): Range {
  const { from, to } = options
  const points = {
    from: from === undefined ? undefined : pointOf('--from', from),
    to: to === undefined ? undefined : pointOf('--to', to),
  }
  const shards = shardsOf(files)
  const named = new Set<number>(options.shard === undefined ? [] : [options.shard])
  for (const point of [points.from, points.to])
    if (point?.type === 'sequence' && point.shard !== undefined) named.add(point.shard)
  if (named.size > 1)
    throw new Unusable(`--from, --to and --shard name several shards: ${[...named].join(', ')}.`)
  const [shard = shards === 1 ? 0 : undefined] = named
  if (shard !== undefined && shard >= shards)
    throw new Unusable(`There is no shard ${shard}: the data has ${shards}, from 0 to ${shards - 1}.`)
  for (const [option, point] of Object.entries(points)) {
    if (point?.type !== 'sequence' || shard !== undefined) continue
    throw new Unusable(
      `--${option} ${pointText(point)}: of which shard? Name it: s3.${point.sequence}, or --shard 3.`,
    )
  }
  return { shard: shard as ShardId | undefined, ...points }
}

function shardOfPoint(point: Point, { shard }: Range): ShardId {
  return ((point.type === 'sequence' ? point.shard : undefined) ?? shard) as ShardId
}

/** What was asked for by name must not be left out in silence, if it can be had. */
function checkIsHere(files: JournalFiles, range: Range): void {
  const { from, shard } = range
  const where = archivedElsewhere(files)
  if (from === undefined || where === undefined) return
  const refuse = () =>
    new Unusable(`--from ${pointText(from)}: that is not in this journal any more. ${where}.`)
  if (from.type === 'sequence') {
    const of = shardOfPoint(from, range)
    const isMissing = (missing: Missing) =>
      missing.shard === of && missing.to >= from.sequence && missing.went !== null
    if (missingFrom(files).some(isMissing)) throw refuse()
    return
  }
  const present = new Set(files.disk.list(files.journal))
  for (const { file, segment, to } of readArchive(files.disk, files.journal).files.values()) {
    if (segment === undefined || to === null || present.has(file) || Date.parse(segment.ends) < from.atMs)
      continue
    if (segment.events.some((events) => shard === undefined || events.shard === shard)) throw refuse()
  }
}

/** What nobody can have any more. */
function remarkOnGivenUp(files: JournalFiles, terminal: Terminal): void {
  const givenUp = missingFrom(files).filter(({ went }) => went === null)
  if (givenUp.length > 0)
    terminal.remark(
      `${rangesText(givenUp)} were given up by a repair: ${repairsName} in the journal's directory says when`,
    )
}

function isBehind({ atMs, sequence }: JournalEvent, to: Point | undefined): boolean {
  if (to === undefined) return false
  return to.type === 'time' ? atMs > to.atMs : sequence > to.sequence
}
