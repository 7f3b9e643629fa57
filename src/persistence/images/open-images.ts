/** Opens the store of images that the settings name. */
import type { ImageReads, S3Access } from '../../config/s3-settings.ts'
import type { S3Seams } from '../s3/s3-client.ts'
import { DirectoryImages } from './directory-images.ts'
import type { ImageStore } from './image-store.ts'

/** Where images are; it goes to threads as it is. */
export type ImagesPlace =
  | { readonly type: 'directory'; readonly path: string }
  | { readonly type: 's3'; readonly access: S3Access; readonly reads: ImageReads }

export async function openImages(
  place: ImagesPlace,
  seams: S3Seams,
): Promise<ImageStore & { close(): void }> {
  if (place.type === 'directory')
    return Object.assign(new DirectoryImages(place.path, seams), { close: () => {} })
  // Nothing of it is loaded where images are in the data directory.
  const { S3Client } = await import('../s3/s3-client.ts')
  const { S3Images } = await import('./s3-images.ts')
  const client = new S3Client(place.access, seams)
  const images = new S3Images(client, { reads: place.reads, clock: seams.clock })
  return Object.assign(images, { close: () => client.close() })
}
