/**
 * Moves files of a journal to a bucket. As in `move.ts`, each of them is whole in one place at least at every moment, and what
 * is only in the bucket is in the record: whatever ends it, doing it again finishes it.
 *
 *   put what is not there → read it back and compare → write the record → put the record → remove → sync the journal
 */
import { hash } from 'node:crypto'
import { join } from 'node:path'
import {
  type Archive,
  archiveRecordName,
  parseArchive,
  readArchive,
} from '../../persistence/journal/archived.ts'
import { BytesDamaged } from '../../persistence/journal/bytes.ts'
import type { Disk } from '../../persistence/journal/disk.ts'
import { readWhole } from '../../persistence/journal/segments.ts'
import { Unusable } from '../exit-codes.ts'
import { recordMoved, removeMoved } from './move.ts'
import type { PlannedFile } from './plan.ts'
import type { S3Place } from './s3-place.ts'

const TYPE = 'application/octet-stream'
const RECORD_TYPE = 'application/jsonl'
const recordBytesMax = 256 * 1_024 * 1_024

export type Upload = {
  readonly disk: Disk
  readonly journal: string
  readonly to: S3Place
  /** RFC 3339. */
  readonly at: string
  readonly onBytes?: (bytes: number) => void
  /** Whether somebody asked the command to end; it is looked at between two files. */
  readonly hasEnded?: () => boolean
}

/** When it resolves, the files are in the bucket, in the record, and no longer here, and all that survives power loss. */
export async function uploadFiles(upload: Upload, files: readonly PlannedFile[]): Promise<void> {
  const { disk, journal, to, at } = upload
  if (files.length === 0) return
  await expectOwn(upload, files)
  for (const file of files) {
    if (upload.hasEnded?.() === true) throw new Unusable('Interrupted. Nothing was removed; run it again.')
    await uploadOne(upload, file)
  }
  recordMoved({ disk, journal, to: to.url, at }, files)
  const record = readWhole(disk, join(journal, archiveRecordName))
  const sha256 = hash('sha256', record)
  await to.client.put(to.folder + archiveRecordName, record, { sha256, type: RECORD_TYPE })
  await expectThere(to, { file: archiveRecordName, bytes: record.length, sha256 })
  removeMoved({ disk, journal }, files)
}

async function uploadOne({ disk, journal, to, onBytes }: Upload, planned: PlannedFile): Promise<void> {
  const { file, bytes, sha256 } = planned
  const from = join(journal, file)
  const isThere = (await to.client.head(to.folder + file)) !== undefined
  if (!isThere) {
    const content = readWhole(disk, from)
    // What is sent is what was planned, or nothing.
    if (content.length !== bytes || hash('sha256', content) !== sha256)
      throw new Unusable(`${from} has changed since it was read. Nothing was removed; try again.`)
    await to.client.put(to.folder + file, content, { sha256, type: TYPE, onlyIfAbsent: true })
  }
  await expectThere(to, planned)
  onBytes?.(bytes)
}

/** Reads it back: what a store says of an object is not the object. */
async function expectThere(
  { client, folder, url }: S3Place,
  { file, bytes, sha256 }: Pick<PlannedFile, 'file' | 'bytes' | 'sha256'>,
): Promise<void> {
  const there = await client.get(folder + file, Math.max(bytes, 1) * 2)
  if (there !== undefined && there.length === bytes && hash('sha256', there) === sha256) return
  const what = there === undefined ? 'is not there although it was put' : 'is there, and is something else'
  throw new Unusable(`${url}${file} ${what}. Nothing was removed. Name another place: --to s3:NAME.`)
}

/** Two journals in one place would overwrite each other's records. */
async function expectOwn({ disk, journal, to }: Upload, files: readonly PlannedFile[]): Promise<void> {
  const there = await recordAt(to)
  // A damaged one is written anew in the end; what it cannot tell, each file's own comparison does.
  if (there === undefined || there === 'damaged') return
  const here = new Map<string, string>()
  for (const { file, sha256 } of readArchive(disk, journal).files.values()) here.set(file, sha256)
  for (const { file, sha256 } of files) here.set(file, sha256)
  for (const { file, sha256 } of there.files.values()) {
    if (here.get(file) !== sha256)
      throw new Unusable(`${to.url} has the archive of another journal. Name another place: --to s3:NAME.`)
  }
}

/** The archive's own record; undefined where there is none. */
export async function recordAt({ client, folder }: S3Place): Promise<Archive | 'damaged' | undefined> {
  const bytes = await client.get(folder + archiveRecordName, recordBytesMax)
  if (bytes === undefined) return undefined
  try {
    return parseArchive(bytes)
  } catch (error) {
    if (error instanceof BytesDamaged) return 'damaged'
    throw error
  }
}
