/**
 * What does it cost those who buy that other systems are told of everything, and how soon are they?
 *
 *   core 1                                   core 0, all its threads
 *   buyers, a closed loop ────────────────►  Holdfast (src/main.ts) with its events' thread
 *   redis-server                          ►  the same without EVENTS_URL
 *
 * Both servers have the same products and take short turns, many of them, since the machine is never quiet: a core of it is
 * lent to others for seconds at a time, and single turns differ by a third. Both sell until what they do is compiled
 * before it begins. The thread comes behind those who sell, so on a core that has no moment to spare it falls behind and
 * tells the rest later. What either server puts off, events or its history, is done before the next turn begins, or it
 * would count against the other; how long the events took stands beside. How many were told is counted by the length of
 * the stream.
 *
 * Not measured: Kafka; several cores, where the events' thread would have one of its own.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { eventsPollMs } from '../../src/limits/events.ts'
import { historyCommitMs } from '../../src/limits.ts'
import { absentRow, type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import { RedisServer } from '../rivals/redis-server.ts'
import type { Server } from '../support/children.ts'
import type { Api } from '../support/client.ts'
import { ADMIN_KEY, CLIENT_CORE, endTargets, HttpClients, startStocked } from '../support/http-target.ts'
import { metricOf } from '../support/metrics.ts'
import { inRounds } from '../support/rounds.ts'
import { makeScratch } from '../support/scratch.ts'

const SIZES = {
  full: { rounds: 60, forMs: 1_000, warmUpMs: 20_000, products: 1_000, connections: 64 },
  quick: { rounds: 10, forMs: 1_000, warmUpMs: 5_000, products: 500, connections: 64 },
  tiny: { rounds: 1, forMs: 200, warmUpMs: 50, products: 20, connections: 4 },
} as const satisfies Record<Scale, object>

const STREAM = 'events'
const BOUNDS = { floor: 0.9, aim: 0.98 }
const LENGTH_EVERY_MS = 10
/** Seldom: the server's answers are on its core too. */
const LAG_EVERY_MS = 200
/** A lag of 0 says it of all that there was so long ago, and what a history has read it has written so long after. */
const KNOWN_AFTER_MS = Math.max(2 * eventsPollMs, historyCommitMs)
const DONE_WITHIN_MS = 120_000

export const eventRelay: Figure = { name: 'event-relay', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const { rounds, forMs, warmUpMs, connections, ...size } = SIZES[scale]
  const scratch = makeScratch('event-relay')
  mkdirSync(join(scratch, 'redis'))
  const presence = await RedisServer.start(join(scratch, 'redis'), { core: CLIENT_CORE })
  if (presence.type === 'absent') {
    rmSync(scratch, { recursive: true })
    return { rows: [absentRow('reserves with events told', presence.why, BOUNDS)], plots: [], notes: [] }
  }
  const { server: redis } = presence
  const [client] = await redis.connect(1)
  if (client === undefined) throw new Error('there is no connection to Redis')
  // It stands for a broker elsewhere, whose syncs would not wait for the same disk.
  await client.config('SET', 'appendonly', 'no')
  const products = Array.from({ length: size.products }, (_, i) => `product-${String(i).padStart(4, '0')}`)
  const telling = await startStocked(join(scratch, 'with'), products, {
    EVENTS_URL: `redis://127.0.0.1:${redis.port}/${STREAM}`,
  })
  const silent = await startStocked(join(scratch, 'without'), products)
  const clients = new HttpClients()
  const length = () => client.xlen(STREAM)
  const catchUps: number[] = []
  const shares: number[] = []
  const play = async (target: Server, time: number = forMs) => {
    const before = await length()
    const played = await clients.play(target, { products, connections, forMs: time })
    const told = await length()
    const endedAtMs = performance.now()
    const all = await untilAllDone(target, target === telling, length)
    if (target === telling) {
      catchUps.push(all.atMs - endedAtMs)
      shares.push((told - before) / (all.count - before))
    }
    return played
  }
  await untilAllDone(telling, true, length)
  for (const target of [telling, silent]) await play(target, warmUpMs)
  catchUps.length = 0
  shares.length = 0
  const sides = await inRounds(
    rounds,
    { on: () => play(telling), off: () => play(silent) },
    (round, { on, off }) =>
      say(
        `round ${round}: ${on.heldPerSecond.toFixed(0)}/s with events told, ${off.heldPerSecond.toFixed(0)}/s without`,
      ),
  )
  clients.close()
  client.disconnect()
  await endTargets([telling, silent])
  await redis.stop()
  rmSync(scratch, { recursive: true })
  const perSecond = ({ heldPerSecond }: (typeof sides.on)[number]) => heldPerSecond
  return {
    rows: [
      makeRow({
        name: 'reserves with events told',
        unit: '/s',
        values: sides.on.map(perSecond),
        limit: { name: 'without', values: sides.off.map(perSecond) },
        ...BOUNDS,
      }),
      makeRow({
        name: 'CPU of a reservation with events told',
        unit: 'µs',
        values: sides.on.map(({ cpuMicros }) => cpuMicros),
        limit: { name: 'without', values: sides.off.map(({ cpuMicros }) => cpuMicros) },
      }),
      makeRow({
        name: 'events told while they were made',
        unit: '%',
        values: shares.map((share) => share * 100),
      }),
      makeRow({
        name: `all told, after ${forMs / 1_000} s of buying`,
        unit: 'ms',
        values: catchUps,
      }),
    ],
    plots: [],
    notes: ['Events told: each server with all its threads on one core, the events’ among them.'],
  }
}

/** Until a server has told all events, and its history has them; with when the stream grew last. */
async function untilAllDone({ url }: Server, tells: boolean, length: () => Promise<number>) {
  const givenUpMs = performance.now() + DONE_WITHIN_MS
  let count = await length()
  let atMs = performance.now()
  let lookAtMs = atMs + KNOWN_AFTER_MS
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, LENGTH_EVERY_MS))
    const now = await length()
    const nowMs = performance.now()
    if (now !== count) {
      count = now
      atMs = nowMs
    }
    if (nowMs > givenUpMs) throw new Error('the events were not told in time')
    if (nowMs < lookAtMs) continue
    if (await isAllDone({ url, key: ADMIN_KEY }, tells)) return { count, atMs }
    lookAtMs = performance.now() + LAG_EVERY_MS
  }
}

async function isAllDone(api: Api, tells: boolean): Promise<boolean> {
  if ((await metricOf(api, 'holdfast_history_lag_events')) !== 0) return false
  return !tells || (await metricOf(api, 'holdfast_events_lag_seconds')) === 0
}
