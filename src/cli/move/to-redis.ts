/**
 * From a data directory into an empty Redis: of one machine, whose journal is written anew by shard, or of a node, whose mirror
 * is what Redis had.
 *
 * T1  The source says that it is leaving before the first thing is written elsewhere, and Redis is closed to nodes until all
 *     of it was found there: whatever interrupts this, no server starts on either of them.
 * T2  Each step finds out what of it was done before: the same command goes on where it was.
 */
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { drawToken } from '../../cluster/draw-token.ts'
import type { Config } from '../../config.ts'
import { crashPoint } from '../../crash-points.ts'
import type { ShardId } from '../../domain/ids.ts'
import {
  type DataPaths,
  dataPaths,
  lockDirectory,
  mirrorPaths,
  writeFileAtomically,
} from '../../persistence/directory.ts'
import { realDisk } from '../../persistence/journal/disk.ts'
import { timeText } from '../../persistence/journal/event-fields.ts'
import { type Moved, readMoved, removeMoved, writeMoved } from '../../persistence/moved.ts'
import { realClock, realRandom } from '../../seams.ts'
import { withArchives } from '../archive-view.ts'
import { Unusable } from '../exit-codes.ts'
import { expectDirectory, type JournalFiles, openJournalFiles } from '../journal-files.ts'
import { markTables } from '../restore/mark-tables.ts'
import { countOf, type Terminal } from '../terminal.ts'
import type { ClosedRedis } from './closed-redis.ts'
import { compareFrames, copyFrames, framesOfShard } from './frames-in-redis.ts'
import { expectWhole, shardsIn, splitJournal } from './split-journal.ts'
import { expectEqual, foldJournal, hashLines, type ShardHash } from './state-hashes.ts'
import { beginStep } from './steps.ts'

export type JournalMove = {
  readonly directory: string
  readonly config: Config
  readonly redis: ClosedRedis
  readonly archives: readonly string[]
  readonly out: Terminal
}

/** Resolves when nodes can start on it. Rejects with `Unusable`, `DirectoryError` or damage. */
export async function moveToRedis(move: JournalMove): Promise<void> {
  const { directory, redis, out } = move
  const paths = dataPaths(directory)
  expectDirectory(paths.root, `There is no data directory ${paths.root}`)
  const lock = lockDirectory(directory, 'lock')
  try {
    const moved = readMoved(paths)
    if (moved?.state === 'arriving')
      throw new Unusable(
        `${paths.root} is being filled from Redis itself: "npm run move -- --to files" goes on with it.`,
      )
    const known = await redis.known()
    if (moved?.state === 'left' && known?.dataId === moved.dataId && known.closed === undefined) {
      out.line(`${paths.root} was moved at ${moved.at}: set REDIS_URL, and start.`)
      return
    }
    const isNode = (moved === undefined || moved.state === 'left') && existsSync(mirrorPaths(paths).mirrorOf)
    if (isNode && known?.closed !== 'filling') await moveMirror(move, paths)
    else if (moved?.state === 'left') {
      if (known?.dataId !== moved.dataId)
        throw new Unusable(
          `${paths.root} was moved to Redis at ${moved.redis} at ${moved.at}, and this is not what is in Redis at ${redis.place}.`,
        )
      await finish(move, paths, { moved, shards: known.shards })
    } else await moveJournal(move, paths, moved)
  } finally {
    lock.close()
  }
}

/** What a node kept of a Redis that has lost everything. */
async function moveMirror(move: JournalMove, paths: DataPaths): Promise<void> {
  const { config, out } = move
  const files = filesOf(mirrorPaths(paths), move)
  expectWhole(files)
  const dataId = readFileSync(mirrorPaths(paths).mirrorOf, 'utf8').trim()
  const { shards, lastTimeMs } = foldJournal(files, 'the mirror was read', out)
  await fill(move, { as: 'refilling', dataId, files })
  const place =
    config.database.type === 'sqlite' ? ({ type: 'sqlite', path: paths.tables } as const) : config.database
  const { tablesAtMs } = await markTables(place, { journalAtMs: lastTimeMs, sinceMs: undefined })
  crashPoint('move.beforeOpen')
  await move.redis.open()
  tellHashes(shards, out)
  out.line(
    `Redis has what this node had: events to ${timeText(lastTimeMs)}. What was acknowledged later is lost.`,
  )
  out.line(
    `The tables know orders to ${timeText(tablesAtMs)}. Nothing is sold until it is reconciled: start the nodes, then`,
  )
  out.line('"npm run reconcile -- status".')
}

async function moveJournal(move: JournalMove, paths: DataPaths, before: Moved | undefined): Promise<void> {
  const { redis, out } = move
  const files = withArchives(openJournalFiles(paths.root), move.archives)
  const shards = shardsIn(files)
  expectWhole(files)
  const moved: Moved = before ?? {
    state: 'leaving',
    dataId: drawToken(realRandom()),
    redis: redis.place,
    at: timeText(realClock.wallMs()),
  }
  const known = await redis.known()
  // Before the source says anything.
  if (known !== undefined && known.dataId !== moved.dataId)
    await redis.close('filling', { dataId: moved.dataId, shards, why: '' })
  writeMoved(paths, moved)
  const source = sourceOrGiveUp(move, { paths, files, moved, isFirst: before === undefined })
  const target = foldJournal(filesOf(mirrorPaths(paths), move), 'what was written was read', out).shards
  expectEqual(source, target)
  await fill(move, { as: 'filling', dataId: moved.dataId, files: filesOf(mirrorPaths(paths), move) })
  crashPoint('move.beforeLeft')
  tellHashes(source, out)
  await finish(move, paths, { moved, shards })
}

async function finish(
  { redis, out }: JournalMove,
  paths: DataPaths,
  { moved, shards }: { readonly moved: Moved; readonly shards: number },
): Promise<void> {
  writeMoved(paths, { ...moved, state: 'left', at: timeText(realClock.wallMs()) })
  crashPoint('move.beforeOpen')
  await redis.open()
  out.line(`Moved: ${countOf(shards, 'shard')} to Redis at ${redis.place}, data ${moved.dataId}.`)
  out.line(
    `Start nodes with REDIS_URL; this directory may be one's. ${paths.journal} stays as it is, and nobody reads it any more.`,
  )
}

type Source = { readonly paths: DataPaths; readonly files: JournalFiles; readonly moved: Moved }

/** `sourceOf`; where the first attempt ends there, nothing has left, and the source says nothing any more. */
function sourceOrGiveUp(
  move: JournalMove,
  source: Source & { readonly isFirst: boolean },
): readonly ShardHash[] {
  try {
    return sourceOf(move, source)
  } catch (error) {
    if (source.isFirst) {
      rmSync(`${mirrorPaths(source.paths).mirror}.moving`, { recursive: true, force: true })
      removeMoved(source.paths)
    }
    throw error
  }
}

/** The source's journal by shard, in this directory's mirror, and what the source comes to. */
function sourceOf({ config, out }: JournalMove, { paths, files, moved }: Source): readonly ShardHash[] {
  const { mirror, mirrorOf } = mirrorPaths(paths)
  if (existsSync(mirrorOf)) return foldJournal(files, 'the source was read again', out).shards
  const aside = `${mirror}.moving`
  rmSync(aside, { recursive: true, force: true })
  const directory = join(aside, 'journal')
  for (const made of [aside, directory, join(aside, 'snapshots')]) realDisk.makeDirectory(made)
  const { shards } = splitJournal(files, { directory, segmentBytes: config.segmentBytes }, out)
  realDisk.syncDirectory(directory)
  writeFileAtomically(join(aside, 'of.txt'), `${moved.dataId}\n`)
  crashPoint('move.beforeRename')
  rmSync(mirror, { recursive: true, force: true })
  renameSync(aside, mirror)
  realDisk.syncDirectory(paths.root)
  return shards
}

/** Closes Redis and brings all of a mirror there. */
async function fill(
  { redis, out }: JournalMove,
  {
    as,
    dataId,
    files,
  }: { readonly as: 'filling' | 'refilling'; readonly dataId: string; readonly files: JournalFiles },
): Promise<void> {
  crashPoint('move.beforeClose')
  const shards = shardsIn(files)
  const why = `the journal of this Redis is not whole: it is being moved here from ${files.root}. Run "npm run move -- --to redis" there again, and it goes on`
  await redis.close(as, { dataId, shards, why })
  await redis.expectNoNodes()
  const writer = drawToken(realRandom())
  const each = Array.from({ length: shards }, (_, shard) => shard as ShardId)
  const of = { nodes: redis.nodes, disk: files.disk, directory: files.journal }
  let frames = 0
  for (const shard of each) for (const _ of framesOfShard({ ...of, shard })) frames += 1
  const copying = beginStep(out, 'copied to Redis', frames, 'frames')
  for (const shard of each) await copyFrames({ ...of, shard, step: copying }, { ack: redis.ack, writer })
  copying.done()
  const comparing = beginStep(out, 'compared with Redis, byte for byte', frames, 'frames')
  for (const shard of each) await compareFrames({ ...of, shard, step: comparing })
  comparing.done()
}

function filesOf(paths: ReturnType<typeof mirrorPaths>, { directory, archives }: JournalMove): JournalFiles {
  const files = openJournalFiles(directory)
  return withArchives({ ...files, journal: paths.journal, snapshots: paths.snapshots }, archives)
}

function tellHashes(shards: readonly ShardHash[], out: Terminal): void {
  for (const line of hashLines(shards)) out.line(line)
}
