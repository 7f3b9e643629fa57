/**
 * How many durable reservations a second can one process make, beside what its disk and its JSON encoder allow?
 *
 *   main thread                        worker thread                       disk
 *   callers ──► Engine ──message──►  mailbox ─► decide ─► evolve ─► frame ──► one segment file, fdatasync a frame
 *      ▲                                                                         │
 *      └───────────────────────── reply, once its frame is durable ◄─────────────┘
 *
 * Callers are a closed loop: each asks again as soon as it is answered, by `newReservationId` and `execute` as the HTTP
 * layer does. 64 and 4,096 of them over 10,000 products, then 4,096 on a single one. No idempotency key, no reference,
 * every customer another; one worker, 8 shards. Every round begins with an empty journal and warms up first.
 *
 * The ceiling, in the same rounds, the same process and the same directory: one bare loop that encodes the same
 * `UnitsHeld` events with `JSON.stringify` and appends them with one fdatasync per 512. It has no rules, no state, no
 * threads, no replies and no checksums: it is what the encoder and the disk leave to be had, not a rival.
 *
 * Durability is counted, not believed: frames against the journal's own count of syncs and, where the kernel tells,
 * against the flushes the device completed; and after each round every event is read back from disk and folded, holds
 * against acknowledgements, product by product.
 *
 * Not measured: HTTP, several workers, recovery, memory, journals older than a round, the latency of single calls (by
 * Little's law the mean is callers ÷ rate).
 */
import {
  closeSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Engine } from '../src/actors/engine.ts'
import { controlChannel, Supervisor } from '../src/actors/supervisor.ts'
import type { UnitsHeld } from '../src/domain/events.ts'
import type { ProductId } from '../src/domain/ids.ts'
import { segmentBytesDefault } from '../src/limits.ts'
import { portOf, realClock, realRandom, realTimers } from '../src/seams.ts'
import { Callers } from './support/callers.ts'
import { foldJournal } from './support/journal-fold.ts'
import { type Latency, latencyOf, machineLine, median, ms, table, thousands } from './support/report.ts'
import { exitOnSignals, makeScratch } from './support/scratch.ts'

const FLOOR = 0.25
const AIM = 1
const SHARDS = 8
const PRODUCTS = 10_000
const STOCK = 1_000_000_000
const BARE_BATCH = 512
const BARE_EVENTS = 100_000
const SYNC_PROBES = 300
const SYNC_PROBE_BYTES = 4_096

const options = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    json: { type: 'string' },
  },
}).values
const rounds = Number(options.rounds)
const loadMs = Number(options.seconds) * 1_000

const LOADS = [
  { name: '64 callers, 10,000 products', callers: 64, products: PRODUCTS },
  { name: '4,096 callers, 10,000 products', callers: 4_096, products: PRODUCTS },
  { name: '4,096 callers, one product', callers: 4_096, products: 1 },
] as const

type Measured = {
  readonly perSecond: number
  readonly bytesPerReserve: number
  readonly eventsPerSync: number
  readonly reservesPerFlush: number | undefined
}

exitOnSignals()
const scratch = makeScratch('engine')
const productIds = Array.from({ length: PRODUCTS }, (_, i) => `p${String(i).padStart(7, '0')}` as ProductId)
const hotId = 'hot00000' as ProductId

console.log(`${machineLine()}; ${rounds} rounds of ${loadMs / 1_000} s a load\n`)
const syncs = probeSyncs()
const loadResults = LOADS.map(() => [] as Measured[])
const bareResults: number[] = []
let events: readonly UnitsHeld[] = []
for (let round = 1; round <= rounds; round++) {
  const measured = await runEngine(join(scratch, `round-${round}`))
  measured.loads.forEach((load, i) => void loadResults[i]?.push(load))
  if (events.length === 0) {
    events = measured.events
    runBare(events, loadMs / 2) // warms up
  }
  bareResults.push(runBare(events, loadMs), runBare(events, loadMs))
  const rates = measured.loads.map(({ perSecond }) => thousands(perSecond)).join(', ')
  console.log(
    `round ${round}: ${rates}; bare ${thousands(bareResults.at(-2) ?? 0)} and ${thousands(bareResults.at(-1) ?? 0)} a second`,
  )
}
report()

/** One engine from an empty journal to its orderly end, every load in turn, and the journal read back. */
async function runEngine(directory: string) {
  const journalDirectory = join(directory, 'journal')
  const snapshotDirectory = join(directory, 'snapshots')
  mkdirSync(journalDirectory, { recursive: true })
  mkdirSync(snapshotDirectory)
  const supervisor = new Supervisor({
    timers: realTimers,
    log: (level, event, detail) => {
      if (level !== 'info') throw new Error(`the engine logged ${event}: ${JSON.stringify(detail)}`)
    },
    workers: 1,
    shards: SHARDS,
    journalDirectory,
    snapshotDirectory,
    segmentBytes: segmentBytesDefault,
    returnDays: 60,
    acceptClock: false,
    crashPoint: undefined,
    nextEpoch: 1,
  })
  await supervisor.start()
  const { engineEnd, supervisorEnd } = controlChannel()
  const engine = new Engine({
    clock: realClock,
    timers: realTimers,
    random: realRandom(),
    control: portOf(engineEnd),
    portOf,
    shards: SHARDS,
    workers: 1,
  })
  supervisor.attach(supervisorEnd)
  while (engine.workers().some(({ state }) => state.type !== 'ready')) await turn()
  await Promise.all([hotId, ...productIds].map((productId) => stock(engine, productId)))

  const callers = new Callers(engine)
  await callers.run(4_096, { products: productIds, forMs: loadMs / 2 }) // warms up
  const loads: Measured[] = []
  for (const { callers: count, products } of LOADS) {
    loads.push(await measure(supervisor, callers, count, products === 1 ? [hotId] : productIds))
  }
  const counted = await journalOf(supervisor)
  engine.close()
  await supervisor.shutDown()

  const kept: UnitsHeld[] = []
  const fold = foldJournal(journalDirectory, (event) => {
    if (kept.length < BARE_EVENTS) kept.push(event)
  })
  checkDurable(counted, callers, fold)
  return { loads, events: kept }
}

/** What a frame's sync, a reading back and a fold say of everything that was acknowledged. Throws where they differ. */
function checkDurable(
  counted: Awaited<ReturnType<typeof journalOf>>,
  callers: Callers,
  fold: ReturnType<typeof foldJournal>,
): void {
  const { frames, rolls, syncs } = counted
  // The frame that opens a segment is made durable by the sync of the batch written behind it.
  if (syncs < frames - rolls)
    throw new Error(`${frames} frames, ${rolls} of them openings, and ${syncs} syncs`)
  if (fold.contradictions.length > 0)
    throw new Error(`the journal contradicts itself: ${fold.contradictions[0]}`)
  if (fold.reservations.size !== callers.acknowledged) {
    throw new Error(`${callers.acknowledged} acknowledged, and ${fold.reservations.size} in the journal`)
  }
  for (const [productId, { stocked, held, sold, oversold }] of fold.products) {
    const acknowledged = callers.byProduct.get(productId) ?? 0
    if (stocked === STOCK && held === acknowledged && sold === 0 && oversold === 0) continue
    throw new Error(
      `${productId}: ${acknowledged} acknowledged; ${stocked} stocked, ${held} held, ${sold} sold`,
    )
  }
}

async function measure(
  supervisor: Supervisor,
  callers: Callers,
  count: number,
  products: readonly ProductId[],
): Promise<Measured> {
  const before = await journalOf(supervisor)
  const flushesBefore = deviceFlushes()
  const perSecond = await callers.run(count, { products, forMs: loadMs })
  const flushes = deviceFlushes()
  const after = await journalOf(supervisor)
  const reserves = after.events - before.events
  const isKnown = flushes !== undefined && flushesBefore !== undefined && flushes > flushesBefore
  return {
    perSecond,
    bytesPerReserve: (after.bytes - before.bytes) / reserves,
    eventsPerSync: reserves / (after.syncs - before.syncs),
    reservesPerFlush: isKnown ? reserves / (flushes - flushesBefore) : undefined,
  }
}

async function journalOf(supervisor: Supervisor) {
  const [status] = await supervisor.status(1_000)
  if (status === undefined) throw new Error('the worker did not tell its status')
  return status.journal
}

async function stock(engine: Engine, productId: ProductId): Promise<void> {
  const change = { set: STOCK, expectedVersion: undefined }
  const reply = await engine.execute({
    type: 'adjust',
    productId,
    change,
    reason: 'bench',
    reference: undefined,
  })
  if (reply.type !== 'stock') throw new Error(`no stock: ${JSON.stringify(reply)}`)
}

/** Events a second: encoded as JSON, a line each, appended, one fdatasync per batch. */
function runBare(events: readonly UnitsHeld[], forMs: number): number {
  const file = openSync(join(scratch, 'bare.jsonl'), 'w')
  const startedMs = performance.now()
  let count = 0
  while (performance.now() - startedMs < forMs) {
    let text = ''
    for (let i = 0; i < BARE_BATCH; i++) text += `${JSON.stringify(events[count++ % events.length])}\n`
    writeSync(file, text)
    fdatasyncSync(file)
  }
  const perSecond = (count / (performance.now() - startedMs)) * 1_000
  closeSync(file)
  return perSecond
}

/** How long this disk takes to make one page of a file that is all there durable. */
function probeSyncs(): Latency {
  const path = join(scratch, 'syncs')
  const page = Buffer.alloc(SYNC_PROBE_BYTES, 1)
  writeFileSync(path, Buffer.alloc(SYNC_PROBES * SYNC_PROBE_BYTES), { flush: true })
  const file = openSync(path, 'r+')
  const samples = Float64Array.from({ length: SYNC_PROBES }, (_, i) => {
    writeSync(file, page, 0, page.length, i * page.length)
    const startedMs = performance.now()
    fdatasyncSync(file)
    return performance.now() - startedMs
  })
  closeSync(file)
  return latencyOf(samples)
}

/** Flushes the whole device has completed, everybody's; undefined where the kernel does not tell. */
function deviceFlushes(): number | undefined {
  const { dev } = statSync(scratch)
  // glibc's makedev: 12 bits of major above 8 of minor, the rest of minor above both.
  const major = (dev >> 8) & 0xfff
  const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00)
  try {
    const fields = readFileSync(`/sys/dev/block/${major}:${minor}/stat`, 'utf8').trim().split(/\s+/)
    return fields.length > 15 ? Number(fields[15]) : undefined
  } catch {
    return undefined
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}

function report(): void {
  const bare = median(bareResults)
  const rows = LOADS.map(({ name, callers }, i) => {
    const measured = loadResults[i] ?? []
    const of = (read: (one: Measured) => number) => median(measured.map(read))
    const perSecond = of((one) => one.perSecond)
    return {
      name,
      callers,
      perSecond,
      best: Math.max(...measured.map((one) => one.perSecond)),
      ratio: perSecond / bare,
      meanWaitMs: (callers / perSecond) * 1_000,
      eventsPerSync: of((one) => one.eventsPerSync),
      reservesPerFlush:
        measured[0]?.reservesPerFlush === undefined ? undefined : of((one) => one.reservesPerFlush ?? 0),
      bytesPerReserve: of((one) => one.bytesPerReserve),
    }
  })
  const head = [
    '',
    'median /s',
    'best /s',
    '÷ bare',
    'mean wait ms',
    'events/sync',
    'reserves/flush',
    'bytes/reserve',
  ]
  const cells = rows.map((row) => [
    row.name,
    thousands(row.perSecond),
    thousands(row.best),
    row.ratio.toFixed(2),
    ms(row.meanWaitMs),
    thousands(row.eventsPerSync),
    row.reservesPerFlush === undefined ? 'unknown' : thousands(row.reservesPerFlush),
    row.bytesPerReserve.toFixed(1),
  ])
  const bareCells = [
    `bare loop, JSON, a sync per ${BARE_BATCH}`,
    thousands(bare),
    thousands(Math.max(...bareResults)),
  ]
  console.log(`\n${table([head, ...cells, [...bareCells, '1.00', '', String(BARE_BATCH), '', '']])}`)
  const { p50, p99, max } = syncs
  console.log(`\nOne fdatasync of 4 KiB on this disk: p50 ${ms(p50)}, p99 ${ms(p99)}, most ${ms(max)} ms`)
  console.log(
    'Each round: every acknowledged reservation read back from the journal, oversold 0, a sync a frame',
  )

  const ratio = rows[1]?.ratio ?? 0
  const passed = ratio >= FLOOR
  console.log(
    `\n${passed ? 'PASS' : 'FAIL'}: 4,096 callers ÷ bare = ${ratio.toFixed(2)}; floor ${FLOOR}, aim ${AIM}`,
  )
  const result = { machine: machineLine(), rounds, loads: rows, bare, syncs, floor: FLOOR, passed }
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`)
  process.exitCode = passed ? 0 : 1
}
