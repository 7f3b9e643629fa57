/**
 * What does a durable reservation over HTTP cost, beside HTTP alone?
 *
 *   core 1                      core 0, all its threads
 *   autocannon ── POST ──►  Holdfast (src/main.ts): Hono, auth, validation ─► engine ─► worker ─► journal, fdatasync
 *        └─────── POST ──►  bare echo: Hono on @hono/node-server reads the JSON, answers as many bytes
 *
 * The same client, bodies, connections and seconds for both, in turn, round by round; the one that is not asked idles.
 * Holdfast runs as `npm start` runs it, with everything on: authentication, validation, limits, metrics, log, problem
 * details, and no reply before its fdatasync. Distinct customers over 1,000 products, no idempotency key.
 *
 * The ceiling is the echo in the same run. Where the client is busy all the time, it and not the echo is what was
 * measured, and the ratio of requests flatters Holdfast; the ratio of CPU time for a request, from the kernel's own
 * accounts of both processes, does not depend on the client. Both are printed.
 *
 * Not measured: refusals, reads, several listeners, TLS, new connections, latency at a fixed rate (the loop is closed:
 * latency here is that of a full server).
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { canPin, endChild, messageFrom, startChild, startHoldfast } from './support/children.ts'
import { stockAll } from './support/client.ts'
import type { HttpLoad, HttpPlayed } from './support/http-player.ts'
import { cpuMsOf, machineLine, median, ms, table, thousands } from './support/report.ts'
import { exitOnSignals, makeScratch } from './support/scratch.ts'

const FLOOR = 0.4
const AIM = 0.7
const CONNECTIONS = [64, 256]
const PRODUCTS = 1_000
const STOCK = 1_000_000
const ADMIN_KEY = 'bench-7f0c2d91a4e85b36'
const WARM_UP_SECONDS = 2

const options = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    json: { type: 'string' },
  },
}).values
const rounds = Number(options.rounds)
const seconds = Number(options.seconds)

type Name = 'holdfast' | 'echo'
type Target = { readonly name: Name; readonly url: string; readonly pid: number }
type Measured = HttpPlayed & { readonly cpuMicros: number; readonly connections: number; readonly name: Name }

exitOnSignals()
const pins = canPin() ? 'server pinned to core 0, client to core 1' : 'nothing pinned: no taskset here'
console.log(`${machineLine()}; ${pins}; ${rounds} rounds of ${seconds} s\n`)
const scratch = makeScratch('http')
const holdfast = await startHoldfast({ dataDirectory: `${scratch}/data`, adminKey: ADMIN_KEY, core: 0 })
const echo = startChild({ file: 'bench/support/echo-server.ts', core: 0 })
const { port } = await messageFrom<{ port: number }>(echo)
const player = startChild({ file: 'bench/support/http-player.ts', core: 1 })
const products = Array.from({ length: PRODUCTS }, (_, i) => `product-${String(i).padStart(4, '0')}`)
await stockAll({ url: holdfast.url, key: ADMIN_KEY }, new Map(products.map((id) => [id, STOCK])))

const targets: readonly Target[] = [
  { name: 'holdfast', url: holdfast.url, pid: holdfast.pid },
  { name: 'echo', url: `http://127.0.0.1:${port}`, pid: echo.pid as number },
]
const measured: Measured[] = []
let loads = 0
for (const target of targets) await measure(target, CONNECTIONS[0] as number, WARM_UP_SECONDS)
for (let round = 1; round <= rounds; round++) {
  for (const connections of CONNECTIONS) {
    const both: string[] = []
    // Whoever goes first finds the machine as the round before left it: they take turns.
    for (const target of round % 2 === 1 ? targets : targets.toReversed()) {
      const one = await measure(target, connections, seconds)
      measured.push(one)
      both.push(`${target.name} ${thousands(one.perSecond)}`)
    }
    console.log(`round ${round}, ${connections} connections: ${both.join(', ')} requests/s`)
  }
}
await Promise.all([endChild(holdfast.child), endChild(echo)])
player.disconnect()
report()

async function measure({ name, url, pid }: Target, connections: number, seconds: number): Promise<Measured> {
  const load: HttpLoad = { url, key: ADMIN_KEY, connections, seconds, products, name: `c${++loads}` }
  const cpuBefore = cpuMsOf(pid)
  player.send(load)
  const played = await messageFrom<HttpPlayed>(player)
  const cpuMicros = ((cpuMsOf(pid) - cpuBefore) * 1_000) / played.requests
  if (played.unexpected > 0) throw new Error(`${played.unexpected} answers of ${name} were not 201`)
  return { ...played, cpuMicros, connections, name }
}

function report(): void {
  const rows = CONNECTIONS.flatMap((connections) => {
    const lines = targets.map(({ name }) => {
      const own = measured.filter((one) => one.name === name && one.connections === connections)
      const of = (read: (one: Measured) => number) => median(own.map(read))
      return {
        name,
        connections,
        perSecond: of((one) => one.perSecond),
        best: Math.max(...own.map((one) => one.perSecond)),
        p50: of((one) => one.latency.p50),
        p99: of((one) => one.latency.p99),
        cpuMicros: of((one) => one.cpuMicros),
        clientBusy: of((one) => one.clientBusy),
        replyBytes: of((one) => one.replyBytes),
      }
    })
    const bare = lines.find(({ name }) => name === 'echo')
    return lines.map((line) => ({
      ...line,
      ratio: line.perSecond / (bare?.perSecond ?? Number.NaN),
      cpuRatio: (bare?.cpuMicros ?? Number.NaN) / line.cpuMicros,
    }))
  })
  const head = [
    '',
    'requests/s',
    'best',
    '÷ echo',
    'p50 ms',
    'p99 ms',
    'CPU µs/request',
    'by CPU',
    'client busy',
    'bytes',
  ]
  const cells = rows.map((row) => [
    `${row.name}, ${row.connections} connections`,
    thousands(row.perSecond),
    thousands(row.best),
    row.ratio.toFixed(2),
    ms(row.p50),
    ms(row.p99),
    row.cpuMicros.toFixed(1),
    row.cpuRatio.toFixed(2),
    `${Math.round(row.clientBusy * 100)} %`,
    row.replyBytes.toFixed(0),
  ])
  console.log(`\n${table([head, ...cells])}`)
  const ratio = Math.min(...rows.map((row) => row.ratio))
  const passed = ratio >= FLOOR
  console.log(
    `\n${passed ? 'PASS' : 'FAIL'}: the lower ratio is ${ratio.toFixed(2)}; floor ${FLOOR}, aim ${AIM}`,
  )
  const result = { machine: machineLine(), rounds, seconds, loads: rows, floor: FLOOR, passed }
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`)
  process.exitCode = passed ? 0 : 1
}
