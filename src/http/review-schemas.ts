/** The shapes of reviews. */
import { z } from 'zod'
import { reviewPageMax, reviewTextLengthMax, reviewTitleLengthMax } from '../limits/catalog.ts'
import { longText } from './long-text.ts'
import { instant, plainText } from './schemas.ts'

const rating = z.int().min(1).max(5).meta({ example: 5 })

export const reviewBody = z
  .strictObject({
    rating,
    title: plainText(reviewTitleLengthMax).optional(),
    text: longText(reviewTextLengthMax).min(1).optional(),
  })
  .meta({ id: 'ReviewRequest' })

export const reviewsQuery = z.strictObject({
  cursor: z.string().max(64).optional().meta({ description: 'The `nextCursor` of the page before.' }),
  limit: z
    .string()
    .max(16)
    .optional()
    .meta({
      description: `Reviews of a page at most: 1 to ${reviewPageMax}, 50 unless given.`,
      example: '20',
    }),
})

export const reviewReply = z
  .strictObject({
    reviewId: z.string(),
    author: z.string().optional().meta({ description: 'First name of who wrote it.', example: 'Ann' }),
    rating,
    title: z.string().optional(),
    text: z.string().optional(),
    createdAt: instant,
  })
  .meta({ id: 'Review' })

export const reviewsReply = z
  .strictObject({
    reviews: z.array(reviewReply),
    nextCursor: z.string().optional().meta({ description: 'Absent on the last page.' }),
  })
  .meta({ id: 'Reviews' })
