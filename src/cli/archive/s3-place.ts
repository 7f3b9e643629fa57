/** An archive in a bucket: `--to s3`, or `--to s3:NAME` where several journals share the bucket. */
import { s3ArchiveIdleMs, s3ArchivePatienceMs } from '../../limits/s3.ts'
import type { S3Client } from '../../persistence/s3/s3-client.ts'
import { heldTimers, realClock, realRandom } from '../../seams.ts'
import { Unusable } from '../exit-codes.ts'

const FOLDER = 'archive/'
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$/

export type S3Place = {
  readonly client: S3Client
  /** What stands before a file's name. */
  readonly folder: string
  /** As the record has it: s3://bucket/…/ */
  readonly url: string
}

/** Whether an option names a place in the bucket, and not a directory. */
export function isS3(text: string): boolean {
  return text === 's3' || text.startsWith('s3:')
}

/** The place that an option names, with connections that `close` of its client ends. Throws `Unusable`. */
export async function openS3Place(option: string, text: string): Promise<S3Place> {
  const name = text === 's3' ? '' : text.slice('s3:'.length)
  if (name !== '' && !NAME.test(name))
    throw new Unusable(`${option} takes s3, or s3: and a name of letters, digits, dots, - and _.`)
  const { loadS3Access } = await import('../../config.ts')
  const access = loadS3Access()
  if (access === 'invalid') throw new Unusable('The bucket cannot be used with these settings.')
  if (access === undefined)
    throw new Unusable(
      `${option} s3 needs S3_URL, S3_ACCESS_KEY and S3_SECRET_KEY. For a directory of this name: ./s3`,
    )
  const { S3Client } = await import('../../persistence/s3/s3-client.ts')
  const seams = { clock: realClock, timers: heldTimers, random: realRandom() }
  const bounds = { patienceMs: s3ArchivePatienceMs, idleMs: s3ArchiveIdleMs }
  return s3PlaceOf(new S3Client(access, seams, bounds), name)
}

export function s3PlaceOf(client: S3Client, name: string): S3Place {
  const folder = name === '' ? FOLDER : `${FOLDER}${name}/`
  return { client, folder, url: client.placeOf(folder) }
}
