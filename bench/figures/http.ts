/**
 * What does a durable reservation over HTTP cost, beside HTTP alone?
 *
 *   core 1                      core 0, all its threads
 *   clients ── POST ──►  Holdfast (src/main.ts): Hono, auth, validation ─► engine ─► worker ─► journal, fdatasync
 *      ├────── POST ──►  bare Hono on @hono/node-server: reads the JSON, answers with the same bytes
 *      └────── POST ──►  bare node:http: the same without Hono
 *
 * The same clients, bodies, connections and seconds for all, in turn, round by round; those that are not asked idle.
 * Holdfast runs as `npm start` runs it, with everything on: authentication, validation, limits, metrics, log, problem
 * details, and no reply before its fdatasync. Distinct customers over 1,000 products, no idempotency key.
 *
 * The ceiling is the echo in the same run. Where the client is busy all the time, it and not the echo is what was
 * measured, and the ratio of requests flatters Holdfast; the ratio of CPU time for a request, from the kernel's own
 * accounts of both processes, does not depend on the client. Both are printed.
 *
 * Not measured: refusals, reads, several listeners, TLS, new connections.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { barOf, type Figure, type Measured, makeRow, type Row, type Scale } from '../figure.ts'
import { canPin } from '../support/children.ts'
import type { HttpPlayed } from '../support/http-player.ts'
import { endTargets, HttpClients, startEcho, startStocked } from '../support/http-target.ts'
import { thousands } from '../support/report.ts'
import { inRounds } from '../support/rounds.ts'
import { makeScratch } from '../support/scratch.ts'

const SIZES = {
  full: { rounds: 5, forMs: 3_000, warmUpMs: 3_000, products: 1_000, connections: [64, 256] },
  quick: { rounds: 1, forMs: 800, warmUpMs: 800, products: 1_000, connections: [64, 256] },
  tiny: { rounds: 1, forMs: 100, warmUpMs: 50, products: 20, connections: [4] },
} as const satisfies Record<Scale, object>

type Played = HttpPlayed & { readonly cpuMicros: number }

export const http: Figure = { name: 'http', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const size = SIZES[scale]
  const scratch = makeScratch('http')
  const products = Array.from({ length: size.products }, (_, i) => `product-${String(i).padStart(4, '0')}`)
  const holdfast = await startStocked(join(scratch, 'data'), products)
  const hono = await startEcho('hono', holdfast, products[0] as string)
  const bare = await startEcho('bare', holdfast, products[0] as string)
  const targets = { holdfast, hono, bare }
  const clients = new HttpClients()
  for (const target of Object.values(targets)) {
    await clients.play(target, { products, connections: size.connections[0], forMs: size.warmUpMs })
  }
  const rows: Row[] = []
  const plots: Measured['plots'][number][] = []
  for (const connections of size.connections) {
    const load = { products, connections, forMs: size.forMs }
    const sides = await inRounds(
      size.rounds,
      {
        holdfast: () => clients.play(holdfast, load),
        hono: () => clients.play(hono, load),
        bare: () => clients.play(bare, load),
      },
      (round, { holdfast, hono, bare }) => {
        const rates = [holdfast, hono, bare].map(({ heldPerSecond }) => thousands(heldPerSecond))
        say(`round ${round}, ${connections} connections: ${rates.join(', ')} requests/s`)
      },
    )
    rows.push(...rowsOf(sides, connections))
    if (connections !== size.connections.at(-1)) continue
    plots.push({
      type: 'bars',
      title: `The server’s CPU time a request, ${connections} connections`,
      unit: 'µs',
      bars: [
        barOf('Holdfast, durable', cpuOf(sides.holdfast)),
        barOf('bare Hono echo', cpuOf(sides.hono)),
        barOf('bare node:http echo', cpuOf(sides.bare)),
      ],
    })
  }
  clients.close()
  await endTargets(Object.values(targets))
  rmSync(scratch, { recursive: true })
  const pinning = canPin()
    ? 'HTTP: each server with all its threads pinned to one core, the clients to another.'
    : 'HTTP: nothing is pinned, for there is no taskset here.'
  return { rows, plots, notes: [pinning] }
}

function rowsOf(
  sides: Readonly<Record<'holdfast' | 'hono' | 'bare', readonly Played[]>>,
  connections: number,
): Row[] {
  const rate = (played: readonly Played[]) => played.map(({ heldPerSecond }) => heldPerSecond)
  const name = `durable reserves over HTTP, ${connections} connections`
  const own = { name, unit: '/s', values: rate(sides.holdfast) }
  return [
    makeRow({ ...own, limit: { name: 'bare Hono echo', values: rate(sides.hono) }, floor: 0.5, aim: 0.9 }),
    makeRow({ ...own, limit: { name: 'bare node:http echo', values: rate(sides.bare) } }),
    makeRow({
      name: `server’s CPU a request, ${connections} connections`,
      unit: 'µs',
      values: cpuOf(sides.holdfast),
      limit: { name: 'bare Hono echo', values: cpuOf(sides.hono) },
      ratioOf: (own, bare) => bare / own,
      note: 'the ratio is the echo’s time over ours: 1 would be no cost at all',
    }),
    makeRow({
      name: `client busy with the echo, ${connections} connections`,
      unit: '%',
      values: sides.hono.map(({ clientBusy }) => clientBusy * 100),
      note: 'near 100 the client was measured, and the ratio of requests flatters Holdfast',
    }),
    makeRow({
      name: `bytes of a reply, ${connections} connections`,
      unit: 'bytes',
      values: sides.holdfast.map(({ replyBytes }) => replyBytes),
      limit: { name: 'bare Hono echo', values: sides.hono.map(({ replyBytes }) => replyBytes) },
    }),
  ]
}

function cpuOf(played: readonly Played[]): readonly number[] {
  return played.map(({ cpuMicros }) => cpuMicros)
}
