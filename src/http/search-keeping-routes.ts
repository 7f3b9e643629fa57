/** How the search's indexes are, whether they are right, and making them anew: for staff, and `npm run search`. */
import { z } from 'zod'
import { searchPositionToken } from '../search/search-position.ts'
import type { SearchStatus } from '../search/search-protocol.ts'
import type { HttpParts } from './parts.ts'
import { json } from './responses.ts'
import type { Call, Operation, Route } from './route.ts'
import { count, productId } from './schemas.ts'

type Parts = Pick<HttpParts, 'search' | 'shards'>

const ACCEPTED = 202
const indexName = z.enum(['embedded', 'typesense'])

const statusReply = z
  .strictObject({
    products: count.meta({ description: 'In the embedded index.' }),
    lagSeconds: z.number().meta({ description: 'How long it has not held all that had happened.' }),
    position: z.string(),
    server: z
      .strictObject({
        serving: z.boolean().meta({ description: 'Otherwise the embedded index answers.' }),
        owed: count.meta({ description: 'Products of which the server is still to be told something.' }),
        parked: z.array(z.strictObject({ productId, why: z.string() })).meta({
          description: 'What the server refuses. Tried again when the product changes.',
        }),
        writes: count,
        rebuilds: count,
      })
      .optional()
      .meta({ description: 'Where there is a search server.' }),
  })
  .meta({ id: 'SearchStatus' })

const EXAMPLE = { products: 1646, lagSeconds: 0, position: 't1646,pAAAA' }

export function searchKeepingRoutes(parts: Parts): readonly Route[] {
  return [
    { operation: STATUS, handle: (call) => status(parts, call) },
    { operation: REBUILD, handle: (call) => rebuild(parts, call) },
    { operation: VERIFY, handle: (call) => verify(parts, call) },
  ]
}

const STATUS: Operation = {
  method: 'get',
  path: '/v1/search',
  operationId: 'readSearchStatus',
  tag: 'Operations',
  summary: 'How the search is',
  access: 'staff',
  success: { status: 200, description: 'Its indexes.', schema: statusReply, example: EXAMPLE },
  problems: ['search-unavailable'],
}

async function status({ search, shards }: Parts, call: Call): Promise<Response> {
  const { answer, position } = await search.ask({ type: 'inspect' })
  return json(call, 200, shown(answer, searchPositionToken(position, shards)))
}

function shown({ products, behindMs, server }: SearchStatus, position: string) {
  const lagSeconds = behindMs / 1_000
  if (server === undefined) return { products, lagSeconds, position }
  const { isServing: serving, owed, parked, writes, rebuilds } = server
  return { products, lagSeconds, position, server: { serving, owed, parked, writes, rebuilds } }
}

const REBUILD: Operation = {
  method: 'post',
  path: '/v1/search/rebuild',
  operationId: 'rebuildSearch',
  tag: 'Operations',
  summary: 'Make the indexes anew',
  description:
    'The embedded index looks at every product anew; a search server’s is made anew beside the one that answers, and takes its place when it is whole. Answered when it has begun: see its status.',
  access: 'staff',
  success: { status: ACCEPTED, description: 'It has begun.', schema: statusReply, example: EXAMPLE },
  problems: ['search-unavailable'],
}

async function rebuild({ search, shards }: Parts, call: Call): Promise<Response> {
  const { answer, position } = await search.ask({ type: 'rebuild' })
  return json(call, ACCEPTED, shown(answer, searchPositionToken(position, shards)))
}

const VERIFY: Operation = {
  method: 'get',
  path: '/v1/search/differences',
  operationId: 'verifySearch',
  tag: 'Operations',
  summary: 'Compare the indexes with catalog and stock',
  description:
    'Every index with every product. What is found wrong twice, a second apart, is a difference; the first hundred are listed. A minute at most.',
  access: 'staff',
  success: {
    status: 200,
    description: 'What differs.',
    schema: z
      .strictObject({
        products: count,
        indexes: z.array(indexName),
        differences: count,
        listed: z.array(
          z.strictObject({
            productId,
            index: indexName,
            what: z.enum(['missing', 'extra', 'outdated', 'stock']),
          }),
        ),
      })
      .meta({ id: 'SearchVerification' }),
    example: { products: 1646, indexes: ['embedded'], differences: 0, listed: [] },
  },
  problems: ['search-unavailable'],
}

async function verify({ search }: Parts, call: Call): Promise<Response> {
  const { answer } = await search.ask({ type: 'verify' })
  return json(call, 200, answer)
}
