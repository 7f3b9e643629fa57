/**
 * Images as objects of a bucket, `images/` before their names. An object is whole or absent, and its SHA-256 is signed with
 * it. What is read is compared with its name before any of it is given out; so it is in memory whole, and how much of it
 * may be at a time is bounded.
 */
import { createHash } from 'node:crypto'
import type { ImageReads } from '../../config/s3-settings.ts'
import { imageBytesMax, imageReadBytes, imageReadersMax, imagesSentBytesMax } from '../../limits/catalog.ts'
import { s3PublicSeconds, s3SignedEverySeconds, s3SignedSeconds } from '../../limits/s3.ts'
import type { Clock } from '../../seams.ts'
import type { S3Client } from '../s3/s3-client.ts'
import { S3Error, type S3ErrorCode } from '../s3/s3-error.ts'
import {
  digestOf,
  type ImageAddress,
  type ImageFormat,
  type ImageName,
  type ImageStore,
  ImageStoreError,
  type ImageStoreErrorCode,
  imageCacheControl,
  imageNameOf,
  imageTypes,
  isImageName,
  type KeptImage,
  type StoredImage,
} from './image-store.ts'

const FOLDER = 'images/'

const CODES: Readonly<Record<S3ErrorCode, ImageStoreErrorCode>> = {
  unreachable: 'unavailable',
  denied: 'unavailable',
  'no-bucket': 'unavailable',
  refused: 'unavailable',
  full: 'storage-full',
  damaged: 'damaged',
}

export class S3Images implements ImageStore {
  readonly #client: S3Client
  readonly #reads: ImageReads
  readonly #clock: Clock
  /** Whoever asks for what is on its way waits for the same. */
  readonly #reading = new Map<ImageName, Promise<Buffer | undefined>>()
  #waiting = 0
  #sentBytes = 0

  constructor(client: S3Client, { reads, clock }: { readonly reads: ImageReads; readonly clock: Clock }) {
    this.#client = client
    this.#reads = reads
    this.#clock = clock
  }

  async keep(bytes: Uint8Array, format: ImageFormat): Promise<ImageName> {
    const name = await imageNameOf(bytes, format)
    await asked(
      this.#client.put(FOLDER + name, bytes, {
        sha256: digestOf(name),
        type: imageTypes[format],
        cacheControl: imageCacheControl,
      }),
    )
    return name
  }

  async find(name: ImageName): Promise<StoredImage | undefined> {
    if (this.#sentBytes >= imagesSentBytesMax)
      throw new ImageStoreError('overloaded', `${this.#sentBytes} bytes of images are on their way already`)
    if (this.#waiting >= imageReadersMax)
      throw new ImageStoreError('overloaded', `${this.#waiting} readers wait for images already`)
    let reading = this.#reading.get(name)
    if (reading === undefined) {
      reading = this.#read(name).finally(() => this.#reading.delete(name))
      this.#reading.set(name, reading)
    }
    this.#waiting += 1
    try {
      const image = await reading
      return image && { size: image.length, bytes: () => this.#bytesOf(image) }
    } finally {
      this.#waiting -= 1
    }
  }

  addressOf(name: ImageName): ImageAddress | undefined {
    const reads = this.#reads
    if (reads.type === 'through') return undefined
    if (reads.type === 'public') return { url: `${reads.url}/${name}`, seconds: s3PublicSeconds }
    // The same URL for a while, so that whoever has the image knows it by its URL.
    const everyMs = s3SignedEverySeconds * 1_000
    const nowMs = this.#clock.wallMs()
    const atMs = Math.floor(nowMs / everyMs) * everyMs
    const url = this.#client.signedUrl(FOLDER + name, { atMs, seconds: s3SignedSeconds })
    return { url, seconds: Math.max(1, Math.floor((atMs + everyMs - nowMs) / 1_000)) }
  }

  async remove(name: ImageName): Promise<void> {
    await asked(this.#client.remove(FOLDER + name))
  }

  async *list(): AsyncGenerator<KeptImage, void, void> {
    const objects = this.#client.list(FOLDER)
    for (;;) {
      const step = await asked(objects.next())
      if (step.done === true) return
      const { key, modifiedMs } = step.value
      const name = key.slice(FOLDER.length)
      if (isImageName(name)) yield { name, keptAtMs: modifiedMs }
    }
  }

  async #read(name: ImageName): Promise<Buffer | undefined> {
    const image = await asked(this.#client.get(FOLDER + name, imageBytesMax))
    if (image === undefined) return undefined
    const digest = createHash('sha256').update(image).digest('hex')
    if (digest === digestOf(name)) return image
    const where = this.#client.placeOf(FOLDER + name)
    throw new ImageStoreError('damaged', `${where} is not what was kept: its SHA-256 is ${digest}`)
  }

  /** Counts as on its way from the first byte that is asked for until the last is taken, or no more are wanted. */
  #bytesOf(image: Buffer): ReadableStream<Uint8Array> {
    let at = 0
    let isCounted = false
    const end = () => {
      if (isCounted) this.#sentBytes -= image.length
      isCounted = false
    }
    return new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          if (at === 0) {
            this.#sentBytes += image.length
            isCounted = true
          }
          controller.enqueue(image.subarray(at, at + imageReadBytes))
          at += imageReadBytes
          if (at < image.length) return
          end()
          controller.close()
        },
        cancel: end,
      },
      { highWaterMark: 0 },
    )
  }
}

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (!(error instanceof S3Error)) throw error
    throw new ImageStoreError(CODES[error.code], error.message, error)
  }
}
