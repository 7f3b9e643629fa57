/** `npm run cluster`: many machines, as processes of this one, to try what happens to them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { realClock, realTimers } from '../seams.ts'
import { type ExitCode, exitCodes, Unusable } from './exit-codes.ts'
import type { ChildProgram, Surroundings } from './local-cluster/child-program.ts'
import { planFor } from './local-cluster/cluster-plan.ts'
import { findProgram } from './local-cluster/find-program.ts'
import { LastWill } from './local-cluster/last-will.ts'
import { LocalCluster } from './local-cluster/local-cluster.ts'
import { tourText } from './local-cluster/tour-text.ts'
import { processTerminal, type Terminal } from './terminal.ts'

const HELP = `npm run cluster -- [options]

Starts a Redis Cluster of three primaries with their replicas, PostgreSQL, Typesense where it is installed, three nodes,
and a balancer before them, on this machine's loopback addresses. Shows what to call and what to kill; what is killed is
started again after some seconds. Ctrl-C ends everything in order.

For trying only: whoever is on this machine can reach all of it.

  --nodes N        nodes of this program, 1 to 9; 3 without it
  --replicas N     replicas of each Redis primary, 0 to 2; 1 without it
  --port PORT      the balancer's; 3000 without it
  --data DIR       keeps everything there, to go on with the next time; without it nothing is kept
  --no-postgres    accounts, catalog and orders answer tables-not-shared; reservations and stock need none
  --no-typesense   each node searches within its own process
  --typesense FILE the server's program, where it is not on the path as typesense-server
  -h, --help       this text

redis-server 7.0 or later must be installed. Without PostgreSQL it goes on as with --no-postgres.

Exit codes
  0   ended as asked
  3   the command line is wrong, or a part did not come up`

const nodesMax = 9
const replicasMax = 2
const startAgainAfterMs = 5_000
const sameSignalMs = 1_000

const terminal = processTerminal()
try {
  process.exitCode = await run(process.argv.slice(2), terminal)
} catch (error) {
  if (!(error instanceof Unusable)) throw error
  terminal.remark(`cluster: ${error.message}`)
  process.exitCode = exitCodes.unusable
}

async function run(args: readonly string[], out: Terminal): Promise<ExitCode> {
  const asked = readArguments(args)
  if (asked.help) {
    out.line(HELP)
    return exitCodes.good
  }
  const redisServer = findProgram('redis-server')
  if (redisServer === undefined)
    throw new Unusable(
      'redis-server is not installed, and is what nodes share. Any Redis from 7.0 on will do.',
    )
  const hasPostgres =
    asked.postgres && isThere('postgres', 'accounts, catalog and orders answer tables-not-shared', out)
  const typesenseServer = asked.typesense ? typesenseOf(asked.typesenseFile, out) : undefined

  const will = new LastWill()
  const root =
    asked.data === undefined ? mkdtempSync(join(tmpdir(), 'holdfast-cluster-')) : resolve(asked.data)
  if (asked.data === undefined) will.remove(root)
  const plan = await planFor(root, asked)
  let isEnding = false
  const around: Surroundings = {
    clock: realClock,
    timers: realTimers,
    will,
    onLost: (program, how) => {
      if (isEnding) return
      out.remark(`${program.name} ended (${how}); it is started again in ${startAgainAfterMs / 1_000} s`)
      realTimers.after(startAgainAfterMs, () => startAgain(program, out, () => isEnding))
    },
  }
  const ended = untilAskedToEnd(out)
  const cluster = openCluster(
    { root, plan, port: asked.port, redisServer, typesenseServer, hasPostgres },
    around,
    out,
  )
  try {
    out.remark(`Starting ${cluster.programs.length} processes in ${root}`)
    const start = cluster.start().then(async () => {
      out.line(await tourText(cluster, { adminKey: plan.adminKey, root }))
      await ended
    })
    await Promise.race([start, ended])
  } catch (error) {
    throw new Unusable(error instanceof Error ? error.message : String(error), { cause: error })
  } finally {
    isEnding = true
    out.remark('Ending everything in order')
    await cluster.stop()
    if (asked.data === undefined) rmSync(root, { recursive: true, force: true })
  }
  return exitCodes.good
}

/**
 * A second Ctrl-C ends this process where it stands, and the undertaker the rest. Sooner than after a second it is the same
 * one: npm forwards signals, so one can arrive twice.
 */
function untilAskedToEnd(out: Terminal): Promise<void> {
  let askedAtMs: number | undefined
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const nowMs = realClock.monotonicMs()
      askedAtMs ??= nowMs
      if (nowMs - askedAtMs > sameSignalMs) process.exit(exitCodes.unusable)
    })
  }
  return new Promise((resolve) => out.onEnd(resolve))
}

/** With PostgreSQL where it can be used, and else without: reservations need none. */
function openCluster(
  options: ConstructorParameters<typeof LocalCluster>[0],
  around: Surroundings,
  out: Terminal,
): LocalCluster {
  try {
    return new LocalCluster(options, around)
  } catch (error) {
    if (!options.hasPostgres) throw error
    out.remark(`PostgreSQL cannot be used: ${error instanceof Error ? error.message : String(error)}`)
    return new LocalCluster({ ...options, hasPostgres: false }, around)
  }
}

function startAgain(program: ChildProgram, out: Terminal, isEnding: () => boolean): void {
  if (isEnding() || program.isRunning) return
  program.start()
  out.remark(`${program.name} is started again, pid ${program.pid ?? 'none'}`)
}

function isThere(name: string, without: string, out: Terminal): boolean {
  if (findProgram(name) !== undefined) return true
  out.remark(`${name} is not installed: ${without}`)
  return false
}

function typesenseOf(file: string | undefined, out: Terminal): string | undefined {
  const found = findProgram(file ?? 'typesense-server')
  if (found === undefined && file !== undefined) throw new Unusable(`${file} is no program.`)
  if (found === undefined)
    out.remark('typesense-server is not installed: each node searches within its own process')
  return found
}

function readArguments(args: readonly string[]) {
  const { values } = strictly(args)
  return {
    help: values.help,
    nodes: countOf('--nodes', values.nodes, [1, nodesMax]) ?? 3,
    replicas: countOf('--replicas', values.replicas, [0, replicasMax]),
    port: countOf('--port', values.port, [1, 65_535]) ?? 3_000,
    data: values.data,
    postgres: !values['no-postgres'],
    typesense: !values['no-typesense'],
    typesenseFile: values.typesense,
  }
}

function strictly(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        nodes: { type: 'string' },
        replicas: { type: 'string' },
        port: { type: 'string' },
        data: { type: 'string' },
        'no-postgres': { type: 'boolean', default: false },
        'no-typesense': { type: 'boolean', default: false },
        typesense: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    const [what = ''] = error.message.split(/\.?\n/)
    throw new Unusable(`${what}. --help says what there is.`, { cause: error })
  }
}

function countOf(
  option: string,
  text: string | undefined,
  [least, most]: readonly [number, number],
): number | undefined {
  if (text === undefined) return undefined
  const count = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (count >= least && count <= most) return count
  throw new Unusable(
    `${option} takes a number from ${least} to ${most}, and was given ${JSON.stringify(text)}.`,
  )
}
