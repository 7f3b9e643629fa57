/** Live stock as server-sent events. */
import type { StockReply } from '../actors/requests.ts'
import { reaches } from './auth.ts'
import { stockEventReply, streamQuery } from './history-schemas.ts'
import type { HttpParts } from './parts.ts'
import { productIdOf } from './path-ids.ts'
import { Problem } from './problems.ts'
import { queryOf } from './query.ts'
import { refusal, retryAfter, stream } from './responses.ts'
import { type Call, headerOf, type Operation, type Route } from './route.ts'
import { publicStock, wholeStock } from './stock-view.ts'

type Parts = Pick<HttpParts, 'engine' | 'streams' | 'random'>

const BUSY_SECONDS = 5
const VERSION = /^\d{1,15}$/

export function stockStreamRoutes(parts: Parts): readonly Route[] {
  return [{ operation: LISTEN, handle: (call) => listen(parts, call) }]
}

const LISTEN: Operation = {
  method: 'get',
  path: '/v1/products/{id}/stock/stream',
  operationId: 'streamStock',
  tag: 'Stock',
  summary: 'Follow a product’s stock as it changes',
  description: `Server-sent events: first the stock as it is, then each change, with \`id\` the product’s version. Changes within some 50 ms share an event, which then carries the versions it stands for in \`from\` and \`to\`. \`Last-Event-ID\`, or \`lastEventId\` in the query, resumes: nothing if that is the present version, one event for all that came since if it is older, and \`event: reset\` with the stock as it is if it is none of this product’s versions. A client that reads slowly hears the last value, not all of them. With a service key the data also has \`onHand\`, \`held\` and \`sold\`.`,
  access: 'anyone',
  hot: true,
  query: { schema: streamQuery, example: { lastEventId: '1041' } },
  success: {
    status: 200,
    description: 'A stream without end. Comments keep it alive.',
    schema: stockEventReply,
    contentType: 'text/event-stream',
    example:
      'retry: 3000\n\nid: 1042\nevent: stock\ndata: {"productId":"iphone-17-pro","available":41,"version":1042,"asOf":"2026-11-27T08:00:00.000Z"}\n\n',
  },
  problems: ['unknown-product', 'too-many-streams'],
}

async function listen({ engine, streams, random }: Parts, call: Call): Promise<Response> {
  const productId = productIdOf(call)
  const { lastEventId } = queryOf(call, streamQuery)
  const resumed = headerOf(call.context, 'last-event-id') ?? lastEventId
  const isService = reaches(call.principal, 'service')
  const address = isService ? undefined : addressOf(call)
  const expectRoom = () => {
    if (streams.hasEnded) throw new Problem('shutting-down', 'This server is shutting down.', busy())
    if (!streams.hasRoomFor(address))
      throw new Problem('too-many-streams', 'There is no room for another stream.', busy())
  }
  const busy = () => ({ headers: { 'retry-after': retryAfter(BUSY_SECONDS, random) } })

  expectRoom()
  const stock = await engine.execute({ type: 'readStock', productId })
  if (stock.type === 'refused') return refusal(call, stock.refusal)
  if (call.context.req.raw.method === 'HEAD') return stream(call, null)
  expectRoom()
  const body = streams.open(stock, {
    productId,
    view: isService ? serviceView : publicView,
    address,
    resumes: resumed === undefined ? undefined : { version: versionOf(resumed) },
    cut: () => void call.context.env?.outgoing?.destroy(),
  })
  return stream(call, body)
}

function publicView(stock: StockReply): string {
  return withoutEnd(publicStock(stock))
}

function serviceView(stock: StockReply): string {
  return withoutEnd(wholeStock(stock))
}

function withoutEnd(value: object): string {
  return JSON.stringify(value).slice(0, -1)
}

function versionOf(text: string): number | undefined {
  return VERSION.test(text) ? Number(text) : undefined
}

/** Where the connection comes from; absent where there is none. */
function addressOf({ context }: Call): string | undefined {
  return context.env?.incoming?.socket.remoteAddress
}
