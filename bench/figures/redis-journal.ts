/**
 * How many times as many durable reservations a second as a Lua script makes in the very Redis that holds the journal?
 *
 *                                              one worker thread a shard
 *   callers ──► Engine ── message ──►  mailbox ─► decide ─► frame ──► EVALSHA + WAIT 1 ┐
 *                                      mirror thread ◄── frames, into this node's files ┤
 *                                                                                       ├─► primary ══► replica
 *   callers ──► ioredis, a pipeline a tick, over some connections ── EVALSHA each ──────┘    AOF always, both
 *
 * Both sides have the same two redis-server processes, in turn, emptied between: AOF synced before every answer, one
 * replica attached that syncs its own. The engine answers when its frame is on both; the script answers when it is on the
 * primary, and waits for no replica. So the engine promises more, and pays for it, and for its mirror, its snapshots and
 * its history of events in the same run.
 *
 * Each side first tries every setting for a moment: the engine numbers of shards (a worker thread each, and a connection)
 * and of callers, the script numbers of connections and of callers. Then they are measured at their best, in turn. The
 * callers are the same closed loops in this process, over 10,000 products.
 *
 * Durability is counted: an EVALSHA and a WAIT for each sync that the journal says it made, no append sent twice, both
 * AOFs longer by all of the journal's bytes, and the replica where the primary is. Then the mirror's files are read back
 * and folded, holds against acknowledgements, product by product; the script's reservations are counted in Redis.
 *
 * Not measured: several nodes (three-nodes.ts), a network between them, or TLS.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { absentRow, barOf, type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import { linesOf, RedisCallers, type RedisPoint, redisPoints, TINY_POINT } from '../rivals/redis-callers.ts'
import { RedisPair } from '../rivals/redis-pair.ts'
import { endChecked } from '../support/durability.ts'
import { productIds } from '../support/ids.ts'
import { LocalEngine, STOCK } from '../support/local-engine.ts'
import { thousands } from '../support/report.ts'
import { inRounds } from '../support/rounds.ts'
import { makeScratch } from '../support/scratch.ts'
import { sweep } from '../support/sweep.ts'

const SIZES = {
  full: { rounds: 5, loadMs: 2_500, warmUpMs: 1_000, tryMs: 700, products: 10_000, isTiny: false },
  quick: { rounds: 1, loadMs: 800, warmUpMs: 300, tryMs: 150, products: 10_000, isTiny: false },
  tiny: { rounds: 1, loadMs: 50, warmUpMs: 10, tryMs: 20, products: 100, isTiny: true },
} as const satisfies Record<Scale, object>

const SHARDS = [1, 2, 4, 8]
const CALLERS = [1_024, 4_096, 8_192]
const NAME = 'durable reserves, journal in Redis, replicas:1'
const RIVAL = 'Redis Lua, AOF always, no wait for its replica'
const BOUNDS = { floor: 4, aim: 12 }

type EnginePoint = { readonly shards: number; readonly callers: number }
type Timed = { readonly perSecond: number; readonly cpuMicros: number }
type Loaded = Timed & { readonly eventsPerSync: number; readonly bytesPerEvent: number }

export const redisJournal: Figure = { name: 'redis-journal', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const size = SIZES[scale]
  const scratch = makeScratch('redis-journal')
  const presence = await RedisPair.start(scratch)
  if (presence.type === 'absent') {
    rmSync(scratch, { recursive: true })
    return { rows: [absentRow(`${NAME} ÷ ${RIVAL}`, presence.why, BOUNDS)], plots: [], notes: [] }
  }
  const { server: pair } = presence
  const products = productIds(size.products)
  const ofEngine: Loaded[] = []
  const ofLua: Timed[] = []

  const engineSweep = await sweep(size.isTiny ? [{ shards: 2, callers: 64 }] : enginePoints(), (point) =>
    runEngine(point, size.tryMs).then(({ perSecond }) => perSecond),
  )
  const luaSweep = await sweep(size.isTiny ? [TINY_POINT] : redisPoints(), (point) =>
    runLua(point, size.tryMs).then(({ perSecond }) => perSecond),
  )
  const [ours, theirs] = [engineSweep.best, luaSweep.best]
  say(`the engine is at its best with ${textOf(ours)}, the script with ${textOf(theirs)}`)
  const sides = await inRounds(
    size.rounds,
    {
      engine: async () => {
        const loaded = await runEngine(ours, size.loadMs)
        ofEngine.push(loaded)
        return loaded.perSecond
      },
      lua: async () => {
        const loaded = await runLua(theirs, size.loadMs)
        ofLua.push(loaded)
        return loaded.perSecond
      },
    },
    (round, { engine, lua }) => say(`round ${round}: ${thousands(engine)}; Lua ${thousands(lua)}`),
  )
  await pair.stop()
  rmSync(scratch, { recursive: true })
  return {
    rows: [
      makeRow({
        name: NAME,
        unit: '/s',
        values: sides.engine,
        limit: { name: RIVAL, values: sides.lua },
        note: `the engine is at its best with ${textOf(ours)}, the script with ${textOf(theirs)}`,
        ...BOUNDS,
      }),
      makeRow({
        name: 'time on cores a reserve, callers and both Redis included',
        unit: 'µs',
        values: ofEngine.map(({ cpuMicros }) => cpuMicros),
        limit: { name: RIVAL, values: ofLua.map(({ cpuMicros }) => cpuMicros) },
        ratioOf: (own, theirs) => theirs / own,
        note: 'rival ÷ engine: how many times as much a core does, however many others want it',
      }),
      makeRow({
        name: 'events an append to Redis',
        unit: '',
        values: ofEngine.map(({ eventsPerSync }) => eventsPerSync),
      }),
      makeRow({
        name: 'bytes of both AOFs an event',
        unit: 'B',
        values: ofEngine.map(({ bytesPerEvent }) => bytesPerEvent),
      }),
    ],
    plots: [
      {
        type: 'bars',
        title: 'Durable reservations a second: the journal in Redis, and a script in the same Redis',
        unit: '/s',
        bars: [barOf('Holdfast, replicas:1', sides.engine), barOf('Redis Lua, no wait', sides.lua)],
      },
      {
        type: 'lines',
        title: 'Journal in Redis: reservations a second by callers, a line a number of shards',
        x: 'callers',
        y: '/s',
        lines: [...Map.groupBy(engineSweep.tried, ({ point }) => point.shards)].map(([shards, tried]) => ({
          name: shards === 1 ? '1 shard' : `${shards} shards`,
          points: tried.map(({ point, perSecond }) => [point.callers, perSecond] as const),
        })),
      },
      {
        type: 'lines',
        title: 'Redis Lua beside a replica: reservations a second by callers, a line a number of connections',
        x: 'callers',
        y: '/s',
        lines: linesOf(luaSweep.tried),
      },
    ],
    notes: [
      'Both sides: the same primary and replica, appendfsync always in both, no rewriting and no saving. Each run: one WAIT a sync and no append twice, both AOFs longer by all of the journal’s bytes, every acknowledged reservation read back from the mirror’s files and folded, oversold 0; the script’s reservations counted in Redis.',
    ],
  }

  /** From an empty Redis to the engine's orderly end, and the mirror's files read back. */
  async function runEngine({ shards, callers }: EnginePoint, forMs: number): Promise<Loaded> {
    await pair.empty()
    const atFirst = await pair.counts()
    const directory = join(scratch, 'engine')
    mkdirSync(directory)
    const redis = { port: pair.primary.port, ack: { type: 'replicas', count: 1 } } as const
    const local = await LocalEngine.start(directory, { shards, redis })
    await local.stock(products)
    const own = local.callers()
    await own.run({ callers, products, forMs: size.warmUpMs })
    const before = { ...(await local.journal()), ...(await pair.counts()) }
    const timed = await onCores(() => own.run({ callers, products, forMs }), own)
    const after = { ...(await local.journal()), ...(await pair.counts()) }
    const journal = await endChecked(local, own)
    await pair.checkAppends(shards, { since: atFirst, ...journal })
    rmSync(directory, { recursive: true })
    const events = after.events - before.events
    return {
      ...timed,
      eventsPerSync: events / (after.syncs - before.syncs),
      bytesPerEvent: (after.aofBytes - before.aofBytes) / events,
    }
  }

  async function runLua(point: RedisPoint, forMs: number): Promise<Timed> {
    await pair.empty()
    await pair.primary.stock(products, STOCK)
    const callers = new RedisCallers(pair.primary)
    await callers.run(point, { products, forMs: size.warmUpMs })
    const timed = await onCores(() => callers.run(point, { products, forMs }), callers)
    await callers.check(products, STOCK)
    return timed
  }

  /** A load, with the time that this process and both Redis spent on it. */
  async function onCores(
    run: () => Promise<number>,
    callers: { readonly acknowledged: number },
  ): Promise<Timed> {
    const before = callers.acknowledged
    const own = process.cpuUsage()
    const theirsMs = pair.cpuMs()
    const perSecond = await run()
    const { user, system } = process.cpuUsage(own)
    const micros = user + system + (pair.cpuMs() - theirsMs) * 1_000
    return { perSecond, cpuMicros: micros / (callers.acknowledged - before) }
  }
}

function enginePoints(): readonly EnginePoint[] {
  return SHARDS.flatMap((shards) => CALLERS.map((callers) => ({ shards, callers })))
}

function textOf(point: EnginePoint | RedisPoint): string {
  const [count, what] = 'shards' in point ? [point.shards, 'shard'] : [point.connections, 'connection']
  return `${count} ${what}${count === 1 ? '' : 's'} and ${thousands(point.callers)} callers`
}
