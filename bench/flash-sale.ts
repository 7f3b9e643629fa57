/**
 * Does a flash sale sell every unit once, and how long do buyers wait, those of everything else included?
 *
 *   crowd (autocannon, this process)      ── HTTP ──►  Holdfast: src/main.ts, a process of its own   ──►  journal
 *   steady buyers (a process of their own) ── HTTP ──►  on loopback, as `npm start` runs it                  │
 *                                                                                                           ▼
 *   what buyers asked for and were told, kept here  ────────────── held against ──────────────  its own fold of events
 *
 * 1. 1,000 buyers for 5 units, a connection each. Every buyer opens the page, presses the button, and presses again; one
 *    unit a customer is the limit.
 * 2. 20,000 buyers in the same way for 1,000 units of the hottest product, 1,000 connections that they use in turn, while
 *    steady buyers take one product after the other of the rest of the catalog at a fixed rate: 3 s before the crowd
 *    comes, so that there is something to compare with, and all the while it is there.
 *
 * Winners confirm. The server is stopped by SIGTERM, and then the durable journal alone says what was sold (verdict.ts).
 *
 * Latency of presses is that of a closed loop: a full server, up to 1,000 requests waiting at once; `page` includes
 * opening the connection. Latency of steady buyers counts from when each request was due. Crowd, steady buyers and server
 * share the machine's cores, so all of them count into all latencies: on two cores the crowd itself is most of the load.
 *
 * The ceiling of requests a second is in `bench:http`, that of the journal in `bench:engine`. Not measured here: several
 * machines, TLS, real networks, crashes (those are tests), holds that expire.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dataPaths } from '../src/persistence/directory.ts'
import { makeCatalog, readCatalog } from './support/catalog.ts'
import { endChild, messageFrom, startChild, startHoldfast } from './support/children.ts'
import { type Api, call, confirmAll, stockAll } from './support/client.ts'
import { type Crowd, type CrowdResult, playCrowd } from './support/crowd.ts'
import { Ledger } from './support/ledger.ts'
import { type Latency, latencyOf, machineLine, ms, table, thousands } from './support/report.ts'
import { exitOnSignals, makeScratch } from './support/scratch.ts'
import type { SteadyLoad, SteadyResult } from './support/steady-player.ts'
import { judge } from './support/verdict.ts'

const ADMIN_KEY = 'bench-c51e07d3f8a2946b'
const PRESSES = 2
const REST_UNITS = 10_000
const LATENCY_HEAD = ['ms', 'requests', 'p50', 'p99', 'p99.9', 'most']
const ROOT = join(import.meta.dirname, '..')

const options = parseArgs({
  options: {
    products: { type: 'string' },
    count: { type: 'string', default: '500' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
}).values
const size = options.quick
  ? {
      few: { buyers: 200, units: 5 },
      many: { buyers: 2_000, units: 100 },
      connections: 200,
      perSecond: 100,
      quietMs: 500,
    }
  : {
      few: { buyers: 1_000, units: 5 },
      many: { buyers: 20_000, units: 1_000 },
      connections: 1_000,
      perSecond: 500,
      quietMs: 3_000,
    }

exitOnSignals()
const catalog =
  options.products === undefined ? makeCatalog(Number(options.count)) : readCatalog(options.products)
const [hottest, second, third, ...others] = catalog.map(({ id }) => id)
if (hottest === undefined || second === undefined || third === undefined || others.length === 0) {
  throw new Error(`a catalog of ${catalog.length} products is too small: 4 or more are needed`)
}
const scratch = makeScratch('flash-sale')
const paths = dataPaths(join(scratch, 'data'))
const ledger = new Ledger()

const machine = machineLine()
console.log(`${machine}\n${thousands(catalog.length)} products; hottest: ${catalog[0]?.name}\n`)
const server = await startHoldfast({ dataDirectory: paths.root, adminKey: ADMIN_KEY })
const api: Api = { url: server.url, key: ADMIN_KEY }
const soldOut = new Map([
  [third, 50],
  [second, size.few.units],
  [hottest, size.many.units],
])
const stocked = new Map([...others.map((id) => [id, REST_UNITS] as const), ...soldOut])
await stockAll(api, stocked)
for (const productId of soldOut.keys()) {
  await call(api, 'PUT', `/v1/products/${productId}/sale`, { perCustomerLimit: 1 })
}

await play('warm-up', { productId: third, ...size.few })
const few = await play('few', { productId: second, ...size.few })
printCrowd(`${thousands(size.few.buyers)} buyers for ${size.few.units} units`, few)

const steady = startChild({ file: 'bench/support/steady-player.ts' })
const load: SteadyLoad = { ...api, products: others, perSecond: size.perSecond, name: 'steady' }
steady.send(load)
await sleep(size.quietMs)
const many = await play('many', { productId: hottest, ...size.many })
steady.send('stop')
const steadyResult = await messageFrom<SteadyResult>(steady)
steady.disconnect()
ledger.add(steadyResult)
printCrowd(
  `${thousands(size.many.buyers)} buyers for ${thousands(size.many.units)} units of the hottest product`,
  many,
)
const steadyLatency = printSteady(steadyResult, many)

const winners = ledger.acknowledged.filter(({ productId }) => soldOut.has(productId))
await confirmAll(
  api,
  winners.map(({ reservationId }) => reservationId),
)
const exitStatus = await endChild(server.child)
finish()

async function play(name: string, what: { productId: string; buyers: number }): Promise<CrowdResult> {
  const { productId, buyers } = what
  const connections = Math.min(buyers, size.connections)
  const crowd: Crowd = { productId, buyers, connections, presses: PRESSES, name }
  return playCrowd(api, crowd, ledger)
}

function finish(): void {
  const verdict = judge({ journalDirectory: paths.journal, stocked, soldOut, ledger })
  const verified = spawnSync(
    process.execPath,
    [join(ROOT, 'src/cli/journal.ts'), 'verify', '--data', paths.root],
    {
      encoding: 'utf8',
    },
  )
  const unexpected = few.unexpected + many.unexpected + steadyResult.unexpected
  const checks = [
    ...verdict.checks,
    {
      what: 'the journal CLI verifies every byte',
      passed: verified.status === 0,
      seen: `exit ${verified.status}`,
    },
    { what: 'the server ended in order', passed: exitStatus === 0, seen: `exit ${exitStatus}` },
    { what: 'every answer was 2xx or 409', passed: unexpected === 0, seen: `${unexpected} were not` },
  ]
  console.log(`Verdict, from ${thousands(verdict.events)} events of the durable journal:`)
  for (const { passed, what, seen } of checks) {
    console.log(`  ${passed ? 'pass' : 'FAIL'}  ${what}${seen === '' ? '' : ` (${seen})`}`)
  }
  if (verified.status !== 0) console.log(verified.stdout + verified.stderr)
  const passed = checks.every((one) => one.passed)
  console.log(`\n${passed ? 'PASS' : 'FAIL'}: oversold = ${verdict.oversold}`)
  process.exitCode = passed ? 0 : 1
  if (options.json === undefined) return
  const { events, oversold } = verdict
  const result = {
    machine,
    products: catalog.length,
    few: plain(few),
    many: plain(many),
    steady: {
      perSecond: size.perSecond,
      ...steadyLatency,
      answers: Object.fromEntries(steadyResult.answers),
    },
    verdict: { passed, events, oversold, checks },
  }
  writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`)
}

function plain({ answers, ...result }: CrowdResult) {
  return { ...result, answers: Object.fromEntries(answers) }
}

function printCrowd(title: string, result: CrowdResult): void {
  console.log(title)
  const rows = [LATENCY_HEAD, latencyRow('page', result.page), latencyRow('press', result.press)]
  console.log(indented(table(rows)))
  const { seconds, errors } = result
  console.log(
    `  ${thousands(result.pressesPerSecond)} presses/s for ${seconds.toFixed(2)} s, ${errors} broken connections`,
  )
  console.log(`  presses by answer: ${answersLine(result.answers)}\n`)
}

/** Of those due before the crowd came, and of those due while it was there. */
function printSteady(
  result: SteadyResult,
  crowd: CrowdResult,
): { readonly before: Latency; readonly during: Latency } {
  const before: number[] = []
  const during: number[] = []
  for (let i = 0; i < result.samples.length; i += 2) {
    const dueAtMs = result.samples[i] as number
    const sample = result.samples[i + 1] as number
    if (dueAtMs < crowd.beganAtMs) before.push(sample)
    else if (dueAtMs < crowd.endedAtMs) during.push(sample)
  }
  const latency = {
    before: latencyOf(Float64Array.from(before)),
    during: latencyOf(Float64Array.from(during)),
  }
  console.log(`The rest of the catalog meanwhile, ${size.perSecond} reservations a second`)
  const rows = [LATENCY_HEAD, latencyRow('before', latency.before), latencyRow('during', latency.during)]
  console.log(indented(table(rows)))
  console.log(`  by answer: ${answersLine(result.answers)}\n`)
  return latency
}

function latencyRow(name: string, { count, p50, p99, p999, max }: Latency): string[] {
  return [name, thousands(count), ms(p50), ms(p99), ms(p999), ms(max)]
}

function answersLine(answers: ReadonlyMap<string, number>): string {
  return [...answers].map(([answer, count]) => `${answer}: ${thousands(count)}`).join(', ')
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '  ')
}

function sleep(forMs: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, forMs))
}
