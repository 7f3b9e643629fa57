/** Live stock: only what the shard says, never back, and the last value always (E1 to E3). */
import * as assert from 'uvu/assert'
import { EngineError } from '../../src/actors/engine-error.ts'
import type { StockReply } from '../../src/actors/requests.ts'
import type { ProductId } from '../../src/domain/ids.ts'
import {
  streamHeartbeatMs,
  streamReadMs,
  streamReadsMax,
  streamsPerAddressMax,
  streamUntoldReadMs,
} from '../../src/limits.ts'
import { suite } from '../support/suite.ts'
import { type CallOptions, type Fakes, fakes, stock } from './fake-parts.ts'

const PATH = '/v1/products/pixel-11/stock/stream'
const productId = 'pixel-11' as ProductId

type Event = { readonly id: string; readonly name: string; readonly data: Record<string, unknown> }

type Read = Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>['read']>>

/** A client that reads when it is told to. */
class Client {
  readonly response: Response
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #timers: Fakes['timers']
  isOver = false

  constructor(response: Response, timers: Fakes['timers']) {
    this.response = response
    this.#timers = timers
    assert.ok(response.body)
    this.#reader = (response.body as ReadableStream<Uint8Array>).getReader()
  }

  /** All that has come, as text. */
  async text(): Promise<string> {
    let text = ''
    for (;;) {
      let chunk: Read | undefined
      this.#pending ??= this.#reader.read()
      void this.#pending.then((read) => {
        chunk = read
      })
      await this.#timers.settle()
      if (chunk === undefined) return text
      this.#pending = undefined
      if (chunk.done) {
        this.isOver = true
        return text
      }
      text += Buffer.from(chunk.value).toString()
    }
  }

  async events(): Promise<readonly Event[]> {
    return eventsIn(await this.text())
  }

  leave(): Promise<void> {
    return this.#reader.cancel()
  }

  #pending: Promise<Read> | undefined
}

function eventsIn(text: string): Event[] {
  return text
    .split('\n\n')
    .filter((block) => block.includes('data: '))
    .map((block) => {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? ''
      return { id: field('id'), name: field('event'), data: JSON.parse(field('data')) }
    })
}

async function listen(world: Fakes, options: CallOptions = {}, path = PATH): Promise<Client> {
  const { as, headers } = options
  const authorization = as === undefined ? {} : { authorization: `Bearer ${as}` }
  const response = await world.app.request(path, { headers: { ...authorization, ...headers } })
  assert.is(response.status, 200)
  return new Client(response, world.timers)
}

/** A world whose product is at a version, with as many units available. */
function atVersion(version: number) {
  const world = fakes()
  const state = { version }
  world.engine.answer = () => stock({ version: state.version, available: state.version, onHand: 50 })
  const changed = async (version: number) => {
    state.version = version
    world.history.watched.get(productId)?.()
    await world.timers.advance(streamReadMs + 1)
  }
  return { world, state, changed }
}

const streams = suite('GET /v1/products/{id}/stock/stream')

streams('begins with the stock as it is, and then tells each change', async () => {
  const { world, changed } = atVersion(9)
  const client = await listen(world)
  const { headers } = client.response
  assert.is(headers.get('content-type'), 'text/event-stream')
  assert.is(headers.get('cache-control'), 'no-store')
  assert.is(headers.get('x-accel-buffering'), 'no')
  const text = await client.text()
  assert.match(text, /^retry: \d+\n\n/)
  assert.equal(eventsIn(text), [
    {
      id: '9',
      name: 'stock',
      data: { productId, available: 9, version: 9, asOf: '2026-11-27T08:00:00.000Z' },
    },
  ])
  await changed(10)
  assert.equal(
    (await client.events()).map(({ id, name, data }) => [id, name, data.available, data.from]),
    [['10', 'stock', 10, undefined]],
  )
})

streams('tells services what is on hand, held and sold, and that a product was retired', async () => {
  const { world } = atVersion(9)
  world.engine.answer = () => stock({ retired: true })
  const [whole] = await (await listen(world, { as: 'service' })).events()
  const { onHand, held, sold, sequence, retired } = whole?.data ?? {}
  assert.equal([onHand, held, sold, sequence, retired], [45, 4, 12, 2_031, true])
  for (const as of [undefined, 'ann']) {
    const [shown] = await (await listen(world, as === undefined ? {} : { as })).events()
    assert.equal(Object.keys(shown?.data ?? {}), ['productId', 'available', 'version', 'asOf'])
  }
})

streams(
  'puts changes that come together into one event, which says for which versions it stands',
  async () => {
    const { world, state, changed } = atVersion(9)
    const client = await listen(world)
    await client.text()
    const before = world.engine.requests.length
    for (const version of [10, 11, 12, 13]) {
      state.version = version
      world.history.watched.get(productId)?.()
    }
    await changed(14)
    const events = await client.events()
    assert.equal(
      events.map(({ id, data }) => [id, data.from, data.to, data.version]),
      [['14', 10, 14, 14]],
    )
    assert.ok(world.engine.requests.length - before <= 2)
    assert.is(world.parts.streams.counters.coalesced, 4)
  },
)

streams(
  'asks the shard once for all who watch a product, and not after the last of them has left',
  async () => {
    const { world, changed } = atVersion(9)
    const clients = [await listen(world), await listen(world), await listen(world)]
    for (const client of clients) await client.text()
    const before = world.engine.requests.length
    await changed(10)
    assert.is(world.engine.requests.length, before + 1)
    for (const client of clients) assert.is((await client.events()).length, 1)
    for (const client of clients) await client.leave()
    assert.is(world.parts.streams.size, 0)
    assert.is(world.history.watched.size, 0)
    await world.timers.advance(streamHeartbeatMs)
    assert.is(world.engine.requests.length, before + 1)
  },
)

streams(
  'resumes: nothing twice, one event for what was missed, a reset for what is of no such history',
  async () => {
    const { world } = atVersion(9)
    const rows: readonly (readonly [last: string, events: readonly unknown[]])[] = [
      ['9', []],
      ['8', [['9', 'stock', 9, 9]]],
      ['3', [['9', 'stock', 4, 9]]],
      ['0', [['9', 'stock', 1, 9]]],
      ['10', [['9', 'reset', undefined, undefined]]],
      ['999999999999999999', [['9', 'reset', undefined, undefined]]],
      ['abc', [['9', 'reset', undefined, undefined]]],
      ['-1', [['9', 'reset', undefined, undefined]]],
      ['', [['9', 'reset', undefined, undefined]]],
    ]
    for (const [last, expected] of rows) {
      const shown = async (client: Client) =>
        (await client.events()).map(({ id, name, data }) => [id, name, data.from, data.to])
      const byHeader = await listen(world, { headers: { 'last-event-id': last } })
      assert.equal(await shown(byHeader), expected, `after ${last}`)
      assert.equal(await shown(await listen(world, {}, `${PATH}?lastEventId=${last}`)), expected)
    }
  },
)

streams('goes on from where a client resumed', async () => {
  const { world, changed } = atVersion(9)
  const client = await listen(world, { headers: { 'last-event-id': '9' } })
  assert.equal(await client.events(), [])
  await changed(9)
  assert.equal(await client.events(), [])
  await changed(10)
  assert.equal(
    (await client.events()).map(({ id }) => id),
    ['10'],
  )
})

streams('never goes back, whichever answer comes first', async () => {
  const { world, changed } = atVersion(9)
  const client = await listen(world)
  await client.text()
  await changed(12)
  await changed(11)
  await changed(13)
  assert.equal(
    (await client.events()).map(({ id }) => id),
    ['12', '13'],
  )
})

streams('begins with nothing older than what others were told, though its own answer may be', async () => {
  const { world, state, changed } = atVersion(9)
  await (await listen(world)).text()
  await changed(10)
  state.version = 9
  const [first] = await (await listen(world)).events()
  assert.is(first?.id, '10')
})

streams('asks again for what changed while the shard was being asked', async () => {
  const { world, state } = atVersion(9)
  const client = await listen(world)
  await client.text()
  const answers: ((reply: StockReply) => void)[] = []
  world.engine.answer = () => new Promise((resolve) => answers.push(resolve))
  world.history.watched.get(productId)?.()
  await world.timers.advance(streamReadMs + 1)
  assert.is(answers.length, 1)
  state.version = 11
  world.history.watched.get(productId)?.()
  await world.timers.advance(streamReadMs + 1)
  assert.is(answers.length, 1, 'one question at a time')
  answers[0]?.(stock({ version: 10 }))
  await world.timers.advance(streamReadMs + 1)
  assert.is(answers.length, 2)
  answers[1]?.(stock({ version: 11 }))
  assert.equal(
    (await client.events()).map(({ id }) => id),
    ['10', '11'],
  )
})

streams('asks again where the shard does not answer, until it does', async () => {
  const { world, state } = atVersion(9)
  const client = await listen(world)
  await client.text()
  const answer = world.engine.answer
  world.engine.answer = () => Promise.reject(new EngineError('shard-unavailable', 'it is recovering'))
  state.version = 10
  world.history.watched.get(productId)?.()
  const before = world.engine.requests.length
  await world.timers.advance(3_000)
  const tries = world.engine.requests.length - before
  assert.ok(tries >= 5 && tries <= 20, `${tries} tries`)
  world.engine.answer = answer
  await world.timers.advance(1_000)
  assert.equal(
    (await client.events()).map(({ id }) => id),
    ['10'],
  )
})

streams('asks now and then while nobody tells of changes', async () => {
  const { world, state } = atVersion(9)
  const client = await listen(world)
  await client.text()
  world.history.isWatching = false
  state.version = 10
  await world.timers.advance(streamUntoldReadMs + streamReadMs + 1)
  assert.equal(
    (await client.events()).map(({ id }) => id),
    ['10'],
  )
})

streams('asks anew once it is told of changes, so that none is missed in between', async () => {
  const { world, state } = atVersion(9)
  let watching = () => {}
  world.history.watch = () =>
    new Promise((resolve) => {
      watching = resolve
    })
  const client = await listen(world)
  await client.text()
  state.version = 10
  await world.timers.advance(streamReadMs + 1)
  assert.equal(await client.events(), [])
  watching()
  await world.timers.advance(streamReadMs + 1)
  assert.equal(
    (await client.events()).map(({ id }) => id),
    ['10'],
  )
})

streams('keeps nothing for a client that does not read but the last value', async () => {
  const { world, changed } = atVersion(9)
  const slow = await listen(world)
  const quick = await listen(world)
  await quick.text()
  for (let version = 10; version < 60; version++) {
    await changed(version)
    assert.is((await quick.events()).length, 1)
  }
  const ids = (await slow.events()).map(({ id, data }) => [id, data.from, data.to])
  assert.equal(ids, [
    ['9', undefined, undefined],
    ['59', 10, 59],
  ])
})

streams('says that it lives', async () => {
  const { world } = atVersion(9)
  const client = await listen(world)
  await client.text()
  await world.timers.advance(streamHeartbeatMs + streamReadMs + 1)
  assert.is(await client.text(), ':\n\n')
  await world.timers.advance(5 * streamHeartbeatMs)
  assert.is(
    await client.text(),
    ':\n\n:\n\n',
    'one on its way and one that waits, for a client that does not read',
  )
})

streams('asks for many products in turn, and gets round to all', async () => {
  const world = fakes()
  const versions = new Map<string, number>()
  let open = 0
  let most = 0
  world.engine.answer = async (request) => {
    const id = 'productId' in request ? request.productId : productId
    open += 1
    most = Math.max(most, open)
    await new Promise((resolve) => setImmediate(resolve))
    open -= 1
    return stock({ productId: id, version: versions.get(id) ?? 1 })
  }
  const clients: Client[] = []
  for (let i = 0; i < 4 * streamReadsMax; i++)
    clients.push(await listen(world, { as: 'service' }, `/v1/products/p${i}/stock/stream`))
  for (const client of clients) await client.text()
  await world.timers.advance(1_000)
  most = 0
  for (const [id, onChange] of world.history.watched) {
    versions.set(id, 2)
    onChange()
  }
  await world.timers.advance(1_000)
  for (const client of clients)
    assert.equal(
      (await client.events()).map(({ id }) => id),
      ['2'],
    )
  assert.is(most, streamReadsMax)
})

streams('ends with all others when the listener closes, and none begins any more', async () => {
  const { world } = atVersion(9)
  const client = await listen(world)
  const slow = await listen(world)
  await client.text()
  world.parts.streams.end()
  assert.match(await client.text(), /^retry: \d+\n\n$/)
  assert.ok(client.isOver)
  assert.match(await slow.text(), /retry: \d+\n\n$/)
  assert.ok(slow.isOver)
  assert.is(world.parts.streams.size, 0)
  const late = await world.call('GET', PATH)
  assert.is(late.status, 503)
  assert.is(late.body.code, 'shutting-down')
  assert.ok(Number(late.headers.get('retry-after')) > 0)
})

streams('cuts off, when the listener closes, only clients that do not read', async () => {
  const { world, changed } = atVersion(9)
  const cut: string[] = []
  const from = async (name: string) => {
    const env = {
      incoming: { socket: {}, headers: {}, url: PATH },
      outgoing: { destroy: () => cut.push(name) },
    }
    return new Client(await world.app.request(PATH, {}, env), world.timers)
  }
  const quick = await from('quick')
  await from('slow')
  await quick.text()
  await changed(10)
  await quick.text()
  world.parts.streams.end()
  assert.equal(cut, ['slow'])
})

streams('is refused with 503 past the bound of its address, but for services', async () => {
  const world = fakes()
  const from = (remoteAddress: string) => ({
    incoming: { socket: { remoteAddress }, headers: {}, url: PATH },
  })
  const ask = (address: string, token?: string) => {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const env = from(address)
    Object.assign(env.incoming.headers, headers)
    return world.app.request(PATH, { headers }, env)
  }
  const open: Response[] = []
  for (let i = 0; i < streamsPerAddressMax; i++) open.push(await ask('10.0.0.1'))
  const refused = await ask('10.0.0.1')
  assert.is(refused.status, 503)
  assert.match(await refused.text(), '"code":"too-many-streams"')
  assert.ok(Number(refused.headers.get('retry-after')) > 0)
  assert.is((await ask('10.0.0.2')).status, 200)
  assert.is((await ask('10.0.0.1', 'service')).status, 200)
  await open[0]?.body?.cancel()
  assert.is((await ask('10.0.0.1')).status, 200)
  assert.is(world.parts.streams.counters.refused, 1)
})

streams('of an unknown product is 404, and HEAD opens none', async () => {
  const { world } = atVersion(9)
  const head = await world.app.request(PATH, { method: 'HEAD' })
  assert.is(head.status, 200)
  assert.is(head.headers.get('content-type'), 'text/event-stream')
  assert.is(await head.text(), '')
  assert.is(world.parts.streams.size, 0)
  world.engine.answer = () => ({ type: 'refused', refusal: { reason: 'unknownProduct', productId } })
  assert.is((await world.call('GET', PATH)).body.code, 'unknown-product')
  assert.is((await world.call('GET', '/v1/products/search/stock/stream')).status, 404)
  world.engine.answer = () => Promise.reject(new EngineError('overloaded', ''))
  assert.is((await world.call('GET', PATH)).status, 503)
  assert.is((await world.call('GET', `${PATH}?from=1`)).status, 400)
  assert.is(world.parts.streams.size, 0)
})

streams.run()
