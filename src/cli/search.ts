/** `npm run search -- status | verify | rebuild`: asks a running server about its search. */
import { parseArgs } from 'node:util'
import { MessageChannel } from 'node:worker_threads'
import { z } from 'zod'
import { realTimers } from '../seams.ts'
import { type ExitCode, exitCodes, Unusable } from './exit-codes.ts'
import { ask, type Server, serverOf } from './running-server.ts'
import { processTerminal, type Terminal } from './terminal.ts'
import { usableArguments } from './usable-arguments.ts'

const HELP = `npm run search -- status | verify | rebuild [--url URL] [--data DIR] [--json]

status says how the search's indexes are: how far behind, what a search server is still to be told, and what it refuses.

verify compares every index with the catalog and the stock, and lists what differs. Changes nothing.

rebuild makes the indexes anew while searches go on: a search server's beside the one that answers, which it then replaces.
Waits until it is done.

The server must be running. The key is ADMIN_KEY, else the one that the data directory keeps.

  --url URL    the server; without it HOLDFAST_URL, else http://127.0.0.1:3000
  --data DIR   the data directory; without it DATA_DIR, else ./data
  --json       what the server answers, as JSON
  -h, --help   this text

Exit codes
  0   good
  1   an index differs
  3   the command line is wrong, or the server does not answer`

const LOOK_MS = 250
const REBUILD_MS = 3_600_000

const status = z.object({
  products: z.number(),
  lagSeconds: z.number(),
  server: z
    .object({
      serving: z.boolean(),
      owed: z.number(),
      parked: z.array(z.object({ productId: z.string(), why: z.string() })),
      writes: z.number(),
      rebuilds: z.number(),
    })
    .optional(),
})
const verification = z.object({
  products: z.number(),
  indexes: z.array(z.string()),
  differences: z.number(),
  listed: z.array(z.object({ productId: z.string(), index: z.string(), what: z.string() })),
})
type Status = z.output<typeof status>

const terminal = processTerminal()
try {
  process.exitCode = await run(process.argv.slice(2), terminal)
} catch (error) {
  if (!(error instanceof Unusable)) throw error
  terminal.remark(`search: ${error.message}`)
  process.exitCode = exitCodes.unusable
}

async function run(args: readonly string[], out: Terminal): Promise<ExitCode> {
  const { values, positionals } = readArguments(args)
  if (values.help) {
    out.line(HELP)
    return exitCodes.good
  }
  const [command] = positionals
  if (positionals.length !== 1 || (command !== 'status' && command !== 'verify' && command !== 'rebuild'))
    throw new Unusable('There are status, verify and rebuild. --help says more.')
  const server = serverOf(values)
  const { json } = values
  if (command === 'verify') return await verify(server, out, json)
  const found = command === 'status' ? await statusOf(server) : await rebuild(server)
  if (json) out.line(JSON.stringify(found))
  else tellStatus(found, out)
  return exitCodes.good
}

function readArguments(args: readonly string[]) {
  return usableArguments(() =>
    parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        url: { type: 'string' },
        data: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }),
  )
}

async function statusOf(server: Server): Promise<Status> {
  return await ask(server, { method: 'GET', path: '/v1/search', schema: status })
}

async function rebuild(server: Server): Promise<Status> {
  const before = await ask(server, { method: 'POST', path: '/v1/search/rebuild', schema: status })
  // Timers do not keep a process alive.
  const { port1: alive } = new MessageChannel()
  alive.ref()
  try {
    for (let waited = 0; waited < REBUILD_MS; waited += LOOK_MS) {
      await new Promise<void>((resolve) => void realTimers.after(LOOK_MS, resolve))
      const now = await statusOf(server)
      const isRebuilt = now.server === undefined || now.server.rebuilds > (before.server?.rebuilds ?? 0)
      if (isRebuilt && now.lagSeconds === 0) return now
    }
  } finally {
    alive.close()
  }
  throw new Unusable('It is not done within an hour: see the server’s log.')
}

function tellStatus({ products, lagSeconds, server }: Status, out: Terminal): void {
  out.line(`${products} products, ${lagSeconds === 0 ? 'up to date' : `${lagSeconds} s behind`}`)
  if (server === undefined) return
  const { serving, owed, parked, rebuilds } = server
  out.line(
    `search server: ${serving ? 'answers' : 'does not answer; the embedded index does'}, ${owed} products owed, rebuilt ${rebuilds} times`,
  )
  for (const { productId, why } of parked) out.line(`refused: ${productId}: ${why}`)
}

async function verify(server: Server, out: Terminal, json: boolean): Promise<ExitCode> {
  const found = await ask(server, { method: 'GET', path: '/v1/search/differences', schema: verification })
  const { products, indexes, differences, listed } = found
  if (json) out.line(JSON.stringify(found))
  else {
    for (const { productId, index, what } of listed) out.line(`${index}: ${productId}: ${what}`)
    out.line(`${products} products, ${indexes.join(' and ')}: ${differences} differences`)
  }
  return differences === 0 ? exitCodes.good : exitCodes.damaged
}
