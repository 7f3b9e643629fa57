/**
 * Where product images are kept. An image is named after what is in it, so a name never comes to mean anything else, two
 * uploads of the same are one, and whoever has seen it may keep it for ever.
 */

export type ImageFormat = 'png' | 'jpg' | 'webp' | 'gif' | 'avif'

/** SHA-256 of the bytes in hexadecimal, a dot, and the format. */
export type ImageName = string & { readonly brand: 'ImageName' }

export type StoredImage = {
  readonly size: number
  /** Opens nothing before it is read from, and keeps nothing open once it was read or cancelled. */
  bytes(): ReadableStream<Uint8Array>
}

export type KeptImage = {
  readonly name: ImageName
  /** When it was kept last, by the clock of whoever keeps it. */
  readonly keptAtMs: number
}

/** Where an image is read instead of here, and for how many seconds that can be relied on. */
export type ImageAddress = { readonly url: string; readonly seconds: number }

/** All of it rejects with `ImageStoreError` and nothing else. */
export type ImageStore = {
  /** When it resolves, the image survives power loss. */
  keep(bytes: Uint8Array, format: ImageFormat): Promise<ImageName>
  /** Undefined where there is none of this name. Bytes that are not what was kept are never given out whole. */
  find(name: ImageName): Promise<StoredImage | undefined>
  /** Where its readers are to be sent, without a look whether it is there; undefined where its bytes come from here. */
  addressOf(name: ImageName): ImageAddress | undefined
  /** When it resolves there is none of this name. */
  remove(name: ImageName): Promise<void>
  /** All there are. What comes or goes meanwhile may be among them or not. */
  list(): AsyncIterable<KeptImage>
}

const IMAGE_NAME = /^[0-9a-f]{64}\.(?:png|jpg|webp|gif|avif)$/

export const imageTypes: Readonly<Record<ImageFormat, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  avif: 'image/avif',
}

/** What has this name never changes: whoever has it, a CDN included, need not ask again. */
export const imageCacheControl = 'public, max-age=31536000, immutable'

export function isImageName(text: string): text is ImageName {
  return IMAGE_NAME.test(text)
}

export function digestOf(name: ImageName): string {
  return name.slice(0, name.indexOf('.'))
}

export function formatOf(name: ImageName): ImageFormat {
  // Every name ends so.
  return name.slice(name.indexOf('.') + 1) as ImageFormat
}

export async function imageNameOf(bytes: Uint8Array, format: ImageFormat): Promise<ImageName> {
  // In a thread of the pool: five megabytes take longer than a listener should stand still.
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)
  return `${Buffer.from(digest).toString('hex')}.${format}` as ImageName
}

/** Why an image was not kept, of which then nothing can be seen, or not read. */
export type ImageStoreErrorCode =
  /** No room to write it. */
  | 'storage-full'
  /** The store does not work: somebody has to look. */
  | 'unavailable'
  /** More is asked of it than it can have under way. */
  | 'overloaded'
  /** What is there under this name is something else. */
  | 'damaged'

export class ImageStoreError extends Error {
  override readonly name = 'ImageStoreError'
  readonly code: ImageStoreErrorCode

  constructor(code: ImageStoreErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}
