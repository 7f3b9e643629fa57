/**
 * How far other systems were told of this journal, in a file beside it: a note for whoever moves segments away, so that they
 * are told first. The broker's own position is the one that counts; this one may be behind it, and never is ahead.
 */
import { dirname, join } from 'node:path'
import { z } from 'zod'
import type { ShardId } from '../../domain/ids.ts'
import type { Disk } from './disk.ts'
import { readWhole } from './segments.ts'

/** By shard, the newest sequence; a shard that is not named was told nothing of. */
export type Told = ReadonlyMap<ShardId, number>

const NAME = 'told.json'
const ASIDE = '.writing'

const record = z.object({ told: z.array(z.tuple([z.int().nonnegative(), z.int().nonnegative()])) })

export function toldPath(journal: string): string {
  return join(dirname(journal), NAME)
}

/** The file is whole or as it was. It need not survive power loss: what is lost of it is only behind. */
export function writeTold(disk: Disk, journal: string, told: Told): void {
  const path = toldPath(journal)
  if (disk.exists(path + ASIDE)) disk.remove(path + ASIDE)
  const file = disk.create(path + ASIDE)
  try {
    file.write(Buffer.from(JSON.stringify({ told: [...told] })), 0)
  } finally {
    file.close()
  }
  disk.rename(path + ASIDE, path)
}

/** Undefined where nobody is to be told. What cannot be read says nothing, so nothing was told. */
export function readTold(disk: Disk, journal: string): Told | undefined {
  const path = toldPath(journal)
  if (!disk.exists(path)) return undefined
  try {
    const { told } = record.parse(JSON.parse(readWhole(disk, path).toString()))
    return new Map(told.map(([shard, sequence]) => [shard as ShardId, sequence]))
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof z.ZodError)) throw error
    return new Map()
  }
}

/** Nobody is to be told any more. */
export function forgetTold(disk: Disk, journal: string): void {
  const path = toldPath(journal)
  if (disk.exists(path)) disk.remove(path)
}
