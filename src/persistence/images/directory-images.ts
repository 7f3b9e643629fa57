/**
 * Images as files of one directory. A file is whole or absent: written beside under a name that no image has, synced, renamed,
 * the directory synced. Everything happens in libuv's pool, which the journals' syncs use too, and so for few at a time.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { type FileHandle, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { imageReadBytes, imagesKeptAtOnceMax } from '../../limits/catalog.ts'
import type { Clock, Random } from '../../seams.ts'
import { realDisk } from '../journal/disk.ts'
import {
  digestOf,
  type ImageFormat,
  type ImageName,
  type ImageStore,
  ImageStoreError,
  imageNameOf,
  isImageName,
  type KeptImage,
  type StoredImage,
} from './image-store.ts'

const NAME_SPAN = 36 ** 8

export class DirectoryImages implements ImageStore {
  readonly #directory: string
  readonly #clock: Clock
  readonly #random: Random
  #writing = 0
  readonly #waiting: (() => void)[] = []

  /** The directory must exist. Several stores may share it, in one process or in several threads of it. */
  constructor(directory: string, { clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#directory = directory
    this.#clock = clock
    this.#random = random
  }

  async keep(bytes: Uint8Array, format: ImageFormat): Promise<ImageName> {
    const name = await imageNameOf(bytes, format)
    await this.#turn()
    try {
      if (!(await this.#keepAnew(name, bytes.length))) await this.#write(name, bytes)
      // Whoever wrote it first may not have come so far.
      await this.#syncDirectory()
      return name
    } catch (error) {
      throw storeError(error)
    } finally {
      this.#endTurn()
    }
  }

  async find(name: ImageName): Promise<StoredImage | undefined> {
    const path = join(this.#directory, name)
    try {
      const { size } = await stat(path)
      return { size, bytes: () => bytesOf(path, digestOf(name)) }
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw storeError(error)
    }
  }

  addressOf(): undefined {
    return undefined
  }

  async remove(name: ImageName): Promise<void> {
    try {
      await rm(join(this.#directory, name), { force: true })
      await this.#syncDirectory()
    } catch (error) {
      throw storeError(error)
    }
  }

  async *list(): AsyncGenerator<KeptImage, void, void> {
    try {
      for (const name of await readdir(this.#directory)) {
        if (!isImageName(name)) continue
        const { mtimeMs } = await stat(join(this.#directory, name))
        yield { name, keptAtMs: mtimeMs }
      }
    } catch (error) {
      throw storeError(error)
    }
  }

  /** Whether it is there already, and of the right size; then it counts as kept now. */
  async #keepAnew(name: ImageName, size: number): Promise<boolean> {
    const path = join(this.#directory, name)
    const now = new Date(this.#clock.wallMs())
    try {
      if ((await stat(path)).size !== size) return false
      await utimes(path, now, now)
      return true
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false
      throw error
    }
  }

  async #write(name: ImageName, bytes: Uint8Array): Promise<void> {
    const path = join(this.#directory, name)
    const beside = `${path}.${Math.floor(this.#random.fraction() * NAME_SPAN).toString(36)}`
    try {
      const file = await open(beside, 'wx', 0o600)
      try {
        await file.writeFile(bytes)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(beside, path)
    } catch (error) {
      await rm(beside, { force: true })
      throw error
    }
  }

  async #syncDirectory(): Promise<void> {
    const directory = await open(this.#directory, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  }

  async #turn(): Promise<void> {
    if (this.#writing < imagesKeptAtOnceMax) this.#writing += 1
    else await new Promise<void>((resolve) => void this.#waiting.push(resolve))
  }

  /** Whoever waits has it next. */
  #endTurn(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#writing -= 1
    else next()
  }
}

/** Makes the directory if need be, and removes what uploads left that never came to their end. */
export function prepareImages(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  realDisk.syncDirectory(dirname(directory))
  for (const name of readdirSync(directory)) {
    const isUnfinished = isImageName(name.slice(0, name.lastIndexOf('.'))) && !isImageName(name)
    if (isUnfinished) rmSync(join(directory, name), { force: true })
  }
}

/** Read no faster than whoever reads them. What is not what its name says breaks off before its end. */
function bytesOf(path: string, sha256: string): ReadableStream<Uint8Array> {
  const digest = createHash('sha256')
  let file: FileHandle | undefined
  let held: Buffer | undefined
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        file ??= await open(path, 'r')
        for (;;) {
          const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(imageReadBytes), 0, imageReadBytes)
          const ready = held
          held = bytesRead > 0 ? buffer.subarray(0, bytesRead) : undefined
          if (held !== undefined) digest.update(held)
          else {
            await file.close()
            if (digest.digest('hex') !== sha256)
              throw new ImageStoreError('damaged', `${path} is not what was kept`)
          }
          if (ready !== undefined) controller.enqueue(ready)
          if (held === undefined) return controller.close()
          if (ready !== undefined) return
        }
      },
      cancel: async () => {
        await file?.close()
      },
    },
    { highWaterMark: 0 },
  )
}

function storeError(error: unknown): ImageStoreError {
  if (error instanceof ImageStoreError) return error
  const code = codeOf(error)
  const isFull = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG'
  return new ImageStoreError(isFull ? 'storage-full' : 'unavailable', `an image was not kept: ${code}`, error)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
