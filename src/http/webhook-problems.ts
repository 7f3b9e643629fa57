/** What can go wrong with webhooks, beside what can with anything. */
import type { ProblemEntry } from './problems.ts'

export const WEBHOOK_PROBLEMS = {
  'unknown-webhook': {
    status: 404,
    title: 'No such webhook',
    help: 'There is no subscriber with this id; it may have been removed. GET /v1/webhooks lists those there are.',
  },
  'unknown-delivery': {
    status: 404,
    title: 'No such delivery',
    help: 'The webhook has no delivery with this id. Of those that have ended the last thousand are kept; GET /v1/webhooks/{id}/deliveries lists them.',
  },
  'webhooks-full': {
    status: 409,
    title: 'There are as many webhooks as there may be',
    help: 'Remove one that is not used any more, then make the new one.',
  },
} as const satisfies Readonly<Record<string, ProblemEntry>>
