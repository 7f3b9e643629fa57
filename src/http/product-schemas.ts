/** The shapes of what is asked and told of products. */
import { z } from 'zod'
import { categoryLengthMax, categoryLevelsMax, categoryPath } from '../domain/category-path.ts'
import { amountMinorMax, type CurrencyCode, isCurrencyCode } from '../domain/money.ts'
import * as limits from '../limits/catalog.ts'
import { isImageName } from '../persistence/images/image-store.ts'
import { isText, longText } from './long-text.ts'
import { IMAGE } from './product-examples.ts'
import { reviewReply } from './review-schemas.ts'
import { count, instant, isPlainText, plainText, productId, saleBody } from './schemas.ts'

const IMAGES_PATH = '/images/'
/** What RFC 3986 wants encoded. */
const NOT_IN_URLS = /[\s"\\<>^`{|}]/
const CURSOR_LENGTH_MAX = 64
/** One of the smallest units there are. */
const PRICE_MIN = 0.001

const title = plainText(limits.productTitleLengthMax).meta({ example: 'Pixel 11' })
const description = longText(limits.productDescriptionLengthMax).meta({
  description: 'Plain text. Whoever shows it escapes it.',
})
const brand = plainText(limits.brandLengthMax).meta({ example: 'Google' })
const category = plainText(categoryLengthMax)
  .refine((text) => categoryPath(text) !== undefined, {
    error: `must be a name, or up to ${categoryLevelsMax} names from the widest to the narrowest: A > B`,
  })
  .meta({ description: 'A name, or a path `A > B`.', example: 'Phones > Android' })
const price = z.number().min(PRICE_MIN).max(amountMinorMax).meta({
  description: 'With no more digits than the currency has.',
  example: 999.99,
})
export const currency = z
  .custom<CurrencyCode>((value) => typeof value === 'string' && isCurrencyCode(value), {
    error: 'must be the code of a currency by ISO 4217, such as USD',
  })
  .meta({ example: 'USD', override: { type: 'string', pattern: '^[A-Z]{3}$' } })
const images = z
  .array(
    z
      .string()
      .max(limits.imageUrlLengthMax)
      .refine(isImageUrl, { error: 'must be an https URL, or the url of an image that was uploaded here' })
      .meta({ example: IMAGE }),
  )
  .max(limits.productImagesMax)
  .meta({ description: 'The first one is the thumbnail. None of them is ever fetched by this server.' })
const specifications = z
  .record(
    plainText(limits.specificationNameLengthMax),
    z.string().max(limits.specificationValueLengthMax).refine(isText, { error: 'must be text' }),
  )
  .refine((map) => Object.keys(map).length <= limits.specificationsMax, {
    error: `must have at most ${limits.specificationsMax} members`,
  })
  .refine((map) => JSON.stringify(Object.entries(map)).length <= limits.specificationsLengthMax, {
    error: `must have at most ${limits.specificationsLengthMax} characters as JSON`,
  })
  .meta({ example: { Colour: 'black', Memory: '256 GB' } })

const fields = {
  title,
  description: description.optional(),
  brand: brand.optional(),
  category: category.optional(),
  price,
  currency,
  images: images.optional(),
  specifications: specifications.optional(),
}

export const productBody = z
  .strictObject({
    productId: productId.optional().meta({ description: 'One is drawn unless it is given.' }),
    ...fields,
  })
  .meta({ id: 'ProductRequest' })

export const replaceProductBody = z.strictObject(fields).meta({ id: 'ReplaceProductRequest' })

export const patchProductBody = z
  .strictObject({
    title: title.optional(),
    description: description.optional(),
    brand: brand.nullable().optional().meta({ description: '`null` takes it away.' }),
    category: category.nullable().optional().meta({ description: '`null` takes it away.' }),
    price: price.optional(),
    currency: currency.optional().meta({ description: 'Only together with the price in it.' }),
    images: images.optional(),
    specifications: specifications.optional().meta({ description: 'As a whole.' }),
  })
  .meta({ id: 'PatchProductRequest' })

export const browseQuery = z.strictObject({
  category: category.optional().meta({ description: 'Products of it, and of all that lies in it.' }),
  brand: brand.optional(),
  cursor: z
    .string()
    .max(CURSOR_LENGTH_MAX)
    .optional()
    .meta({ description: 'The `nextCursor` of the page before.' }),
  limit: z
    .string()
    .max(16)
    .optional()
    .meta({
      description: `Products of a page at most: 1 to ${limits.productPageMax}, 50 unless given.`,
      example: '20',
    }),
})

// ---- Replies -------------------------------------------------------------------------------------------------------

const shown = {
  productId,
  title: z.string(),
  description: z.string(),
  brand: z.string().optional(),
  category: z.string().optional(),
  price: z.number(),
  currency: z.string(),
  images: z.array(z.string()),
  specifications: z.record(z.string(), z.string()),
  createdAt: instant,
  updatedAt: instant,
  retired: z.literal(true).optional().meta({ description: 'It is not sold any more.' }),
}

export const productReply = z
  .strictObject(shown)
  .meta({ id: 'Product', description: 'What staff say of a product.' })

const rating = z.number().min(0).max(5).meta({
  description: 'Mean of all reviews, to two digits; 0 where there are none.',
  example: 4.25,
})

export const listedProductReply = z
  .strictObject({ ...shown, rating, reviewCount: count })
  .meta({ id: 'ListedProduct' })

export const productsReply = z
  .strictObject({
    products: z.array(listedProductReply),
    nextCursor: z.string().optional().meta({ description: 'Absent on the last page.' }),
  })
  .meta({ id: 'Products' })

export const productPageReply = z
  .strictObject({
    ...shown,
    rating,
    reviewCount: count,
    reviews: z.array(reviewReply).meta({
      description: `The newest, up to ${limits.reviewsShownMax}. GET /v1/products/{id}/reviews has all.`,
    }),
    availableQty: count.meta({ description: 'Units left to take.' }),
    sale: saleBody,
  })
  .meta({ id: 'ProductPage' })

export const imageReply = z.strictObject({ url: z.string() }).meta({ id: 'Image' })

function isImageUrl(text: string): boolean {
  if (text.startsWith(IMAGES_PATH)) return isImageName(text.slice(IMAGES_PATH.length))
  return text.startsWith('https://') && isPlainText(text) && !NOT_IN_URLS.test(text) && URL.canParse(text)
}
