/** Journals with segments that no recovery needs any more. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JournalFiles } from '../../src/cli/journal-files.ts'
import { MemoryDisk } from '../support/memory-disk.ts'
import { tradeSeveral } from './several.ts'
import { Workshop, type WorkshopOptions } from './workshop.ts'

/** Four streams, of which newer ones took three over, and two snapshots of each shard in the middle of the last. */
export async function makeArchivable(
  options: WorkshopOptions & { readonly frames?: number; readonly end?: 'closed' | 'crashed' } = {},
): Promise<Workshop> {
  const shop = new Workshop({ segmentBytes: 16 * 1_024, ...options })
  const frames = options.frames ?? 30
  await shop.start(1)
  await shop.trade(frames)
  await shop.crash()
  await shop.start(2)
  await tradeSeveral(shop, 4, 1)
  await shop.trade(frames)
  await shop.crash()
  await shop.start(1)
  await shop.trade(frames)
  await tradeSeveral(shop, 4, 2)
  shop.snapshot()
  await shop.trade(frames)
  await tradeSeveral(shop, 4, 3)
  shop.snapshot()
  await shop.trade(10)
  if (options.end === 'crashed') await shop.crash()
  else await shop.close()
  return shop
}

export const inMemory = {
  root: '/data',
  journal: '/data/journal',
  snapshots: '/data/snapshots',
  archive: '/archive',
}

/** The same files on a disk in memory, with an empty archive beside them. */
export function onMemoryDisk(shop: Workshop): MemoryDisk {
  const disk = new MemoryDisk()
  const session = disk.session()
  for (const directory of Object.values(inMemory)) session.makeDirectory(directory)
  for (const [from, to] of [
    [shop.journal, inMemory.journal],
    [shop.snapshots, inMemory.snapshots],
  ] as const) {
    for (const name of readdirSync(from)) disk.place(join(to, name), readFileSync(join(from, name)))
  }
  return disk
}

/** What the commands are given of such a disk. */
export function filesOn(
  disk: MemoryDisk,
  shards: number,
): JournalFiles & { disk: ReturnType<MemoryDisk['session']> } {
  const { root, journal, snapshots } = inMemory
  const isLive = () => false
  return { disk: disk.session(), root, journal, snapshots, shards, recordProblem: undefined, isLive }
}
