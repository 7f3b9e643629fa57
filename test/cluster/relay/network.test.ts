/** The network between nodes does what networks do (FAULTS.md, 75 and 76), or somebody on it does what he should not. */
import { once } from 'node:events'
import { createServer, connect as openSocket, type Socket } from 'node:net'
import * as assert from 'uvu/assert'
import { EngineError } from '../../../src/actors/engine-error.ts'
import { relayUnprovenMax } from '../../../src/limits/relay.ts'
import { realClock } from '../../../src/seams.ts'
import { productOf, readStock, reserve, setStock } from '../../actors/asking.ts'
import { suite } from '../../support/suite.ts'
import { type Node, pause, until, World } from './relay-world.ts'

const phone = productOf(1)

type Context = { world: World; here: Node; there: Node }
const network = suite<Context>('the network between nodes', { context: {} as Context })

network.before(async (context) => {
  context.world = await (await World.start([0, 1, 0, 1])).ready()
  context.here = context.world.node(0)
  context.there = context.world.node(1)
  await context.there.engine.execute(setStock(phone, 1_000_000))
})

network.after(({ world }) => world.stop())

network(
  'is cut in mid-flight: what was not answered is unknown, what is read is asked again',
  async (context) => {
    const { world, here } = context
    const before = await heldOf(context)
    const asked = Array.from({ length: 300 }, () => here.engine.execute(reserve(here, { productId: phone })))
    await asked[0]
    world.way(0, 1).cut()
    const read = here.engine.execute(readStock(phone))
    const outcomes = await Promise.allSettled(asked)
    world.way(0, 1).heal()
    const answered = outcomes.filter(({ status }) => status === 'fulfilled').length
    const unknown = outcomes.filter(
      (one) => one.status === 'rejected' && codeOf(one.reason) === 'outcome-unknown',
    )
    assert.is(answered + unknown.length, 300, 'nobody is told anything else')
    assert.is((await read).type, 'stock', 'within its time')
    const held = (await heldOf(context)) - before
    assert.ok(held >= answered && held <= 300, `${answered} of ${held}`)
  },
)

network('is slow: everything is answered, later', async (context) => {
  const { world, here } = context
  const before = await heldOf(context)
  world.way(0, 1).delay(300)
  const asked = Array.from({ length: 20 }, () => here.engine.execute(reserve(here, { productId: phone })))
  const fromMs = realClock.monotonicMs()
  assert.ok((await Promise.all(asked)).every(({ type }) => type === 'held'))
  assert.ok(realClock.monotonicMs() - fromMs >= 590)
  world.way(0, 1).heal()
  assert.is((await heldOf(context)) - before, 20)
})

for (const direction of ['requests', 'replies'] as const) {
  network(
    `swallows ${direction}: it is noticed in two seconds, and mended with the network`,
    async (context) => {
      const { world, here } = context
      const before = await heldOf(context)
      world.way(0, 1).blackhole([direction])
      const fromMs = realClock.monotonicMs()
      const asked = here.engine.execute(reserve(here, { productId: phone }))
      const [outcome] = await Promise.allSettled([asked])
      const tookMs = realClock.monotonicMs() - fromMs
      assert.is(outcome.status === 'rejected' && codeOf(outcome.reason), 'outcome-unknown')
      assert.ok(tookMs < 3_500, `${tookMs}`)
      world.way(0, 1).heal()
      await here.ready()
      const held = (await heldOf(context)) - before
      assert.is(held, direction === 'replies' ? 1 : 0)
    },
  )
}

network('is too slow for a node to be one: nothing happens twice', async (context) => {
  const { world, here } = context
  const before = await heldOf(context)
  world.way(0, 1).delay(1_500)
  const asked = Array.from({ length: 20 }, () => here.engine.execute(reserve(here, { productId: phone })))
  const outcomes = await Promise.allSettled(asked)
  world.way(0, 1).heal()
  world.way(0, 1).reset()
  await here.ready()
  await pause(1_600)
  const held = (await heldOf(context)) - before
  const answered = outcomes.filter(({ status }) => status === 'fulfilled').length
  for (const one of outcomes) {
    if (one.status === 'rejected') assert.ok(codeOf(one.reason) !== undefined, String(one.reason))
  }
  assert.ok(held >= answered && held <= 20, `${answered} of ${held}`)
})

network(
  'says garbage, and opens many connections that prove nothing: nodes go on, and new ones get in',
  async (context) => {
    const { world, here, there } = context
    const sockets: Socket[] = []
    let closed = 0
    for (let i = 0; i < 1_000; i++) {
      const socket = openSocket(there.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.on('close', () => {
        closed += 1
      })
      socket.resume()
      if (i % 2 === 0) socket.write(i % 4 === 0 ? 'GET / HTTP/1.1\r\n\r\n' : Buffer.alloc(300, i))
      sockets.push(socket)
    }
    await until(() => closed >= 1_000 - relayUnprovenMax)
    assert.is((await here.engine.execute(readStock(phone))).type, 'stock')
    world.way(0, 1).reset()
    await until(() => here.engine.workers()[1]?.state.type === 'starting')
    await here.ready()
    // Whoever says nothing is sent away as well.
    await until(() => closed === 1_000)
    for (const socket of sockets) socket.destroy()
  },
)

network('has somebody who records and sends again: he is not understood', async ({ here, there }) => {
  const recorded: Buffer[] = []
  const recorder = createServer((client) => {
    const server = openSocket(there.port, '127.0.0.1')
    client.on('data', (piece: Buffer) => void recorded.push(piece))
    client.pipe(server).pipe(client)
    for (const socket of [client, server]) socket.on('error', () => socket.destroy())
  })
  recorder.listen(0, '127.0.0.1')
  await once(recorder, 'listening')
  const address = recorder.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const before = await there.engine.execute(readStock(phone))
  here.relay.meet([{ ...there.address, port: address.port }])
  await until(() => here.engine.workers()[1]?.state.type === 'starting')
  await here.ready()
  await here.engine.execute(reserve(here, { productId: phone }))
  const again = openSocket(there.port, '127.0.0.1')
  again.on('error', () => {})
  again.resume()
  again.write(Buffer.concat(recorded))
  await once(again, 'close')
  recorder.close()
  const after = await there.engine.execute(readStock(phone))
  assert.is(after.type === 'stock' && before.type === 'stock' && after.held - before.held, 1)
  here.relay.meet([there.address])
  await until(() => here.engine.workers()[1]?.state.type === 'starting')
  await here.ready()
})

network('leads to another node than was meant: nothing is asked there', async ({ here, there }) => {
  const logged = here.logged.length
  here.relay.meet([{ ...here.address, nodeId: there.nodeId }])
  await until(() => here.logged.slice(logged).some(({ event }) => event === 'relay.refused'))
  await until(() => here.engine.workers()[1]?.state.type === 'starting')
  here.relay.meet([there.address])
  await here.ready()
})

network.run()

const strangers = suite('a node with another secret')

strangers('asks nothing and is asked nothing', async () => {
  const world = await World.start([0, 1, 0, 1], { secrets: ['x'.repeat(32), 'y'.repeat(32)] })
  try {
    const [first, second] = [world.node(0), world.node(1)]
    await until(() => first.engine.workers()[0]?.state.type === 'ready')
    await until(() =>
      [first, second].every(({ logged }) => logged.some(({ event }) => event === 'relay.lost')),
    )
    const [outcome] = await Promise.allSettled([first.engine.execute(readStock(phone))])
    assert.is(outcome.status === 'rejected' && codeOf(outcome.reason), 'shard-unavailable')
    assert.is((await second.relay.status(1_000))?.callers, 0)
  } finally {
    await world.stop()
  }
})

strangers.run()

function codeOf(error: unknown): string | undefined {
  return error instanceof EngineError ? error.code : undefined
}

async function heldOf({ there }: Context): Promise<number> {
  const stock = await there.engine.execute(readStock(phone))
  return stock.type === 'stock' ? stock.held : Number.NaN
}
