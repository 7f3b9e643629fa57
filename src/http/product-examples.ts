/** One product, as the document shows it. */
/** Of an image that was uploaded: the SHA-256 of what is in it. */
export const IMAGE = '/images/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.webp'

export const PRODUCT_ID = 'pixel-11'

export const FIELDS = {
  title: 'Pixel 11',
  description: 'A phone that takes good pictures.',
  brand: 'Google',
  category: 'Phones > Android',
  price: 999.99,
  currency: 'USD',
  images: [IMAGE],
  specifications: { Colour: 'black', Memory: '256 GB' },
}

export const PRODUCT = {
  productId: PRODUCT_ID,
  ...FIELDS,
  createdAt: '2026-11-20T09:30:00.000Z',
  updatedAt: '2026-11-27T08:00:00.000Z',
}

export const LISTED = { ...PRODUCT, rating: 4.25, reviewCount: 4 }
