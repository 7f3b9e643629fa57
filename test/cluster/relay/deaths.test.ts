/** Threads of nodes die: a worker, or the relay itself. */
import { once } from 'node:events'
import type { Worker } from 'node:worker_threads'
import * as assert from 'uvu/assert'
import { EngineError } from '../../../src/actors/engine-error.ts'
import { fingerprintOf } from '../../../src/actors/protocol.ts'
import { productOf, readStock, reserve, setStock } from '../../actors/asking.ts'
import { suite } from '../../support/suite.ts'
import { type Node, until, World } from './relay-world.ts'

const phone = productOf(1)

type Context = { world: World; here: Node; there: Node }
const deaths = suite<Context>('when a thread of a node dies', { context: {} as Context })

deaths.before(async (context) => {
  context.world = await (await World.start([0, 1, 0, 1])).ready()
  context.here = context.world.node(0)
  context.there = context.world.node(1)
  await context.there.engine.execute(setStock(phone, 1_000_000))
})

deaths.after(({ world }) => world.stop())

deaths('a worker is replaced, and other nodes find its successor', async ({ world, here, there }) => {
  await there.supervisor.retire(1)
  const born = once(process, 'worker')
  world.place(1, 1)
  const [worker] = (await born) as [Worker]
  await world.ready()
  const before = await heldAt(here)
  const asked = Array.from({ length: 50 }, () => here.engine.execute(reserve(here, { productId: phone })))
  const read = here.engine.execute(readStock(phone))
  await worker.terminate()
  const outcomes = await Promise.allSettled(asked)
  for (const one of outcomes) {
    if (one.status === 'rejected') assert.is(codeOf(one.reason), 'outcome-unknown')
  }
  assert.is((await read).type, 'stock')
  await world.ready()
  const held = (await heldAt(here)) - before
  const answered = outcomes.filter(({ status }) => status === 'fulfilled').length
  assert.ok(held >= answered && held <= 50, `${answered} of ${held}`)
})

for (const whose of ['the node that asks', 'the node that serves'] as const) {
  deaths(
    `the relay of ${whose} is replaced at its old port, and everything is linked anew`,
    async (context) => {
      const { world, here, there } = context
      const node = whose === 'the node that asks' ? here : there
      const before = await heldAt(there)
      const { restarts } = node.relay
      const asked = Array.from({ length: 50 }, () => here.engine.execute(reserve(here, { productId: phone })))
      node.killRelay()
      const outcomes = await Promise.allSettled(asked)
      for (const one of outcomes) {
        if (one.status === 'rejected') assert.is(codeOf(one.reason), 'outcome-unknown')
      }
      await until(() => node.relay.restarts === restarts + 1)
      await world.ready()
      assert.is((await here.engine.execute(reserve(here, { productId: phone }))).type, 'held')
      const elsewhere = reserve(there, { productId: productOf(0) })
      assert.is((await there.engine.execute(elsewhere)).type, 'refused')
      const held = (await heldAt(there)) - before
      const answered = outcomes.filter(({ status }) => status === 'fulfilled').length
      assert.ok(held > answered && held <= 51, `${answered} of ${held}`)
    },
  )
}

deaths('of the same command again and again, no node lets it through', async ({ world, here, there }) => {
  const poison = reserve(here, { productId: phone, quantity: 77 })
  // As its supervisor does when a command has ended its workers.
  there.supervisor.noteRemotePoison(fingerprintOf(poison))
  there.relay.noteQuarantined(fingerprintOf(poison))
  const isRefused = async () => {
    const [outcome] = await Promise.allSettled([here.engine.execute(poison)])
    return outcome.status === 'rejected' && codeOf(outcome.reason) === 'command-quarantined'
  }
  let isOver = false
  while (!isOver) isOver = await isRefused()
  assert.is((await here.engine.execute(reserve(here, { productId: phone }))).type, 'held')
  there.killRelay()
  await until(() => here.engine.workers()[1]?.state.type === 'starting')
  await world.ready()
  assert.equal(here.supervisor.quarantined, [fingerprintOf(poison)])
  assert.ok(await isRefused())
})

deaths.run()

function codeOf(error: unknown): string | undefined {
  return error instanceof EngineError ? error.code : undefined
}

async function heldAt({ engine }: Node): Promise<number> {
  const stock = await engine.execute(readStock(phone))
  return stock.type === 'stock' ? stock.held : Number.NaN
}
