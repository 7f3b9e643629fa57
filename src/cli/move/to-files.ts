/**
 * From Redis into a data directory that a single server starts on. Nodes' frames are what a segment file holds, byte for byte:
 * a mirror brought up to date becomes the journal.
 *
 * F1  Redis is closed to nodes before the first frame is copied, and stays so; the directory says that it is being filled
 *     until the end: whatever interrupts this, no server starts on either of them.
 */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { crashPoint } from '../../crash-points.ts'
import type { ShardId } from '../../domain/ids.ts'
import {
  type DataPaths,
  dataPaths,
  isLocked,
  mirrorPaths,
  openDataDirectory,
} from '../../persistence/directory.ts'
import { realDisk } from '../../persistence/journal/disk.ts'
import { timeText } from '../../persistence/journal/event-fields.ts'
import { claimAmongOthers, type Moved, readMoved, removeMoved, writeMoved } from '../../persistence/moved.ts'
import { realClock } from '../../seams.ts'
import { copyAll } from '../copy-from-redis.ts'
import { Unusable } from '../exit-codes.ts'
import { openJournalFiles } from '../journal-files.ts'
import { countOf } from '../terminal.ts'
import { isFilling, type KnownData } from './closed-redis.ts'
import { compareFrames, framesOfShard } from './frames-in-redis.ts'
import { foldJournal, hashLines } from './state-hashes.ts'
import { beginStep } from './steps.ts'
import type { JournalMove } from './to-redis.ts'

/** Resolves when a single server can start on the directory. Rejects with `Unusable`, `DirectoryError` or damage. */
export async function moveToFiles(move: JournalMove): Promise<void> {
  const { directory, redis, out } = move
  const paths = dataPaths(directory)
  const known = await redis.known()
  if (known === undefined)
    throw new Unusable(`Redis at ${redis.place} holds no journal: no node has started on it.`)
  if (isFilling(known.closed))
    throw new Unusable(`Redis at ${redis.place} is being filled itself, and is not whole.`)
  expectTarget(paths)
  const { close } = openDataDirectory(directory, { shards: known.shards })
  try {
    const moved = readMoved(paths)
    const isOurs = moved?.state === 'arriving' && moved.dataId === known.dataId
    if (known.closed === 'moved' && !isOurs)
      throw new Unusable(
        `The journal of Redis at ${redis.place} was moved away before. "--reopen redis" says more.`,
      )
    if (!isOurs) claimAmongOthers(paths, known.dataId)
    await leaveRedis(move, known)
    if (!isOurs) {
      const at = timeText(realClock.wallMs())
      writeMoved(paths, { state: 'arriving', dataId: known.dataId, redis: redis.place, at } satisfies Moved)
    }
    const { journal } = mirrorPaths(paths)
    // Without one it was put into place before something interrupted this.
    if (existsSync(journal) || !existsSync(paths.journal) || known.closed !== 'moved')
      await fetch(move, { paths, known })
    crashPoint('move.beforePlace')
    place(paths, known.dataId)
    crashPoint('move.beforeDone')
    removeMoved(paths)
    realDisk.syncDirectory(paths.root)
    out.line(
      `Moved: ${countOf(known.shards, 'shard')} into ${paths.root}. Start one server there, without REDIS_URL and with`,
    )
    out.line(`SHARDS=${known.shards}. What Redis has stays as it is, and no node starts on it.`)
  } finally {
    close()
  }
}

/** Throws `Unusable` unless it is new, empty, or has a record of its own. */
function expectTarget(paths: DataPaths): void {
  if (!existsSync(paths.root) || existsSync(paths.record)) return
  if (isLocked(paths.root)) return
  const names = readdirSync(paths.root).filter((name) => !name.startsWith('lock.sqlite'))
  if (names.length > 0) throw new Unusable(`${paths.root} is not empty, and no data directory.`)
}

async function leaveRedis({ redis, directory }: JournalMove, known: KnownData): Promise<void> {
  if (known.closed === 'moved') return
  const why = `the journal of this Redis is being moved into ${dataPaths(directory).root}: run "npm run move -- --to files" there again, and it goes on. "npm run move -- --reopen redis" says what starting here all the same means`
  await redis.close('moving', { ...known, why })
  try {
    await redis.expectNoNodes()
  } catch (error) {
    if (known.closed === undefined) await redis.open()
    throw error
  }
}

async function fetch(
  { redis, directory, out }: JournalMove,
  { paths, known }: { readonly paths: DataPaths; readonly known: KnownData },
): Promise<void> {
  const { journal, snapshots } = mirrorPaths(paths)
  realDisk.makeDirectory(journal)
  realDisk.makeDirectory(snapshots)
  const fetching = beginStep(out, 'copied from Redis', 0, 'frames')
  await copyAll(redis.nodes, journal, known.shards, () => {
    fetching.advance(1)
    crashPoint('move.midFetch')
  })
  fetching.done()
  const each = Array.from({ length: known.shards }, (_, shard) => shard as ShardId)
  const of = { nodes: redis.nodes, disk: realDisk, directory: journal }
  let frames = 0
  for (const shard of each) for (const _ of framesOfShard({ ...of, shard })) frames += 1
  const comparing = beginStep(out, 'compared with Redis, byte for byte', frames, 'frames')
  for (const shard of each) await compareFrames({ ...of, shard, step: comparing })
  comparing.done()
  const files = { ...openJournalFilesOf(directory), journal, snapshots }
  const { shards } = foldJournal(files, 'what was copied was read', out)
  await redis.expectNoNodes()
  crashPoint('move.beforeMoved')
  const why = `the journal of this Redis was moved into ${paths.root}, and may have gone on there. "npm run move -- --reopen redis" says what starting here all the same means`
  await redis.close('moved', { ...known, why })
  for (const line of hashLines(shards)) out.line(line)
}

/** Of a directory that has no journal of its own yet. */
function openJournalFilesOf(directory: string) {
  realDisk.makeDirectory(dataPaths(directory).journal)
  return openJournalFiles(directory)
}

/** The mirror becomes the journal; what was there before that became this data is kept aside. */
function place(paths: DataPaths, dataId: string): void {
  const mirror = mirrorPaths(paths)
  for (const name of ['snapshots', 'journal'] as const) {
    if (!existsSync(mirror[name])) continue
    if (existsSync(paths[name])) {
      if (readdirSync(paths[name]).length === 0) rmSync(paths[name], { recursive: true })
      else renameSync(paths[name], `${paths[name]}.before-${dataId}`)
    }
    crashPoint('move.midPlace')
    renameSync(mirror[name], paths[name])
  }
  realDisk.syncDirectory(paths.root)
  // What a history says of frames is about those that were here before.
  for (const name of readdirSync(paths.root))
    if (name.startsWith('history.sqlite')) rmSync(`${paths.root}/${name}`)
  rmSync(mirror.mirror, { recursive: true, force: true })
}
