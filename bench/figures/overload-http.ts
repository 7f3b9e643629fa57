/**
 * Does the server keep serving where twice as much is asked of it as it can do?
 *
 *   core 1                                             core 0, all its threads
 *   clients, an open loop over 512 connections ────►  Holdfast (src/main.ts)
 *
 * The peak is a closed loop's of 256 connections. Then open loops ask 0.7 times and twice as often, each request at its
 * own moment, whatever became of those before. They behave as a proxy does that holds so many connections to its server: a
 * request takes whichever is free, and one that finds none within 10 ms is turned away there. That is where twice the peak
 * has to be turned away: to read a request and refuse it costs half of serving it, so that a server that read them all
 * would have no time left to serve any (docs/decisions/overload.md).
 *
 * Goodput is what was answered by 201 while the load lasted. Latency counts from when a request was due to its answer, of
 * those answered by 201.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import type { HttpPlayed } from '../support/http-player.ts'
import { endTargets, HttpClients, startStocked } from '../support/http-target.ts'
import { ms, thousands } from '../support/report.ts'
import { makeScratch } from '../support/scratch.ts'

const SIZES = {
  full: {
    rounds: 3,
    forMs: 4_000,
    settleMs: 1_000,
    warmUpMs: 3_000,
    products: 1_000,
    closed: 256,
    open: 512,
  },
  quick: { rounds: 1, forMs: 1_000, settleMs: 500, warmUpMs: 800, products: 1_000, closed: 256, open: 512 },
  tiny: { rounds: 1, forMs: 1_000, settleMs: 20, warmUpMs: 50, products: 20, closed: 4, open: 16 },
} as const satisfies Record<Scale, object>

const CALM = 0.7
const OVER = 2
/** How long the proxy lets a request wait for a connection. */
const PATIENCE_MS = 10

export const overloadHttp: Figure = { name: 'overload-http', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const size = SIZES[scale]
  const { forMs, settleMs } = size
  const scratch = makeScratch('overload-http')
  const products = Array.from({ length: size.products }, (_, i) => `product-${String(i).padStart(4, '0')}`)
  const holdfast = await startStocked(join(scratch, 'data'), products)
  const clients = new HttpClients()
  const closed = (forMs: number) => clients.play(holdfast, { products, connections: size.closed, forMs })
  const open = (perSecond: number) => {
    const load = { perSecond, patienceMs: PATIENCE_MS, settleMs }
    return clients.play(holdfast, { products, connections: size.open, forMs, open: load })
  }
  await closed(size.warmUpMs)
  const peaks: number[] = []
  const calm: HttpPlayed[] = []
  const over: HttpPlayed[] = []
  for (let round = 1; round <= size.rounds; round++) {
    const { heldPerSecond: peak } = await closed(forMs)
    peaks.push(peak)
    calm.push(await open(peak * CALM))
    const played = await open(peak * OVER)
    over.push(played)
    say(
      `round ${round}: peak ${thousands(peak)}; at ${OVER}× ${thousands(played.heldPerSecond)} held, ${thousands(played.shed)} told to come back, ${thousands(played.givenUp)} without a connection, p99 ${ms(played.latency.p99)} ms`,
    )
  }
  clients.close()
  await endTargets([holdfast])
  rmSync(scratch, { recursive: true })
  return {
    rows: [
      makeRow({
        name: `goodput over HTTP at ${OVER}× the peak`,
        unit: '/s',
        values: over.map(({ heldPerSecond }) => heldPerSecond),
        limit: { name: 'peak', values: peaks },
        floor: 0.7,
        aim: 0.95,
      }),
      makeRow({
        name: `p99 of accepted over HTTP at ${OVER}×`,
        unit: 'ms',
        values: over.map(({ latency }) => latency.p99),
        limit: { name: `at ${CALM}×`, values: calm.map(({ latency }) => latency.p99) },
        floor: 3,
        aim: 1.5,
      }),
      makeRow({
        name: `told to come back (503) at ${OVER}×`,
        unit: '',
        values: over.map(({ shed }) => shed),
      }),
      makeRow({
        name: `turned away after ${PATIENCE_MS} ms without a connection at ${OVER}×`,
        unit: '',
        values: over.map(({ givenUp }) => givenUp),
      }),
      makeRow({
        name: `client busy at ${OVER}×`,
        unit: '%',
        values: over.map(({ clientBusy }) => clientBusy * 100),
        note: 'near 100 the client cannot ask as often as it should',
      }),
    ],
    plots: [],
    notes: [],
  }
}
