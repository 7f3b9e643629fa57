/** Images in memory, for tests that are about something else. */
import { createHash } from 'node:crypto'
import type {
  ImageFormat,
  ImageName,
  ImageStore,
  KeptImage,
  StoredImage,
} from '../../src/persistence/images/image-store.ts'

export class MemoryImages implements ImageStore {
  readonly #images = new Map<ImageName, Uint8Array>()

  async keep(bytes: Uint8Array, format: ImageFormat): Promise<ImageName> {
    // At once: tests whose time stands still do not wait for the pool of threads.
    const name = `${createHash('sha256').update(bytes).digest('hex')}.${format}` as ImageName
    this.#images.set(name, Uint8Array.from(bytes))
    return name
  }

  async find(name: ImageName): Promise<StoredImage | undefined> {
    const bytes = this.#images.get(name)
    if (bytes === undefined) return undefined
    return { size: bytes.length, bytes: () => new Blob([Buffer.from(bytes)]).stream() }
  }

  addressOf(): undefined {
    return undefined
  }

  async remove(name: ImageName): Promise<void> {
    this.#images.delete(name)
  }

  async *list(): AsyncGenerator<KeptImage, void, void> {
    for (const name of this.#images.keys()) yield { name, keptAtMs: 0 }
  }
}
