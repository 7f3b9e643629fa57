/** A real server that sells while its broker, and it itself, are killed; and what the broker was told, held against the journal. */
import * as assert from 'uvu/assert'
import type { CloudEvent } from '../../src/events/cloud-event.ts'
import { Dice } from '../support/dice.ts'
import { readJournal } from '../support/journal-reader.ts'
import type { LongFigure } from '../support/long-figure.ts'
import { adminKey, pause, type ServerProcess, Site } from '../support/server-process.ts'
import { assertAllOf, distinct } from './told.ts'

export type TrialBroker = {
  /** For `EVENTS_URL`. */
  readonly url: string
  kill(): Promise<void>
  restart(): Promise<void>
  told(): Promise<readonly CloudEvent[]>
}

export type Trial = {
  readonly seed: number
  /** At least so many are told. */
  readonly events: number
  readonly brokerKills: number
  readonly nodeKills: number
}

export type TrialResult = {
  readonly events: number
  readonly repeated: number
  readonly lost: 0
}

const PRODUCTS = 100
const BUYERS = 24
const STOCK = 1_000_000
const AWAY_MS: readonly [number, number] = [300, 2_500]
const ALL_TOLD_WITHIN_MS = 180_000

/** Throws where anything was lost, made up, or out of its order. */
export async function runTrial(broker: TrialBroker, trial: Trial, figure: LongFigure): Promise<TrialResult> {
  const dice = new Dice(trial.seed)
  await using site = new Site()
  const environment = { EVENTS_URL: broker.url, SEGMENT_BYTES: '4194304' }
  const products = Array.from({ length: PRODUCTS }, (_, i) => `product-${i}`)
  let server = await site.start({ environment })
  const stock = { set: STOCK, reason: 'delivery' }
  for (const productId of products)
    assert.is(
      (await server.request('POST', `/v1/products/${productId}/stock/adjustments`, stock)).status,
      200,
    )

  let answered = PRODUCTS
  let isOver = false
  /** Sells, and goes on with whoever is there after a kill. */
  const buy = async () => {
    while (!isOver) {
      const items = [{ productId: dice.pick(products), quantity: 1 }]
      const made = await server.attempt('POST', '/v1/reservations', { items })
      if (made.type !== 'answered' || made.status !== 201) {
        await pause(20)
        continue
      }
      answered += 1
      const end = dice.hits(0.5) ? 'confirm' : 'release'
      const ended = await server.attempt('POST', `/v1/reservations/${made.body.reservationId}/${end}`)
      if (ended.type === 'answered' && ended.status === 200) answered += 1
    }
  }
  const buyers = Array.from({ length: BUYERS }, buy)
  const kills = trial.brokerKills + trial.nodeKills
  const order = dice.shuffled([
    ...Array.from({ length: trial.brokerKills }, () => 'broker' as const),
    ...Array.from({ length: trial.nodeKills }, () => 'node' as const),
  ])
  const untilAnswered = async (count: number) => {
    while (answered < count) {
      figure.progress(() => `${answered} of ${trial.events} events made`)
      await pause(20)
    }
  }
  for (const [i, what] of order.entries()) {
    await untilAnswered((trial.events * (i + 1)) / (kills + 1))
    figure.say(`${what} is killed at ${answered}`)
    if (what === 'broker') {
      await broker.kill()
      await pause(dice.between(...AWAY_MS))
      await broker.restart()
    } else {
      await server.kill()
      server = await site.start({ environment })
    }
  }
  await untilAnswered(trial.events)
  isOver = true
  await Promise.all(buyers)
  const givenUpMs = performance.now() + ALL_TOLD_WITHIN_MS
  while (!(await isAllTold(server))) {
    figure.progress(() => 'waits until all is told')
    assert.ok(performance.now() < givenUpMs, 'all is told')
    await pause(100)
  }
  assert.is((await server.stop()).code, 0)
  figure.say('compares what was told with the journal')
  const { events, repeated } = distinct(await broker.told())
  assertAllOf(readJournal(site.directory), events, '/holdfast')
  assert.ok(events.length >= trial.events, `${events.length}`)
  return { events: events.length, repeated, lost: 0 }
}

async function isAllTold({ port }: ServerProcess): Promise<boolean> {
  const headers = { authorization: `Bearer ${adminKey}` }
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`, { headers })).text()
  return (
    /^holdfast_events_lag_seconds 0$/m.test(text) &&
    /^holdfast_events_untold 0$/m.test(text) &&
    /^holdfast_events_trouble 0$/m.test(text)
  )
}
