/** What every broker keeps to (BR1 to BR3), a suite for each. */
import * as assert from 'uvu/assert'
import type { CloudEvent, OutgoingEvent } from '../../src/events/cloud-event.ts'
import { BrokerUnavailable, type EventSink, PositionMoved } from '../../src/events/event-sink.ts'
import type { RelayPosition } from '../../src/events/relay-position.ts'
import { suite } from '../support/suite.ts'

export type BrokerUnderTest = {
  /** Another relay's way to it. */
  sink(): EventSink
  /** All that was told, in the order of each key. */
  told(): Promise<readonly CloudEvent[]>
  kill(): Promise<void>
  restart(): Promise<void>
  close(): Promise<void>
}

export type BrokerKind = {
  readonly name: string
  readonly needs: readonly string[]
  readonly start: () => Promise<BrokerUnderTest>
}

let numbered = 0

function events(count: number, key = 'phone'): OutgoingEvent[] {
  return Array.from({ length: count }, () => {
    numbered += 1
    return { key, json: JSON.stringify({ id: `e${numbered}`, partitionkey: key }) }
  })
}

function at(sequence: number): RelayPosition {
  const checkpoint = { sequence, epoch: 1, link: 'a'.repeat(32) }
  return { outboxId: sequence, shards: new Map([[0 as never, checkpoint]]) }
}

function ids(of: readonly OutgoingEvent[]): string[] {
  return of.map(({ json }) => JSON.parse(json).id)
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

export function eventSinkContract({ name, needs, start }: BrokerKind): void {
  const test = suite(`events to ${name}`, { needs: [...needs], limitMs: 240_000 })
  let broker: BrokerUnderTest
  test.before(async () => {
    broker = await start()
  })
  test.after(() => broker.close())
  const told: string[] = []

  async function assertTold(): Promise<void> {
    assert.equal((await broker.told()).map(({ id }) => id).sort(), [...told].sort())
  }

  test('begin nowhere, and go on where they were left, in order', async () => {
    const sink = broker.sink()
    assert.is(await sink.open(), undefined)
    const [first, second] = [events(3), events(2)]
    await sink.tell(first, undefined)
    await sink.tell(second, at(5))
    await sink.close()
    told.push(...ids(first), ...ids(second))
    const next = broker.sink()
    assert.equal(await next.open(), at(5))
    await next.tell([], at(6))
    await next.tell([], undefined)
    await next.close()
    const again = broker.sink()
    assert.equal(await again.open(), at(6))
    await again.close()
    assert.equal(
      (await broker.told()).map(({ id }) => id),
      told,
    )
  })

  test('are many, of many keys, each key in its order', async () => {
    const sink = broker.sink()
    await sink.open()
    const many = Array.from({ length: 50 }, (_, i) => events(20, `product-${i}`)).flat()
    await sink.tell(many, at(2_000))
    await sink.close()
    told.push(...ids(many))
    const all = await broker.told()
    assert.is(all.length, told.length)
    for (let i = 0; i < 50; i++) {
      const own = (each: { readonly partitionkey: string }) => each.partitionkey === `product-${i}`
      const due = many.map(({ json }) => JSON.parse(json)).filter(own)
      assert.equal(
        all.filter(own).map(({ id }) => id),
        due.map(({ id }) => id),
      )
    }
  })

  test('are refused from one whose place another has taken', async () => {
    const [old, young] = [broker.sink(), broker.sink()]
    await old.open()
    assert.equal(await young.open(), at(2_000))
    const news = events(2)
    await young.tell(news, at(2_002))
    told.push(...ids(news))
    assert.instance(await rejection(old.tell([], undefined)), PositionMoved)
    await old.close()
    assert.equal(await old.open(), at(2_002))
    await young.tell([], at(2_001))
    await young.tell([], at(2_002))
    await old.close()
    await young.close()
  })

  test('are there after a kill, and nobody waits long for one that is away', async () => {
    const sink = broker.sink()
    await sink.open()
    const before = events(5)
    await sink.tell(before, at(3_000))
    told.push(...ids(before))
    await broker.kill()
    assert.instance(await rejection(sink.tell(events(1), at(3_001))), BrokerUnavailable)
    await sink.close()
    assert.instance(await rejection(sink.open()), BrokerUnavailable)
    await broker.restart()
    assert.equal(await sink.open(), at(3_000))
    const after = events(1)
    await sink.tell(after, at(3_001))
    told.push(...ids(after))
    await sink.close()
    await assertTold()
  })

  test.run()
}
