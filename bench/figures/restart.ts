/**
 * How long until a server with a million live reservations is ready again?
 *
 * From the start of the process to the first 200 of `/readyz`, Node's own start included: after `kill -9`, when the
 * journal's tail must be replayed and what was not proven durable written anew, and after SIGTERM, when snapshots were
 * left. Each time some of the reservations are then asked for, and must be there and held.
 *
 * The data were made by an engine in a process of its own, which is killed too.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import {
  endChild,
  killChild,
  messageFrom,
  type Server,
  startChild,
  startHoldfast,
} from '../support/children.ts'
import { call } from '../support/client.ts'
import type { Filled } from '../support/fill-data.ts'
import { thousands } from '../support/report.ts'
import { makeScratch } from '../support/scratch.ts'

const SIZES = {
  full: { rounds: 3, reservations: 1_000_000 },
  quick: { rounds: 1, reservations: 200_000 },
  tiny: { rounds: 1, reservations: 2_000 },
} as const satisfies Record<Scale, object>

const ADMIN_KEY = 'bench-40bd9c62f17e8a35'

export const restart: Figure = { name: 'restart', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const { rounds, reservations } = SIZES[scale]
  const scratch = makeScratch('restart')
  const data = join(scratch, 'data')
  const filling = startChild({ file: 'bench/support/fill-data.ts', args: [data, String(reservations)] })
  const { samples } = await messageFrom<Filled>(filling)
  await killChild(filling)
  say(`${thousands(reservations)} reservations live`)

  await fetch('data:,') // Loads what the first call would load while it is timed.
  const start = async (): Promise<{ readonly server: Server; readonly seconds: number }> => {
    const startedMs = performance.now()
    const server = await startHoldfast({ dataDirectory: data, adminKey: ADMIN_KEY })
    const api = { url: server.url, key: ADMIN_KEY }
    await call(api, 'GET', '/readyz')
    const seconds = (performance.now() - startedMs) / 1_000
    for (const id of samples) {
      const reservation = (await call(api, 'GET', `/v1/reservations/${id}`)) as { readonly status: string }
      if (reservation.status !== 'held') throw new Error(`${id} is ${reservation.status} after a restart`)
    }
    return { server, seconds }
  }
  const killed: number[] = []
  for (let round = 1; round <= rounds; round++) {
    const { server, seconds } = await start()
    killed.push(seconds)
    say(`round ${round}: ready ${seconds.toFixed(2)} s after kill -9`)
    if (round < rounds) await killChild(server.child)
    else await endChild(server.child)
  }
  const ended: number[] = []
  for (let round = 1; round <= rounds; round++) {
    const { server, seconds } = await start()
    ended.push(seconds)
    say(`round ${round}: ready ${seconds.toFixed(2)} s after SIGTERM`)
    await endChild(server.child)
  }
  rmSync(scratch, { recursive: true })
  const bounds = { unit: 's', floor: 3, aim: 0.5 }
  const live = `${thousands(reservations)} reservations live`
  return {
    rows: [
      makeRow({ name: `ready after kill -9, ${live}`, values: killed, ...bounds }),
      makeRow({ name: `ready after SIGTERM, ${live}`, values: ended, ...bounds }),
    ],
    plots: [],
    notes: [],
  }
}
