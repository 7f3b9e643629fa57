/** Images in memory, for tests that are about something else. */
import {
  type ImageFormat,
  type ImageName,
  type ImageStore,
  imageNameOf,
  type StoredImage,
} from '../../src/persistence/images/image-store.ts'

export class MemoryImages implements ImageStore {
  readonly #images = new Map<ImageName, Uint8Array>()

  async keep(bytes: Uint8Array, format: ImageFormat): Promise<ImageName> {
    const name = await imageNameOf(bytes, format)
    this.#images.set(name, Uint8Array.from(bytes))
    return name
  }

  async find(name: ImageName): Promise<StoredImage | undefined> {
    const bytes = this.#images.get(name)
    if (bytes === undefined) return undefined
    return { size: bytes.length, bytes: () => new Blob([Buffer.from(bytes)]).stream() }
  }
}
