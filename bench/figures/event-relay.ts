/**
 * What does it cost those who buy that other systems are told of everything, and how soon are they?
 *
 *   core 1                                   core 0, all its threads
 *   buyers, a closed loop ────────────────►  Holdfast (src/main.ts) with its events' thread ──► redis-server, wherever there is room
 *                                         ►  the same without EVENTS_URL
 *
 * Both servers have the same products and take short turns, many of them: the machine is never quiet. The thread comes behind those who sell, so on a core
 * that has no moment to spare it falls behind and tells the rest later: the next turn waits until it has, and how long that
 * took stands beside. How many events were told is counted by the length of the stream.
 *
 * Not measured: Kafka; several cores, where the events' thread would have one of its own.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { absentRow, type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import { RedisServer } from '../rivals/redis-server.ts'
import { endTargets, HttpClients, startStocked } from '../support/http-target.ts'
import { inRounds } from '../support/rounds.ts'
import { makeScratch } from '../support/scratch.ts'

const SIZES = {
  full: { rounds: 40, forMs: 1_000, warmUpMs: 2_000, products: 1_000, connections: 64 },
  quick: { rounds: 8, forMs: 1_000, warmUpMs: 1_000, products: 500, connections: 64 },
  tiny: { rounds: 1, forMs: 200, warmUpMs: 50, products: 20, connections: 4 },
} as const satisfies Record<Scale, object>

const ADMIN_KEY = 'bench-7f0c2d91a4e85b36'
const STREAM = 'events'
const BOUNDS = { floor: 0.9, aim: 0.98 }
const QUIET_MS = 250
const POLL_MS = 10
const TOLD_WITHIN_MS = 120_000

export const eventRelay: Figure = { name: 'event-relay', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const { rounds, forMs, warmUpMs, connections, ...size } = SIZES[scale]
  const scratch = makeScratch('event-relay')
  mkdirSync(join(scratch, 'redis'))
  const presence = await RedisServer.start(join(scratch, 'redis'))
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
  const play = (target: typeof silent, time: number = forMs) =>
    clients.play(target, { products, connections, forMs: time })
  const length = () => client.xlen(STREAM)
  const catchUps: number[] = []
  const shares: number[] = []
  const playTelling = async (time?: number) => {
    const before = await length()
    const played = await play(telling, time)
    const told = await length()
    const endedAtMs = performance.now()
    const all = await untilAllTold(telling.url, length)
    catchUps.push(all.atMs - endedAtMs)
    shares.push((told - before) / (all.count - before))
    return played
  }
  await untilAllTold(telling.url, length)
  await playTelling(warmUpMs)
  await play(silent, warmUpMs)
  catchUps.length = 0
  shares.length = 0
  const sides = await inRounds(
    rounds,
    { on: () => playTelling(), off: () => play(silent) },
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

/** When the stream stopped growing, and the server says that all is told. */
async function untilAllTold(url: string, length: () => Promise<number>) {
  const givenUpMs = performance.now() + TOLD_WITHIN_MS
  let count = await length()
  let atMs = performance.now()
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    const now = await length()
    const nowMs = performance.now()
    if (now !== count) {
      count = now
      atMs = nowMs
    }
    if (nowMs - atMs > QUIET_MS && (await isAllTold(url))) return { count, atMs }
    if (nowMs > givenUpMs) throw new Error('the events were not told in time')
  }
}

async function isAllTold(url: string): Promise<boolean> {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } })
  return /^holdfast_events_lag_seconds 0$/m.test(await response.text())
}
