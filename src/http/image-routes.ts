/** Images of products: sent by staff, seen by everybody, and kept by their browsers for ever. */
import { z } from 'zod'
import { unreachable } from '../domain/assert.ts'
import { imageBytesMax, imagePixelsMax, imageUploadsMax, multipartBytesMax } from '../limits/catalog.ts'
import {
  digestOf,
  formatOf,
  type ImageFormat,
  type ImageStore,
  ImageStoreError,
  imageCacheControl,
  imageTypes,
  isImageName,
  type StoredImage,
} from '../persistence/images/image-store.ts'
import { TablesError } from '../persistence/tables/tables-error.ts'
import { imageShapeOf } from '../shop/catalog/image-format.ts'
import { bytesWithin, checkLength } from './byte-chunks.ts'
import { tableKey, withReplay } from './idempotency.ts'
import { ImageTrouble } from './image-trouble.ts'
import { boundaryOf, onlyFileIn } from './multipart.ts'
import type { HttpParts } from './parts.ts'
import { productIdOf } from './path-ids.ts'
import { isKnown } from './preconditions.ts'
import { invalid, PROBLEMS, Problem } from './problems.ts'
import { productProblem } from './product-change-routes.ts'
import { IMAGE } from './product-examples.ts'
import { imageReply } from './product-schemas.ts'
import { versionTag } from './product-view.ts'
import { file, json, notModified, sentOn } from './responses.ts'
import type { Call, Operation, Route } from './route.ts'

type Parts = Pick<HttpParts, 'tables' | 'images' | 'log' | 'clock' | 'registry'>

const CACHE = { 'cache-control': imageCacheControl }
const OTHER_TYPES = Object.values(imageTypes).filter((type) => type !== imageTypes.png)
const FOUND = 302

export function imageRoutes(parts: Parts): readonly Route[] {
  const trouble = new ImageTrouble(parts)
  const uploads = new Uploads(parts, trouble)
  return [
    { operation: UPLOAD, handle: (call) => uploads.take(call) },
    { operation: READ, handle: (call) => read(call, { images: parts.images, trouble }) },
  ]
}

const UPLOAD: Operation = {
  method: 'post',
  path: '/v1/products/{id}/images',
  operationId: 'uploadImage',
  tag: 'Catalog',
  summary: 'Add an image to a product',
  description: `PNG, JPEG, WebP, GIF or AVIF, which is told from the file itself, of up to ${imageBytesMax} bytes and ${imagePixelsMax / 1_000_000} million pixels. It becomes the last of the product’s images, and is kept as it comes.`,
  access: 'staff',
  changes: true,
  upload: { contentTypes: ['multipart/form-data'], example: 'curl -F file=@pixel-11.webp …' },
  success: {
    status: 201,
    description: 'Where the image is, for ever.',
    schema: imageReply,
    example: { url: IMAGE },
    headers: ['Location', 'Holdfast-Position', 'ETag'],
  },
  problems: ['unknown-product', 'product-retired', 'too-many-images', 'images-unavailable'],
}

class Uploads {
  readonly #parts: Parts
  readonly #trouble: ImageTrouble
  /** Each of them is kept whole in memory. */
  #running = 0

  constructor(parts: Parts, trouble: ImageTrouble) {
    this.#parts = parts
    this.#trouble = trouble
  }

  async take(call: Call): Promise<Response> {
    const { tables } = this.#parts
    const productId = productIdOf(call)
    const product = await tables.read('catalog.product', { productId })
    if (product === undefined) throw productProblem(productId, { type: 'refused', reason: 'unknown' })
    const boundary = boundaryOf(call)
    checkLength(call, multipartBytesMax)
    if (this.#running >= imageUploadsMax) {
      throw new TablesError('overloaded', `${imageUploadsMax} images are on their way already.`)
    }
    this.#running += 1
    try {
      const image = onlyFileIn(await bytesWithin(call, multipartBytesMax), boundary)
      const format = formatWithin(image)
      const url = `/images/${await this.#keep(image, format)}`
      const key = tableKey(call, { url })
      const reply = await tables.write('catalog.addImage', { productId, url }, key)
      if (reply.type === 'refused') throw productProblem(productId, reply)
      const { product: changed, position } = reply
      const fields = { location: url, etag: versionTag(changed), 'holdfast-position': `t${position}` }
      return json(call, 201, { url }, withReplay(fields, reply))
    } finally {
      this.#running -= 1
    }
  }

  async #keep(image: Buffer, format: ImageFormat): Promise<string> {
    try {
      return await this.#parts.images.keep(image, format)
    } catch (error) {
      throw problemOf(error, this.#trouble)
    }
  }
}

/** Throws 413, 415 and 400. */
function formatWithin(image: Buffer): ImageFormat {
  if (image.length > imageBytesMax) {
    throw new Problem('body-too-large', `An image can have ${imageBytesMax} bytes.`)
  }
  const shape = imageShapeOf(image)
  if (shape === undefined) {
    throw new Problem(
      'unsupported-media-type',
      'The file is no PNG, JPEG, WebP, GIF or AVIF that can be shown.',
    )
  }
  const { format, width, height } = shape
  if (width * height <= imagePixelsMax) return format
  const message = `has ${width} × ${height} pixels, and can have ${imagePixelsMax} in all`
  throw invalid({ path: 'file', message })
}

const READ: Operation = {
  method: 'get',
  path: '/images/{name}',
  operationId: 'readImage',
  tag: 'Catalog',
  summary: 'Read an image',
  description:
    'What has this name never changes: it may be kept for ever. Whether there is one is then said where the reader is sent.',
  access: 'anyone',
  hot: true,
  conditions: ['If-None-Match'],
  success: {
    status: 200,
    description: 'The image.',
    schema: z.string(),
    contentType: imageTypes.png,
    otherTypes: OTHER_TYPES,
    headers: ['ETag'],
    sentOn: {
      status: FOUND,
      description: 'It is read elsewhere, where this server keeps its images in another store.',
      headers: ['Location'],
    },
  },
  problems: ['not-found', 'images-unavailable', 'image-damaged'],
}

async function read(
  call: Call,
  { images, trouble }: { readonly images: ImageStore; readonly trouble: ImageTrouble },
): Promise<Response> {
  const name = call.context.req.param('name') ?? ''
  if (!isImageName(name)) throw notFound()
  const elsewhere = images.addressOf(name)
  if (elsewhere !== undefined) return sentOn(call, { ...elsewhere, status: FOUND })
  let image: StoredImage | undefined
  try {
    image = await images.find(name)
  } catch (error) {
    throw problemOf(error, trouble)
  }
  if (image === undefined) throw notFound()
  const etag = `"${digestOf(name)}"`
  if (isKnown(call, etag)) return notModified(call, { ...CACHE, etag })
  const isHead = call.context.req.method === 'HEAD'
  const { size } = image
  const headers = { ...CACHE, etag }
  return file(call, isHead ? null : image.bytes(), { type: imageTypes[formatOf(name)], size, headers })
}

function notFound(): Problem {
  return new Problem('not-found', 'There is no such image.')
}

function problemOf(error: unknown, trouble: ImageTrouble): Problem {
  if (!(error instanceof ImageStoreError)) throw error
  trouble.note(error)
  const wait = { headers: { 'retry-after': '5' } }
  switch (error.code) {
    case 'storage-full':
      return new Problem('storage-full', 'Nothing happened: there is no room for the image.', wait)
    case 'damaged':
      return new Problem('image-damaged', PROBLEMS['image-damaged'].help)
    case 'unavailable':
    case 'overloaded':
      return new Problem('images-unavailable', 'Images cannot be kept or read at the moment.', wait)
    default:
      return unreachable(error.code)
  }
}
