/** `journal archive`: moves whole old segments elsewhere. */
import { existsSync } from 'node:fs'
import { dirname, resolve, sep } from 'node:path'
import { timeText } from '../persistence/journal/event-fields.ts'
import { JournalDamaged } from '../persistence/journal/streams.ts'
import type { RedisAccess } from '../redis-url.ts'
import { realClock } from '../seams.ts'
import { moveFiles } from './archive/move.ts'
import { type ArchivePlan, type PlannedFile, type PlanOptions, planArchive } from './archive/plan.ts'
import { isS3, openS3Place } from './archive/s3-place.ts'
import { uploadFiles } from './archive/upload.ts'
import type { Command, Options } from './command-line.ts'
import { isDamage, reportDamage } from './damage-report.ts'
import { type ExitCode, exitCodes, Unusable } from './exit-codes.ts'
import { expectDirectory, hasCode, type JournalFiles, segmentBytesOf } from './journal-files.ts'
import { withMaintenance } from './maintenance.ts'
import { timeOf } from './points.ts'
import { bytesText, countOf, type Terminal } from './terminal.ts'

/** A running engine may turn to its next segment between two reads. */
const livePassesMax = 5

export const archive: Command = {
  name: 'archive',
  summary: 'Moves old segments that no recovery needs any more to another directory, or to a bucket.',
  help: `
  --to DIR       where to; it is made if its parent is there
  --to s3        to the bucket of S3_URL; s3:NAME where several journals, or several nodes, share it
  --keep N       the newest N segments stay, whether they are needed or not
  --before TIME  only segments that were written before a time (2026-11-27T08:00:00Z)
  --dry-run      only say what would be moved, and why no more

A segment can go when two snapshots of each of its shards know all its events, so that the journal survives the loss of
either, and when other systems have been told of them (EVENTS_URL). Of a stream the oldest go first; the end of the journal stays. What goes is copied, synced, compared byte for
byte, entered in the record archived.jsonl, and only then removed. If it is interrupted, run it again. An engine may be
running. To a bucket it goes likewise: put, read back, compared, recorded, and only then removed.

verify, replay, stock, history and export read archived segments with --archive DIR; fetch brings them out of a bucket
into a directory. Copied back into the journal's
directory, they are part of it as before. With REDIS_URL it is this node's mirror that is archived, and what the archive
has then goes from Redis too; a node that was away for longer, or is new, needs a copy of another node's mirror. What is missing and not in the record is damage, as it always was.

Exit code 0: moved, or nothing to move. 1: the journal is damaged; nothing was moved. 3: the directory cannot be used.`,
  example: 'archive --to /backup/holdfast --before 2026-10-01T00:00:00Z --dry-run',
  options: ['to', 'keep', 'before', 'dry-run'],
  async run(files, options, terminal) {
    if (options.keep !== undefined && options.before !== undefined)
      throw new Unusable('--keep and --before exclude one another.')
    const bounds: PlanOptions = {
      keep: options.keep,
      beforeMs: options.before === undefined ? undefined : timeOf('--before', options.before),
    }
    const to = await targetOf(files, options, terminal)
    const run = async () => {
      const exitCode = await planAndMove(files, { to, bounds, options, terminal })
      if (files.redis !== undefined && !options.dryRun) await trim(files, files.redis, terminal)
      return exitCode
    }
    try {
      return options.dryRun ? await run() : await withMaintenance(files, run)
    } catch (error) {
      if (!isDamage(error)) throw error
      return reportDamage(files, error, { command: 'archive', json: options.json, terminal })
    } finally {
      to?.close()
    }
  },
}

/** Where files go. */
type Target = {
  /** As it is shown. */
  readonly name: string
  move(files: readonly PlannedFile[], onBytes: (bytes: number) => void): void | Promise<void>
  close(): void
}

async function planAndMove(
  files: JournalFiles,
  of: {
    readonly to: Target | undefined
    readonly bounds: PlanOptions
    readonly options: Options
    readonly terminal: Terminal
  },
): Promise<ExitCode> {
  const { to, options, terminal } = of
  const reading = terminal.progress(segmentBytesOf(files))
  let plan: ArchivePlan
  try {
    plan = planned(files, { ...of.bounds, onBytes: (bytes) => reading.advance(bytes) })
  } finally {
    reading.done()
  }
  const bytes = plan.files.reduce((sum, file) => sum + file.bytes, 0)
  if (to !== undefined && !options.dryRun && plan.files.length > 0) {
    const moving = terminal.progress(bytes)
    try {
      await to.move(plan.files, (more) => moving.advance(more))
    } finally {
      moving.done()
    }
  }
  const names = plan.files.map(({ file }) => file)
  const { kept, reasons } = plan
  const { dryRun } = options
  const exitCode = exitCodes.good
  if (options.json) {
    const where = to?.name
    terminal.line(
      JSON.stringify({ command: 'archive', exitCode, dryRun, to: where, files: names, bytes, kept, reasons }),
    )
  } else for (const line of describe(plan, { to: to?.name, bytes, dryRun })) terminal.line(line)
  return exitCode
}

async function trim(files: JournalFiles, access: RedisAccess, terminal: Terminal): Promise<void> {
  const { trimArchived } = await import('./archive/trim.ts')
  const entries = await trimArchived(files, access)
  terminal.remark(`${countOf(entries, 'frame')} that the archive has went from Redis.`)
}

function planned(files: JournalFiles, options: PlanOptions): ArchivePlan {
  for (let pass = 1; ; pass++) {
    try {
      return planArchive(files, options)
    } catch (error) {
      const mayBeLate = error instanceof JournalDamaged || hasCode(error, 'ENOENT')
      if (!mayBeLate || pass === livePassesMax || !files.isLive()) throw error
    }
  }
}

async function targetOf(
  files: JournalFiles,
  { to, dryRun }: Options,
  terminal: Terminal,
): Promise<Target | undefined> {
  if (to === undefined) {
    if (dryRun) return undefined
    throw new Unusable('archive needs --to DIR, --to s3, or --dry-run.')
  }
  const { disk, journal } = files
  const at = timeText(realClock.wallMs())
  if (isS3(to)) {
    const place = await openS3Place('--to', to)
    const hasEnded = () => terminal.hasEnded
    return {
      name: place.url,
      move: (moved, onBytes) => uploadFiles({ disk, journal, to: place, at, onBytes, hasEnded }, moved),
      close: () => place.client.close(),
    }
  }
  const path = directoryOf(files, to)
  return {
    name: path,
    move: (moved, onBytes) => {
      makeTarget(files, path)
      moveFiles({ disk, journal, to: path, at, onBytes }, moved)
    },
    close: () => {},
  }
}

function directoryOf({ root, journal, snapshots }: JournalFiles, to: string): string {
  const path = resolve(to)
  const isOwn =
    [journal, snapshots].some((own) => path === own || path.startsWith(own + sep)) || path === root
  if (isOwn) throw new Unusable(`--to ${path} is where the journal is; name another directory.`)
  if (existsSync(path)) expectDirectory(path, '', '--to names a directory.')
  else expectDirectory(dirname(path), `There is no directory ${dirname(path)}`, '--to names one in it.')
  return path
}

function makeTarget({ disk }: JournalFiles, path: string): void {
  if (disk.exists(path)) return
  disk.makeDirectory(path)
  disk.syncDirectory(dirname(path))
}

function describe(
  { files, kept, reasons }: ArchivePlan,
  about: { readonly to: string | undefined; readonly bytes: number; readonly dryRun: boolean },
): string[] {
  const { to, bytes, dryRun } = about
  const segments = files.filter(({ segment }) => segment !== undefined).length
  const lines = dryRun
    ? files.map(({ file, segment }) => {
        return segment === undefined
          ? `goes   ${file}`
          : `goes   ${file}, ${segment.begins} to ${segment.ends}`
      })
    : []
  for (const { file, why } of reasons) lines.push(`stays  ${file}: ${why}`)
  if (lines.length > 0) lines.push('')
  const stays = `${countOf(kept, 'segment')} ${kept === 1 ? 'stays' : 'stay'}.`
  if (files.length === 0) lines.push(`Nothing to archive: ${stays}`)
  else {
    const where = to === undefined ? '' : ` to ${to}`
    const what = `${countOf(segments, 'segment')} in ${countOf(files.length, 'file')}, ${bytesText(bytes)}`
    lines.push(`${dryRun ? 'Would move' : 'Moved'} ${what}${where}; ${stays}`)
  }
  return lines
}
