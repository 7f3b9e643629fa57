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

export type ImageStore = {
  /** When it resolves, the image survives power loss. Rejects with `ImageStoreError` and nothing else. */
  keep(bytes: Uint8Array, format: ImageFormat): Promise<ImageName>
  /** Undefined where there is none of this name. */
  find(name: ImageName): Promise<StoredImage | undefined>
}

const IMAGE_NAME = /^[0-9a-f]{64}\.(?:png|jpg|webp|gif|avif)$/

export function isImageName(text: string): text is ImageName {
  return IMAGE_NAME.test(text)
}

export async function imageNameOf(bytes: Uint8Array, format: ImageFormat): Promise<ImageName> {
  // In a thread of the pool: five megabytes take longer than a listener should stand still.
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)
  return `${Buffer.from(digest).toString('hex')}.${format}` as ImageName
}

/** Why an image was not kept; nothing of it can be seen. */
export type ImageStoreErrorCode =
  /** No room to write it. */
  | 'storage-full'
  /** The store does not work: somebody has to look. */
  | 'unavailable'

export class ImageStoreError extends Error {
  override readonly name = 'ImageStoreError'
  readonly code: ImageStoreErrorCode

  constructor(code: ImageStoreErrorCode, message: string, cause: unknown) {
    super(message, { cause })
    this.code = code
  }
}
