/**
 * Do those who buy notice that a thousand people sign in at once?
 *
 *   core 1                                            core 0, all its threads
 *   buyers, an open loop at half the peak ────────►  Holdfast (src/main.ts)
 *   1,000 people who sign in, and again ───────────►  one thread hashes their passwords, behind everybody else
 *
 * The same buyers with and without the people, in turn, round by round. Each login costs 55 ms of the very core on which
 * everything else runs; those that do not fit into the line are told to come back, and do when they were told to. Latency
 * counts from when a reservation was due, of those answered by 201.
 *
 * Not measured: what people wait who sign in, which is the price; several cores, where it would cost nobody anything.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Figure, type Measured, makeRow, type Scale } from '../figure.ts'
import { endChild, messageFrom, startChild } from '../support/children.ts'
import type { HttpPlayed } from '../support/http-player.ts'
import { CLIENT_CORE, endTargets, HttpClients, startStocked } from '../support/http-target.ts'
import type { LoginLoad, LoginsPlayed } from '../support/login-crowd.ts'
import { ms } from '../support/report.ts'
import { inRounds } from '../support/rounds.ts'
import { makeScratch } from '../support/scratch.ts'

const SIZES = {
  full: {
    rounds: 5,
    forMs: 5_000,
    settleMs: 1_000,
    warmUpMs: 3_000,
    products: 1_000,
    connections: 64,
    people: 1_000,
  },
  quick: {
    rounds: 1,
    forMs: 2_000,
    settleMs: 500,
    warmUpMs: 1_000,
    products: 1_000,
    connections: 64,
    people: 1_000,
  },
  // Long enough for a password or two, whoever else is at work.
  tiny: { rounds: 1, forMs: 2_000, settleMs: 20, warmUpMs: 50, products: 20, connections: 4, people: 8 },
} as const satisfies Record<Scale, object>

type Played = { readonly buyers: HttpPlayed; readonly people: LoginsPlayed | undefined }

const CALM = 0.5
const PATIENCE_MS = 10_000
/** Everybody here comes from one address, and signs in to one account. */
const ENVIRONMENT = { RATE_ADDRESS: '0', RATE_LOGIN: '0', RATE_LOGIN_ADDRESS: '0' }

export const logins: Figure = { name: 'logins', measure }

async function measure(scale: Scale, say: (line: string) => void): Promise<Measured> {
  const size = SIZES[scale]
  const { forMs, settleMs, people } = size
  const scratch = makeScratch('logins')
  const products = Array.from({ length: size.products }, (_, i) => `product-${String(i).padStart(4, '0')}`)
  const holdfast = await startStocked(join(scratch, 'data'), products, ENVIRONMENT)
  const clients = new HttpClients()
  const crowd = startChild({ file: 'bench/support/login-crowd.ts', core: CLIENT_CORE })
  const closed = { products, connections: size.connections, forMs: size.warmUpMs }
  await clients.play(holdfast, closed)
  const { heldPerSecond: peak } = await clients.play(holdfast, closed)
  const open = { perSecond: Math.ceil(peak * CALM), patienceMs: PATIENCE_MS, settleMs }
  const buy = () => clients.play(holdfast, { products, connections: size.connections, forMs, open })
  const signIn = (): Promise<LoginsPlayed> => {
    const played = messageFrom<LoginsPlayed>(crowd)
    crowd.send({ url: holdfast.url, people, forMs: settleMs + forMs } satisfies LoginLoad)
    return played
  }
  const sides = await inRounds<'alone' | 'beside', Played>(
    size.rounds,
    {
      alone: async () => ({ buyers: await buy(), people: undefined }),
      beside: async () => {
        const [buyers, people] = await Promise.all([buy(), signIn()])
        return { buyers, people }
      },
    },
    (round, { alone, beside }) => {
      const p99s = [beside, alone].map(({ buyers }) => ms(buyers.latency.p99))
      say(`round ${round}: p99 ${p99s.join(' ms beside, ')} ms alone; ${beside.people?.signedIn} signed in`)
    },
  )
  clients.close()
  await endChild(crowd)
  await endTargets([holdfast])
  rmSync(scratch, { recursive: true })
  const played = sides.beside.flatMap(({ people }) => (people === undefined ? [] : [people]))
  const unexpected = played.reduce((sum, each) => sum + each.unexpected, 0)
  if (unexpected > 0) throw new Error(`${unexpected} logins were answered neither 200 nor 503`)
  const seconds = (settleMs + forMs) / 1_000
  const p99 = ({ buyers }: Played) => buyers.latency.p99
  const p50 = ({ buyers }: Played) => buyers.latency.p50
  return {
    rows: [
      makeRow({
        name: `p99 of reserves beside ${people.toLocaleString('en')} parallel logins`,
        unit: 'ms',
        values: sides.beside.map(p99),
        limit: { name: 'without', values: sides.alone.map(p99) },
        floor: 3,
        aim: 1.2,
      }),
      makeRow({
        name: 'p50 of reserves beside them',
        unit: 'ms',
        values: sides.beside.map(p50),
        limit: { name: 'without', values: sides.alone.map(p50) },
      }),
      makeRow({
        name: 'reserves beside them',
        unit: '/s',
        values: sides.beside.map(({ buyers }) => buyers.heldPerSecond),
        limit: { name: 'without', values: sides.alone.map(({ buyers }) => buyers.heldPerSecond) },
      }),
      makeRow({ name: 'signed in', unit: '/s', values: played.map(({ signedIn }) => signedIn / seconds) }),
      makeRow({ name: 'told to come back', unit: '/s', values: played.map(({ shed }) => shed / seconds) }),
    ],
    plots: [],
    notes: ['Logins: the server with all its threads on one core, the hashing of passwords among them.'],
  }
}
