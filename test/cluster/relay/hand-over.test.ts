/** A shard changes hands, or its owner is lost, while both nodes sell of it. */
import * as assert from 'uvu/assert'
import { EngineError } from '../../../src/actors/engine-error.ts'
import { realClock } from '../../../src/seams.ts'
import { productOf, readStock, reserve, setStock } from '../../actors/asking.ts'
import { suite } from '../../support/suite.ts'
import { type Node, pause, until, World } from './relay-world.ts'

const phone = productOf(0)

const handOver = suite('a shard that changes hands')

/** Calls that a node's engine makes one after the other on several ways, until told to stop. */
class Buyers {
  held = 0
  reads = 0
  readonly errors: EngineError[] = []
  slowestMs = 0
  #isOver = false
  readonly #done: Promise<unknown>

  constructor(node: Node, ways: number) {
    this.#done = Promise.all(Array.from({ length: ways }, (_, way) => this.#buy(node, way)))
  }

  stop(): Promise<unknown> {
    this.#isOver = true
    return this.#done
  }

  async #buy(node: Node, way: number): Promise<void> {
    while (!this.#isOver) {
      const fromMs = realClock.monotonicMs()
      try {
        if (way % 4 === 3) {
          await node.engine.execute(readStock(phone))
          this.reads += 1
        } else {
          const reply = await node.engine.execute(reserve(node, { productId: phone }))
          assert.is(reply.type, 'held', JSON.stringify(reply))
          this.held += 1
        }
      } catch (error) {
        if (!(error instanceof EngineError)) throw error
        this.errors.push(error)
        await pause(5)
      }
      this.slowestMs = Math.max(this.slowestMs, realClock.monotonicMs() - fromMs)
    }
  }
}

handOver('costs those who buy of it some time, and nobody is refused', async () => {
  const world = await (await World.start([0, 1, 1, 1], { nodes: 3 })).ready()
  const [first, second, third] = [world.node(0), world.node(1), world.node(2)]
  try {
    await first.engine.execute(setStock(phone, 1_000_000))
    const buyers = world.nodes.map((node) => new Buyers(node, 16))
    for (const [from, to] of [
      [first, second],
      [second, third],
    ] as const) {
      await pause(150)
      assert.ok(await from.supervisor.retire(0))
      world.place(0, world.nodes.indexOf(to))
      await to.ready()
    }
    await pause(150)
    await Promise.all(buyers.map((each) => each.stop()))
    const errors = buyers.flatMap((each) => each.errors)
    const logged = world.nodes.flatMap((node) => node.logged.filter(({ level }) => level !== 'info'))
    assert.equal([...errors.slice(0, 3).map(String), ...logged], [], 'nothing but the hand-overs')
    const held = buyers.reduce((sum, each) => sum + each.held, 0)
    for (const node of world.nodes) {
      const stock = await node.engine.execute(readStock(phone))
      assert.is(stock.type === 'stock' && stock.held, held, 'what was answered is there, and nothing else')
    }
    for (const { held, reads } of buyers)
      assert.ok(held > 10 && reads > 3, `${held} and ${reads} of each node`)
  } finally {
    await world.stop()
  }
})

handOver('that nobody takes is refused once those who wait have waited long enough', async () => {
  const world = await (await World.start([0, 1, 1, 1])).ready()
  try {
    const [first, second] = [world.node(0), world.node(1)]
    await first.engine.execute(setStock(phone, 10))
    await first.supervisor.retire(0)
    await until(() => second.engine.workers()[0]?.state.type === 'starting')
    const fromMs = realClock.monotonicMs()
    const asked = await Promise.allSettled([
      first.engine.execute(readStock(phone)),
      second.engine.execute(reserve(second, { productId: phone })),
    ])
    for (const one of asked)
      assert.is(
        one.status === 'rejected' && one.reason instanceof EngineError && one.reason.code,
        'shard-unavailable',
      )
    const waitedMs = realClock.monotonicMs() - fromMs
    assert.ok(waitedMs >= 2_990 && waitedMs < 4_500, `${waitedMs}`)
  } finally {
    await world.stop()
  }
})

handOver('at once leaves what was asked unknown, and what is read is asked again', async () => {
  const world = await (await World.start([0, 1, 1, 1])).ready()
  try {
    const [first, second] = [world.node(0), world.node(1)]
    await first.engine.execute(setStock(phone, 1_000))
    const asked = Array.from({ length: 40 }, () =>
      second.engine.execute(reserve(second, { productId: phone })),
    )
    const read = second.engine.execute(readStock(phone))
    const fenced = first.supervisor.fence(0)
    const outcomes = await Promise.allSettled(asked)
    await fenced
    world.place(0, 1)
    const stock = await read
    const held = outcomes.filter(({ status }) => status === 'fulfilled').length
    for (const one of outcomes) {
      if (one.status === 'rejected') assert.is(one.reason.code, 'outcome-unknown')
    }
    assert.ok(
      stock.type === 'stock' && stock.held >= held && stock.held <= 40,
      JSON.stringify({ stock, held }),
    )
  } finally {
    await world.stop()
  }
})

handOver('is asked of its new owner however early that was said', async () => {
  const world = await (await World.start([0, 1, 1, 1])).ready()
  try {
    const [first, second] = [world.node(0), world.node(1)]
    await first.engine.execute(setStock(phone, 10))
    first.supervisor.follow(0, 'node-1')
    assert.is(
      (await first.engine.execute(reserve(first, { productId: phone }))).type,
      'held',
      'it is still here',
    )
    const fenced = first.supervisor.fence(0)
    const asked = first.engine.execute(readStock(phone))
    await fenced
    second.supervisor.serve(0)
    const stock = await asked
    assert.is(stock.type === 'stock' && stock.held, 1)
    assert.is(first.engine.workers()[0]?.state.type, 'ready')
    // And back to nobody, and to a node that does not serve it.
    first.supervisor.forget(0)
    await until(() => first.engine.workers()[0]?.state.type === 'starting')
    first.supervisor.follow(0, 'node-1')
    await until(() => first.engine.workers()[0]?.state.type === 'ready')
  } finally {
    await world.stop()
  }
})

handOver.run()
