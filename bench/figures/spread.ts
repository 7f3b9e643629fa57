/**
 * How many durable reservations a second can one process make, beside what its disk and its JSON encoder allow?
 *
 *   main thread                        worker thread                       disk
 *   callers ──► Engine ──message──►  mailbox ─► decide ─► evolve ─► frame ──► one segment file, fdatasync a frame
 *      ▲                                                                         │
 *      └───────────────────────── reply, once its frame is durable ◄─────────────┘
 *
 * Callers are a closed loop: each asks again as soon as it is answered, by `newReservationId` and `execute` as the HTTP
 * layer does. 64 and 4,096 of them over 10,000 products; no key, no reference, every customer another; one worker, 8
 * shards. Every round begins with an empty journal and warms up first.
 *
 * The ceilings, in the same rounds, process and directory, are the two readings of the bare loop (rivals/bare-loop.ts),
 * and the device's own syncs. 64 callers can at most put 64 events under one sync, so they have a loop of their own too.
 *
 * Durability is counted, not believed: frames against the journal's own count of syncs and, where the kernel tells,
 * against the flushes the device completed; and after each round every event is read back from disk and folded, holds
 * against acknowledgements, product by product.
 *
 * Not measured: HTTP, several workers, the latency of single calls (by Little's law the mean is callers ÷ rate).
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { barOf, type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import { BARE_BATCH, prepareEvents, runDrawing, runPrepared } from '../rivals/bare-loop.ts'
import { deviceFlushes, probeSyncs } from '../support/device.ts'
import { endChecked } from '../support/durability.ts'
import { histogramOf } from '../support/histogram.ts'
import { idDrawer, productIds } from '../support/ids.ts'
import { LocalEngine } from '../support/local-engine.ts'
import { latencyOf, ms, thousands } from '../support/report.ts'
import { inRounds } from '../support/rounds.ts'
import { makeScratch } from '../support/scratch.ts'

const SIZES = {
  full: { rounds: 5, loadMs: 2_500, warmUpMs: 1_000, bareMs: 1_500, syncs: 300, products: 10_000 },
  quick: { rounds: 1, loadMs: 1_000, warmUpMs: 400, bareMs: 600, syncs: 100, products: 10_000 },
  tiny: { rounds: 1, loadMs: 50, warmUpMs: 10, bareMs: 20, syncs: 5, products: 100 },
} as const satisfies Record<Scale, object>

const FEW = 64
const MANY = 4_096
/** Encoded in turn by the loop that has them prepared. */
const EVENTS = 100_000

type Loaded = {
  readonly few: number
  readonly many: number
  readonly eventsPerSync: number
  readonly reservesPerFlush: number | undefined
}

export const spread: Figure = { name: 'spread', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const size = SIZES[scale]
  const scratch = makeScratch('spread')
  const products = productIds(size.products)
  const draw = idDrawer()
  const events = prepareEvents(products, draw, EVENTS)
  const syncs: number[] = []
  const loads: Loaded[] = []
  const bare = (batch?: number) => {
    return {
      path: join(scratch, 'bare.jsonl'),
      forMs: size.bareMs,
      ...(batch === undefined ? {} : { batch }),
    }
  }
  for (const batch of [undefined, FEW]) runPrepared(events, bare(batch)) // warms up
  runDrawing(products, draw, bare())
  const sides = await inRounds(
    size.rounds,
    {
      engine: async () => {
        const loaded = await runEngine(join(scratch, 'engine'))
        loads.push(loaded)
        return loaded.many
      },
      drawing: () => runDrawing(products, draw, bare()),
      prepared: () => runPrepared(events, bare()),
      preparedFew: () => runPrepared(events, bare(FEW)),
      syncs: () => {
        const samples = probeSyncs(scratch, size.syncs)
        syncs.push(...samples)
        return latencyOf(samples).p50
      },
    },
    (round, { engine, drawing, prepared }) => {
      say(
        `round ${round}: ${thousands(engine)} reserves/s; bare ${thousands(drawing)} drawing, ${thousands(prepared)} prepared`,
      )
    },
  )
  rmSync(scratch, { recursive: true })

  const many = { name: `durable reserves, ${thousands(MANY)} callers`, unit: '/s', values: sides.engine }
  const few = { name: `durable reserves, ${FEW} callers`, unit: '/s', values: loads.map((load) => load.few) }
  const drawing = { name: 'bare loop drawing ids and building events', values: sides.drawing }
  const prepared = { name: 'bare loop, events prepared (strict)', values: sides.prepared }
  const fewPrepared = { name: `bare loop, events prepared, a sync per ${FEW}`, values: sides.preparedFew }
  const latency = latencyOf(Float64Array.from(syncs))
  const flushes = loads.flatMap(({ reservesPerFlush }) => reservesPerFlush ?? [])
  return {
    rows: [
      makeRow({ ...many, limit: drawing, floor: 0.35, aim: 0.8 }),
      makeRow({ ...many, limit: prepared }),
      makeRow({ ...few, limit: drawing }),
      makeRow({ ...few, limit: fewPrepared }),
      makeRow({
        name: `events a sync, ${thousands(MANY)} callers`,
        unit: '',
        values: loads.map((load) => load.eventsPerSync),
      }),
      ...(flushes.length === 0
        ? []
        : [
            makeRow({
              name: 'reserves a flush of the device, everybody’s flushes',
              unit: '',
              values: flushes,
            }),
          ]),
      makeRow({ name: 'one fdatasync of 4 KiB, p50', unit: 'ms', values: sides.syncs }),
      makeRow({ name: 'one fdatasync of 4 KiB, p99', unit: 'ms', values: [latency.p99] }),
    ],
    plots: [
      {
        type: 'bars',
        title: 'Durable events a second: the engine and the bare loop',
        unit: '/s',
        bars: [many, few, drawing, prepared, fewPrepared].map(({ name, values }) => barOf(name, values)),
      },
      {
        type: 'bars',
        title: `The device’s own syncs: ${thousands(latency.count)} times 4 KiB, by milliseconds`,
        unit: '',
        bars: histogramOf(syncs).map(({ from, to, count }) => {
          return { name: `${ms(from)} – ${ms(to)} ms`, value: count }
        }),
      },
    ],
    notes: [
      `Bare loop: JSON.stringify of the engine’s UnitsHeld event, a line each, one fdatasync per ${BARE_BATCH}, no rules, no state, no threads, no replies. “Drawing” draws each id and builds each event in the loop, as the engine must: the floor was set against this reading. “Prepared” is the strict one.`,
      'Each round: every acknowledged reservation read back from the journal and folded, oversold 0, a sync a frame.',
    ],
  }

  /** One engine from an empty journal to its orderly end, every load in turn, and the journal read back. */
  async function runEngine(directory: string): Promise<Loaded> {
    const local = await LocalEngine.start(directory)
    await local.stock(products)
    const callers = local.callers()
    await callers.run({ callers: MANY, products, forMs: size.warmUpMs })
    const few = await callers.run({ callers: FEW, products, forMs: size.loadMs })
    const before = { ...(await local.journal()), flushes: deviceFlushes(scratch) }
    const many = await callers.run({ callers: MANY, products, forMs: size.loadMs })
    const flushesAfter = deviceFlushes(scratch)
    const after = await endChecked(local, callers)
    rmSync(directory, { recursive: true })
    const reserves = after.events - before.events
    const flushes = (flushesAfter ?? 0) - (before.flushes ?? 0)
    return {
      few,
      many,
      eventsPerSync: reserves / (after.syncs - before.syncs),
      reservesPerFlush: flushes > 0 ? reserves / flushes : undefined,
    }
  }
}
