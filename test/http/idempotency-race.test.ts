/** Requests under one key, let through message by message in any order, from two listeners, with losses. */
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { ProductId } from '../../src/domain/ids.ts'
import { suite } from '../support/suite.ts'
import { type Fakes, fakes, type Reply } from './fake-parts.ts'
import { type Fate, type GatedOptions, type GatedShards, KeyedShards } from './keyed-shards.ts'
import { RealShards } from './real-shards.ts'

const PRODUCTS = ['pixel-11', 'iphone-17', 'case'] as ProductId[]
/** As products by place: one of each shard at least, and two of several. */
const BODIES: readonly (readonly string[])[] = [
  ['pixel-11'],
  ['iphone-17'],
  ['case'],
  ['case', 'pixel-11'],
  ['iphone-17', 'case', 'pixel-11'],
]

/** What stands in for the engine. */
const WORLDS: Readonly<Record<string, (options: GatedOptions) => GatedShards>> = {
  'a model of shards': (options) => new KeyedShards(options),
  'shards and their coordinator': (options) => new RealShards(options),
}

type Plan = {
  readonly key: string
  /** Places in `BODIES`, one a request. */
  readonly bodies: readonly number[]
  readonly stock: readonly number[]
  /** Which of the messages that wait goes next, and what becomes of it. */
  readonly steps: readonly (readonly [pick: number, fate: Fate])[]
  /** Steps after which a unit of each product comes back. */
  readonly restockAfter: readonly number[]
}

const plans: fc.Arbitrary<Plan> = fc.record({
  key: fc.uuid(),
  bodies: fc.array(fc.nat({ max: BODIES.length - 1 }), { minLength: 2, maxLength: 5 }).chain((bodies) =>
    // Mostly the same body again and again, as clients do.
    fc.constantFrom(
      bodies,
      bodies,
      bodies.map(() => bodies[0] ?? 0),
      [...bodies, ...bodies],
    ),
  ),
  stock: fc.array(fc.nat({ max: 2 }), { minLength: PRODUCTS.length, maxLength: PRODUCTS.length }),
  steps: fc.array(
    fc.tuple(
      fc.nat({ max: 50 }),
      fc.oneof(
        { weight: 20, arbitrary: fc.constant<Fate>('heard') },
        { weight: 1, arbitrary: fc.constantFrom<Fate>('refused', 'heard, reply lost', 'lost') },
      ),
    ),
    { minLength: 1, maxLength: 60 },
  ),
  restockAfter: fc.array(fc.nat({ max: 40 }), { maxLength: 4 }),
})

/** Lets one message through at a time. */
class Gates {
  readonly #waiting: ((fate: Fate) => void)[] = []

  wait(): Promise<Fate> {
    return new Promise((resolve) => void this.#waiting.push(resolve))
  }

  /** Resolves when `all` has; asks for each step which of so many goes. */
  async open(all: Promise<unknown>, next: (waiting: number) => readonly [pick: number, fate: Fate]) {
    let isDone = false
    const done = all.finally(() => {
      isDone = true
    })
    while (!isDone) {
      // All that can move has moved once nothing more arrives here; if not, the order is another one, and as good.
      for (let seen = -1; seen < this.#waiting.length; ) {
        seen = this.#waiting.length
        await new Promise<void>((resolve) => void setImmediate(resolve))
      }
      if (this.#waiting.length === 0) continue
      const [pick, fate] = next(this.#waiting.length)
      this.#waiting.splice(pick % this.#waiting.length, 1)[0]?.(fate)
    }
    await done
  }
}

type Outcome = { readonly body: number; readonly reply: Reply }
type Played = {
  readonly shards: GatedShards
  readonly outcomes: readonly Outcome[]
  readonly hadLosses: boolean
  /** Sends once more, undisturbed. */
  readonly again: (body: number) => Promise<Reply>
}

async function play(
  open: (options: GatedOptions) => GatedShards,
  { key, bodies, stock, steps, restockAfter }: Plan,
): Promise<Played> {
  const gates = new Gates()
  let isGated = true
  const shards = open({
    shards: 3,
    stock: Object.fromEntries(PRODUCTS.map((productId, i) => [productId, stock[i] ?? 0])),
    gate: () => (isGated ? gates.wait() : Promise.resolve('heard')),
  })
  const listeners = [0, 1].map(() => fakes({ engine: shards, splits: shards.splits, shards: shards.shards }))
  const send = (body: number, listener: number): Promise<Reply> => {
    const { call } = listeners[listener] as Fakes
    const items = BODIES[body]?.map((productId) => ({ productId, quantity: 1 }))
    const headers = { 'idempotency-key': listener === 0 ? key : `"${key}"` }
    return call('POST', '/v1/reservations', { as: 'service', body: { items }, headers })
  }
  const sent = bodies.map(async (body, i): Promise<Outcome> => ({ body, reply: await send(body, i % 2) }))
  let step = 0
  let hadLosses = false
  const all = Promise.all(sent)
  await gates.open(all, () => {
    if (restockAfter.includes(step)) restock(shards, 1)
    const next = steps[step % steps.length] ?? [0, 'heard']
    step += 1
    // What is lost again and again would never end.
    const fate = step > steps.length ? 'heard' : next[1]
    if (fate !== 'heard') hadLosses = true
    return [next[0], fate]
  })
  isGated = false
  return { shards, outcomes: await all, hadLosses, again: (body) => send(body, 0) }
}

function restock(shards: GatedShards, units: number): void {
  for (const productId of PRODUCTS) shards.restock(productId, units)
}

for (const [world, open] of Object.entries(WORLDS)) {
  const race = suite(`requests that race under one key, over ${world}`, { limitMs: 60_000 })

  race('make one reservation at the most, and all who hear of one hear the same', async () => {
    let [made, mismatches, refusals, replays] = [0, 0, 0, 0]
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const { shards, outcomes } = await play(open, plan)
        assert.ok(shards.made.length <= 1, `${shards.made.length} reservations under one key`)
        const good = outcomes.filter(({ reply }) => reply.status === 201)
        assert.ok(new Set(good.map(({ reply }) => reply.text)).size <= 1, 'all replies agree')
        assert.ok(new Set(good.map(({ body }) => body)).size <= 1, 'only one body was granted')
        if (good.length > 0) assert.is(good[0]?.reply.body.reservationId, shards.made[0]?.reservationId)
        const first = good.filter(({ reply }) => reply.headers.get('idempotency-replayed') === null)
        assert.ok(first.length <= 1, 'one of them is the first, the others say that they are not')
        for (const { reply } of outcomes) assert.ok([201, 409, 422, 503, 504].includes(reply.status))
        assert.is(await shards.rest(), 0, 'nothing stays held for what was never made')
        made += shards.made.length
        replays += good.length - first.length
        mismatches += outcomes.filter(({ reply }) => reply.status === 422).length
        refusals += outcomes.filter(({ reply }) => reply.status === 409).length
      }),
      { numRuns: 300 },
    )
    assert.ok(Math.min(made, mismatches, refusals, replays) > 20, 'each of these happened')
  })

  race('leave the key to the body that got something, for good', async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const { shards, outcomes, again } = await play(open, plan)
        const good = outcomes.find(({ reply }) => reply.status === 201)
        if (good === undefined) return
        for (const body of BODIES.keys()) {
          const reply = await again(body)
          assert.is(reply.status, body === good.body ? 201 : 422)
          if (body !== good.body) continue
          assert.is(reply.text, good.reply.text, 'though there may be no stock left')
          assert.is(reply.headers.get('idempotency-replayed'), 'true')
        }
        assert.is(shards.made.length, 1)
        assert.is(await shards.rest(), 0)
      }),
      { numRuns: 150 },
    )
  })

  race('leave the key free where all were refused', async () => {
    let free = 0
    await fc.assert(
      fc.asyncProperty(plans, fc.nat({ max: BODIES.length - 1 }), async (plan, body) => {
        const soldOut = { ...plan, restockAfter: [], stock: [0, 0, 0] }
        const { shards, again, hadLosses } = await play(open, soldOut)
        if (hadLosses) return
        free += 1
        assert.is(shards.made.length, 0)
        restock(shards, 10)
        const reply = await again(body)
        assert.is(reply.status, 201)
        assert.is(reply.headers.get('idempotency-replayed'), null)
      }),
      { numRuns: 80 },
    )
    assert.ok(free > 10)
  })

  race('have an answer in the end, whatever was lost before', async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const bodies = plan.bodies.map(() => plan.bodies[0] ?? 0)
        const { shards, outcomes, again } = await play(open, { ...plan, bodies })
        const unknown = outcomes.find(({ reply }) => reply.status === 504)
        if (unknown === undefined) return
        restock(shards, 10)
        let reply = await again(unknown.body)
        for (let tries = 1; reply.status === 503 && tries < 3; tries++) {
          await shards.rest()
          reply = await again(unknown.body)
        }
        assert.is(reply.status, 201)
        assert.is(shards.made.length, 1)
      }),
      { numRuns: 150 },
    )
  })

  race.run()
}
