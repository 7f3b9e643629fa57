/**
 * The record of a move: `moved.json` in a data directory whose journal is on its way to Redis or has arrived there, or is on
 * its way here from there. A server does not start on a copy that another one may have gone on from.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { z } from 'zod'
import {
  claimMirror,
  type DataPaths,
  DirectoryError,
  refuseMirror,
  writeFileAtomically,
} from './directory.ts'

const movedSchema = z.object({
  state: z.enum(['leaving', 'left', 'arriving']),
  /** Of the data in Redis. */
  dataId: z.string().regex(/^[0-9a-f]{32}$/),
  /** Where it is: addresses, without user and password. */
  redis: z.string(),
  /** RFC 3339. */
  at: z.string(),
})

export type Moved = z.output<typeof movedSchema>

/** `undefined` where the directory takes part in no move. Throws `DirectoryError` where its record cannot be read. */
export function readMoved({ moved: path }: DataPaths): Moved | undefined {
  if (!existsSync(path)) return undefined
  try {
    return movedSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    const why = `${path} says that the directory takes part in a move, and cannot be read`
    throw new DirectoryError('foreign', `${why}. Restore it from a backup.`, { cause: error })
  }
}

/** When it returns, the record survives power loss. */
export function writeMoved(paths: DataPaths, moved: Moved): void {
  writeFileAtomically(paths.moved, `${JSON.stringify(moved, undefined, 2)}\n`)
}

/** The directory takes part in no move any more. */
export function removeMoved(paths: DataPaths): void {
  rmSync(paths.moved, { force: true })
}

/** Throws `DirectoryError` where a single server must not start on the directory: its journal is in Redis, or not whole. */
export function claimAlone(paths: DataPaths): void {
  const moved = readMoved(paths)
  if (moved === undefined) return refuseMirror(paths)
  const { state, redis, at } = moved
  const reopen = '"npm run move -- --reopen files" says what starting here all the same means'
  const why = {
    leaving: `is being moved to Redis at ${redis} since ${at}: run "npm run move -- --to redis" again, and it goes on. ${reopen}`,
    left: `was moved to Redis at ${redis} at ${at}, and may have gone on there: set REDIS_URL. ${reopen}`,
    arriving: `is being filled from Redis at ${redis} since ${at}, and is not whole: run "npm run move -- --to files" again, and it goes on`,
  }[state]
  throw new DirectoryError('foreign', `${paths.root} ${why}.`)
}

/** `claimMirror`, where a journal that has become the data in Redis is in nobody's way. */
export function claimAmongOthers(paths: DataPaths, dataId: string): void {
  const moved = readMoved(paths)
  if (moved?.state === 'arriving') {
    throw new DirectoryError(
      'foreign',
      `${paths.root} is being filled from Redis since ${moved.at}. "npm run move -- --to files" goes on with it; "npm run move -- --reopen redis" gives it up.`,
    )
  }
  claimMirror(paths, dataId, moved?.state === 'left' && moved.dataId === dataId)
}
