/** What can go wrong with products, their images and reviews, beside what can with anything. */
import type { ProblemEntry } from './problems.ts'

const CONFLICT = 409

export const CATALOG_PROBLEMS = {
  'search-behind': {
    status: 503,
    title: 'The search has not come that far',
    help: 'Its index follows what is changed and sold, and has not reached the position that was asked for within two seconds. Try again after the seconds that `Retry-After` names.',
  },
  'search-unavailable': {
    status: 503,
    title: 'The search is starting',
    help: 'Its index is being filled, some seconds for a large catalog; browsing, product pages and orders are not affected. Try again after the seconds that `Retry-After` names.',
  },
  'not-a-buyer': {
    status: 403,
    title: 'Only buyers review a product',
    help: 'A product is reviewed by people who bought it, once their order is confirmed, and from the account with which they bought it.',
  },
  'already-reviewed': {
    status: CONFLICT,
    title: 'You have reviewed this product',
    help: 'Each buyer reviews a product once, and a review is not changed.',
  },
  'precondition-failed': {
    status: 412,
    title: 'It is not as the condition wants it',
    help: 'Nothing happened. `If-Match` names versions of which none is the present one, or `If-None-Match: *` asks that there be nothing yet. Read it again, and decide anew with the `ETag` it has now.',
  },
  'product-exists': {
    status: CONFLICT,
    title: 'There is a product with this id',
    help: 'Ids are never used again, not even after a product was retired. Replace the product with PUT, change it with PATCH, or take another id.',
  },
  'too-many-images': {
    status: CONFLICT,
    title: 'The product has as many images as it may have',
    help: 'Take some of them away with PATCH, then add the new one.',
  },
  'images-unavailable': {
    status: 503,
    title: 'Images cannot be kept or read at the moment',
    help: 'Nothing happened. Try again after the seconds that `Retry-After` names. Whoever runs this server finds the reason in its log.',
  },
  'image-damaged': {
    status: 500,
    title: 'The image is not what was kept',
    help: 'What is stored under its name has changed since. Nothing is shown in its place. Upload the image once more: that puts it right.',
  },
} as const satisfies Readonly<Record<string, ProblemEntry>>
