/**
 * What a local cluster consists of: ports, keys and counts. It is kept in its directory, since the nodes of a Redis
 * Cluster find each other again only where they were.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { drawToken } from '../../cluster/draw-token.ts'
import { realRandom } from '../../seams.ts'
import { Unusable } from '../exit-codes.ts'
import { freePorts } from './free-ports.ts'

const port = z.int().min(1).max(65_535)
const plan = z.object({
  replicas: z.int().min(0),
  adminKey: z.string(),
  clusterSecret: z.string(),
  typesenseKey: z.string(),
  redis: z.array(z.object({ port, busPort: port })),
  typesense: z.array(z.object({ port, peeringPort: port })),
  postgres: port,
  nodes: z.array(port),
})
export type ClusterPlan = z.output<typeof plan>

export const primaries = 3
const typesenseNodes = 3
const nodesMax = 9
const fileName = 'cluster.json'

/** The plan of a directory, or a new one for it. More nodes may join than there were; replicas stay as many. */
export async function planFor(
  root: string,
  wanted: { readonly nodes: number; readonly replicas: number | undefined },
): Promise<ClusterPlan> {
  mkdirSync(root, { recursive: true })
  // Programs that run as another user pass through.
  chmodSync(root, 0o711)
  const file = join(root, fileName)
  const known = existsSync(file) ? read(file) : await draw(wanted.replicas ?? 1)
  if (wanted.replicas !== undefined && wanted.replicas !== known.replicas) {
    throw new Unusable(
      `${root} holds a cluster with ${known.replicas} replicas of each primary: --replicas is for a new directory.`,
    )
  }
  if (!existsSync(file)) writeFileSync(file, `${JSON.stringify(known, undefined, 2)}\n`, { mode: 0o600 })
  return { ...known, nodes: known.nodes.slice(0, wanted.nodes) }
}

async function draw(replicas: number): Promise<ClusterPlan> {
  const random = realRandom()
  const servers = primaries * (1 + replicas)
  const ports = [...(await freePorts(2 * servers + 2 * typesenseNodes + 1 + nodesMax))]
  const next = () => ports.pop() as number
  return {
    replicas,
    adminKey: drawToken(random),
    clusterSecret: drawToken(random),
    typesenseKey: drawToken(random),
    redis: Array.from({ length: servers }, () => ({ port: next(), busPort: next() })),
    typesense: Array.from({ length: typesenseNodes }, () => ({ port: next(), peeringPort: next() })),
    postgres: next(),
    nodes: Array.from({ length: nodesMax }, next),
  }
}

function read(file: string): ClusterPlan {
  try {
    return plan.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    throw new Unusable(`${file} does not describe a cluster: remove its directory, or name another.`, {
      cause: error,
    })
  }
}
