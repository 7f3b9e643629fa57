/** Takes back what a move has said of one of its ends, for whoever wants to start there all the same. */
import { rmSync } from 'node:fs'
import { dataPaths, lockDirectory, mirrorPaths } from '../../persistence/directory.ts'
import { readMoved, removeMoved } from '../../persistence/moved.ts'
import { Unusable } from '../exit-codes.ts'
import { isFilling } from './closed-redis.ts'
import type { JournalMove } from './to-redis.ts'

type Reopening = Pick<JournalMove, 'directory' | 'out'> & { readonly yes: boolean }

/** Lets a single server start on what was or was to be moved to Redis. Throws `Unusable`. */
export function reopenFiles({ directory, out, yes }: Reopening): void {
  const paths = dataPaths(directory)
  const lock = lockDirectory(directory, 'lock')
  try {
    const moved = readMoved(paths)
    if (moved === undefined || moved.state === 'arriving')
      throw new Unusable(`${paths.root} was not moved to Redis, nor is it about to be.`)
    const lost =
      moved.state === 'left'
        ? `Redis at ${moved.redis} has gone on from it if a node has started there since ${moved.at}: all that was sold there is unknown here, and would be sold again.`
        : `What is in Redis at ${moved.redis} so far is not whole, and no node starts on it: empty it.`
    if (!yes) throw new Unusable(`${lost} --reopen files --yes does it.`)
    rmSync(mirrorPaths(paths).mirror, { recursive: true, force: true })
    rmSync(`${mirrorPaths(paths).mirror}.moving`, { recursive: true, force: true })
    removeMoved(paths)
    out.line(`${paths.root} is what it was before it was moved. ${lost}`)
  } finally {
    lock.close()
  }
}

/** Lets nodes start on a Redis whose journal was or was to be moved into files. Rejects with `Unusable`. */
export async function reopenRedis({
  directory,
  redis,
  out,
  yes,
}: Reopening & Pick<JournalMove, 'redis'>): Promise<void> {
  const known = await redis.known()
  if (known?.closed === undefined) throw new Unusable(`Redis at ${redis.place} is not closed to nodes.`)
  if (isFilling(known.closed))
    throw new Unusable(
      `What is in Redis at ${redis.place} is not whole: "--to redis" goes on with it, or empty it.`,
    )
  const lost =
    known.closed === 'moved'
      ? 'The directory that it was moved into has gone on from it if a server has started there: all that was sold there is unknown here, and would be sold again.'
      : 'The directory that it is being moved into is not whole, and no server starts on it.'
  if (!yes) throw new Unusable(`${lost} --reopen redis --yes does it.`)
  const paths = dataPaths(directory)
  const moved = readMoved(paths)
  if (moved?.state === 'arriving' && moved.dataId === known.dataId) removeMoved(paths)
  await redis.open()
  out.line(`Nodes may start on Redis at ${redis.place}. ${lost}`)
}
