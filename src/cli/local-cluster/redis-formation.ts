/** Makes one Redis Cluster of several servers by commands, so that it is ready within a second or two. */
import type { Redis } from 'ioredis'
import { SLOTS } from '../../persistence/redis/key-slot.ts'
import { type Seams, until } from './until.ts'

/** A server, where the others reach it, and a connection to it that follows nobody elsewhere. */
export type RedisMember = {
  readonly host: string
  readonly port: number
  readonly busPort: number
  readonly client: Redis
}

/** What one node says of another. */
export type NodeView = {
  readonly id: string
  readonly port: number
  readonly isPrimary: boolean
  readonly isFailed: boolean
  readonly slots: readonly (readonly [first: number, last: number])[]
}

const healthyWithinMs = 20_000

/** The first of the members become primaries, the others their replicas in turn. All must be empty. */
export async function formCluster(
  members: readonly RedisMember[],
  primaries: number,
  seams: Seams,
): Promise<void> {
  const [first] = members
  if (first === undefined) throw new Error('a cluster of no nodes')
  const ids = await Promise.all(
    members.map(({ client }) => client.call('CLUSTER', 'MYID') as Promise<string>),
  )
  await Promise.all(
    members.map(async ({ client }, index) => {
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)
      if (index >= primaries) return
      const [from, to] = [boundary(index, primaries), boundary(index + 1, primaries) - 1]
      await client.call('CLUSTER', 'ADDSLOTSRANGE', from, to)
    }),
  )
  for (const { host, port, busPort } of members.slice(1)) {
    await first.client.call('CLUSTER', 'MEET', host, port, busPort)
  }
  await Promise.all(
    members.slice(primaries).map(({ client }, index) =>
      // A node hears of the others by and by; until it has heard of the primary it refuses to follow it.
      until(() => client.call('CLUSTER', 'REPLICATE', ids[index % primaries] as string), {
        ...seams,
        withinMs: healthyWithinMs,
        what: 'a Redis does not become a replica',
      }),
    ),
  )
}

/** Until all members agree on who serves which slot, all are served, and each serves some or follows one that does. */
export async function untilHealthy(
  members: () => readonly RedisMember[] | Promise<readonly RedisMember[]>,
  options: Seams & { readonly count: number; readonly withinMs?: number },
): Promise<void> {
  const { count, withinMs = healthyWithinMs, clock, timers } = options
  await until(
    async () => {
      const wrong = await whatIsWrong(await members(), count)
      if (wrong !== undefined) throw new Error(wrong)
    },
    { clock, timers, withinMs, what: 'the Redis Cluster is not healthy' },
  )
}

/** All nodes of its cluster, as a member sees them. */
export async function viewOf(client: Redis): Promise<readonly NodeView[]> {
  const text = (await client.call('CLUSTER', 'NODES')) as string
  return text.trim().split('\n').map(parseNode)
}

async function whatIsWrong(members: readonly RedisMember[], count: number): Promise<string | undefined> {
  const maps = new Set<string>()
  for (const { port, client } of members) {
    const info = await client.call('CLUSTER', 'INFO')
    if (!String(info).includes('cluster_state:ok')) return `${port} says: ${info}`
    const view = await viewOf(client)
    if (view.length !== count) return `${port} knows ${view.length} nodes`
    const serving = view.filter((each) => each.isPrimary && !each.isFailed && each.slots.length > 0)
    const served = serving.flatMap(({ slots }) => slots).reduce((sum, [from, to]) => sum + to - from + 1, 0)
    if (served !== SLOTS) return `${port} sees ${served} slots served`
    maps.add(JSON.stringify(serving.map((each) => [each.port, each.slots]).sort()))
    const role = await client.info('replication')
    const isLinked = role.includes('role:slave') && role.includes('master_link_status:up')
    if (!isLinked && !serving.some((each) => each.port === port))
      return `${port} serves nothing and follows nobody: ${role}`
  }
  return maps.size > 1 ? 'they disagree on who serves what' : undefined
}

/** `id ip:port@bus[,name] flags primary ping pong epoch link slot slot…` */
function parseNode(line: string): NodeView {
  const [id = '', address = '', flags = '', , , , , , ...slots] = line.split(' ')
  return {
    id,
    port: Number(/:(\d+)@/.exec(address)?.[1]),
    isPrimary: flags.split(',').includes('master'),
    isFailed: flags.split(',').includes('fail'),
    slots: slots
      .filter((range) => !range.startsWith('['))
      .map((range) => {
        const [from = '', to = from] = range.split('-')
        return [Number(from), Number(to)] as const
      }),
  }
}

function boundary(index: number, primaries: number): number {
  return Math.round((index * SLOTS) / primaries)
}
