/**
 * How many times as many durable reservations a second as Redis with a Lua script and the AOF synced each time?
 *
 *   callers ──► Engine ──────────────────────────────► worker thread ──► journal, fdatasync a frame
 *   callers ──► ioredis, a pipeline a tick ── TCP ──► redis-server  ──► AOF, fsync a turn of its loop
 *
 * The same callers in the same process over the same 10,000 products; each side first tries every number of callers (and
 * Redis of connections) for a moment, and is then measured at its best, in turn. The script does what a reservation
 * does: checks and takes the stock, keeps the reservation under its id with its expiry, and does nothing twice
 * (rivals/reserve.lua). It has no log of what happened, no rules beyond these, and no end of a hold: nobody takes the
 * expired ones back, and what that costs is not counted.
 *
 * Redis is one process and so is the engine; each has its callers on the other core.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { absentRow, barOf, type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import { linesOf, RedisCallers, type RedisPoint, redisPoints, TINY_POINT } from '../rivals/redis-callers.ts'
import { RedisServer } from '../rivals/redis-server.ts'
import { endChecked } from '../support/durability.ts'
import { productIds } from '../support/ids.ts'
import { LocalEngine, STOCK } from '../support/local-engine.ts'
import { thousands } from '../support/report.ts'
import { inRounds } from '../support/rounds.ts'
import { makeScratch } from '../support/scratch.ts'
import { sweep } from '../support/sweep.ts'

const SIZES = {
  full: { rounds: 3, loadMs: 2_500, tryMs: 700, products: 10_000, isTiny: false },
  quick: { rounds: 1, loadMs: 800, tryMs: 150, products: 10_000, isTiny: false },
  tiny: { rounds: 1, loadMs: 50, tryMs: 20, products: 100, isTiny: true },
} as const satisfies Record<Scale, object>

const ENGINE_CALLERS = [1_024, 4_096, 8_192]
const NAME = 'durable reserves'
const BOUNDS = { floor: 4, aim: 10 }

export const redis: Figure = { name: 'redis', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const size = SIZES[scale]
  const scratch = makeScratch('redis')
  mkdirSync(join(scratch, 'redis'))
  const presence = await RedisServer.start(join(scratch, 'redis'))
  if (presence.type === 'absent') {
    rmSync(scratch, { recursive: true })
    return {
      rows: [absentRow(`${NAME} ÷ Redis Lua, AOF always`, presence.why, BOUNDS)],
      plots: [],
      notes: [],
    }
  }
  const { server } = presence
  const products = productIds(size.products)
  await server.stock(products, STOCK)
  const local = await LocalEngine.start(join(scratch, 'engine'))
  await local.stock(products)
  const own = local.callers()
  const theirs = new RedisCallers(server)
  const runRedis = (point: RedisPoint, forMs: number) => theirs.run(point, { products, forMs })

  const engineSweep = await sweep(size.isTiny ? [64] : ENGINE_CALLERS, (callers) =>
    own.run({ callers, products, forMs: size.tryMs }),
  )
  const redisSweep = await sweep(size.isTiny ? [TINY_POINT] : redisPoints(), (point) =>
    runRedis(point, size.tryMs),
  )
  const { best } = redisSweep
  say(`Redis is at its best with ${best.connections} connections and ${thousands(best.callers)} callers`)
  const sides = await inRounds(
    size.rounds,
    {
      engine: () => own.run({ callers: engineSweep.best, products, forMs: size.loadMs }),
      redis: () => runRedis(best, size.loadMs),
    },
    (round, { engine, redis }) => say(`round ${round}: ${thousands(engine)}; Redis ${thousands(redis)}`),
  )

  await theirs.check(products, STOCK)
  await server.stop()
  await endChecked(local, own)
  rmSync(scratch, { recursive: true })
  return {
    rows: [
      makeRow({
        name: `${NAME}, ${thousands(engineSweep.best)} callers`,
        unit: '/s',
        values: sides.engine,
        limit: { name: 'Redis Lua, AOF always', values: sides.redis },
        note: `Redis is at its best with ${best.connections} connections and ${thousands(best.callers)} callers`,
        ...BOUNDS,
      }),
    ],
    plots: [
      {
        type: 'bars',
        title: 'Durable reservations a second: the engine and Redis, each at its best',
        unit: '/s',
        bars: [barOf('Holdfast', sides.engine), barOf('Redis Lua, AOF always', sides.redis)],
      },
      {
        type: 'lines',
        title: 'Redis Lua, AOF always: reservations a second by callers, a line a number of connections',
        x: 'callers',
        y: '/s',
        lines: linesOf(redisSweep.tried),
      },
    ],
    notes: [
      'Redis: appendonly yes, appendfsync always, no rewriting and no saving; ioredis with autopipelining, EVALSHA; afterwards its units and reservations added up to what it had acknowledged.',
    ],
  }
}
