/** `npm run nodes`: who serves what. Asks Redis itself, so that it answers whichever nodes run. */
import { parseArgs } from 'node:util'
import { MessageChannel } from 'node:worker_threads'
import { type ClusterStatus, readClusterStatus, type ShardStatus } from '../cluster/cluster-status.ts'
import { historyKeepers } from '../cluster/history-keepers.ts'
import type { Member } from '../cluster/members.ts'
import { loadRedisAccess } from '../config.ts'
import { RedisBootError, RedisUnavailable } from '../persistence/redis/redis-error.ts'
import { RedisNodes } from '../persistence/redis/redis-nodes.ts'
import type { RedisAccess } from '../redis-url.ts'
import { realClock, realRandom, realTimers } from '../seams.ts'
import { type ExitCode, exitCodes, Unusable } from './exit-codes.ts'
import { countOf, processTerminal, type Terminal, table } from './terminal.ts'
import { usableArguments } from './usable-arguments.ts'

const HELP = `npm run nodes -- [--json]

Lists the nodes that share a Redis, which of them keep a history, and who serves which shard: how long the lease lasts unless
it is renewed, and the epoch and number of the newest frame of the shard's journal. REDIS_URL says which Redis, as it does for
the nodes.

  --json       one JSON object instead of text
  -h, --help   this text

Exit codes
  0   every shard has an owner
  1   a shard has none
  3   the command line is wrong, or Redis does not answer`
const COMMAND_MS = 2_000

const terminal = processTerminal()
try {
  process.exitCode = await run(process.argv.slice(2), terminal)
} catch (error) {
  if (!(error instanceof Unusable)) throw error
  terminal.remark(`nodes: ${error.message}`)
  process.exitCode = exitCodes.unusable
}

async function run(args: readonly string[], out: Terminal): Promise<ExitCode> {
  const { json, help } = readArguments(args)
  if (help) {
    out.line(HELP)
    return exitCodes.good
  }
  const status = await read()
  if (json) out.line(JSON.stringify(status))
  else tell(status, out)
  const areOwned = status.owned.every(({ lease }) => lease.type === 'held')
  return areOwned && status.shards > 0 ? exitCodes.good : exitCodes.damaged
}

function readArguments(args: readonly string[]) {
  const options = {
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const
  return usableArguments(() => parseArgs({ args: [...args], options }).values)
}

async function read(): Promise<ClusterStatus> {
  const access = redisAccess()
  const nodes = new RedisNodes(access, { clock: realClock, timers: realTimers })
  // Timers do not keep a process alive.
  const { port1: alive } = new MessageChannel()
  alive.ref()
  try {
    const seams = { timers: realTimers, random: realRandom(), commandTimeoutMs: COMMAND_MS }
    return await readClusterStatus(nodes, seams)
  } catch (error) {
    if (error instanceof RedisUnavailable || error instanceof RedisBootError)
      throw new Unusable(`Redis does not answer: ${error.message}`, { cause: error })
    throw error
  } finally {
    alive.close()
  }
}

function redisAccess(): RedisAccess {
  const found = loadRedisAccess()
  if (found === undefined) throw new Unusable('Set REDIS_URL, as the nodes have it.')
  if (found.type === 'invalid') throw new Unusable(`REDIS_URL must be ${found.expected}.`)
  return found.access
}

function tell({ shards, dataId, members, owned }: ClusterStatus, out: Terminal): void {
  if (shards === 0) return out.line('No node has ever started on this Redis.')
  out.line(`${countOf(members.length, 'node')}, ${countOf(shards, 'shard')}, data ${dataId ?? 'unknown'}`)
  out.line('')
  const heading = ['node', 'address', 'version', 'shards', 'history', 'started', 'heard of']
  const keepers = historyKeepers(members)
  const rows = members.map((member) => memberRow(member, owned, keepers.includes(member.id)))
  for (const line of table([heading, ...rows])) out.line(line)
  out.line('')
  const shardRows = owned.map((shard) => shardRow(shard, out))
  for (const line of table([['shard', 'owner', 'address', 'lease', 'epoch', 'frame'], ...shardRows]))
    out.line(line)
}

function memberRow(
  member: Member,
  owned: readonly ShardStatus[],
  keepsHistory: boolean,
): (string | number)[] {
  const { id, address, version, startedAtMs, silentMs, isLeaving } = member
  const count = owned.filter(({ lease }) => lease.type === 'held' && lease.node === id).length
  const heard = `${(silentMs / 1_000).toFixed(1)} s ago${isLeaving ? ', leaving' : ''}`
  const history = keepsHistory ? 'keeps' : 'asks'
  return [id, address, version, count, history, new Date(startedAtMs).toISOString(), heard]
}

function shardRow(
  { shard, lease, leaseLeftMs, epoch, ordinal }: ShardStatus,
  out: Terminal,
): (string | number)[] {
  const [owner, address] = ownerText(lease)
  const left = lease.type === 'held' ? `${(leaseLeftMs / 1_000).toFixed(1)} s` : out.paint('red', 'none')
  return [shard, owner, address, left, epoch, ordinal]
}

function ownerText(lease: ShardStatus['lease']): readonly [owner: string, address: string] {
  switch (lease.type) {
    case 'held':
      return [lease.to === undefined ? lease.node : `${lease.node}, going to ${lease.to}`, lease.address]
    case 'promised':
      return [`promised to ${lease.to}`, '']
    case 'free':
      return ['nobody', '']
    case 'unreachable':
      return ['unknown: its Redis does not answer', '']
  }
}
