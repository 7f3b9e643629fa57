/** In which this node counts, and the key under which nodes hash identities alike. */
import { createHash } from 'node:crypto'
import type { ClusterConfig } from '../config/cluster-settings.ts'
import type { Random } from '../seams.ts'
import { type CooldownMemory, cooldownMemory } from './cooldowns.ts'
import type { HashKey } from './keyed-hash.ts'
import { type RateMemory, type Rates, rateMemory } from './rate-limits.ts'

export type LimitMemories = { readonly rates: RateMemory; readonly cooldowns: CooldownMemory }

/** The same on all nodes of a cluster, and nobody's to guess. */
function commonHashKey(clusterSecret: string): HashKey {
  const digest = createHash('sha256').update(`holdfast limits\0${clusterSecret}`).digest()
  return [digest.readInt32BE(0), digest.readInt32BE(4)]
}

/** In which this node counts. With a cluster, identities are hashed as on the other nodes. */
export function limitMemories(rates: Rates, cluster: ClusterConfig, random: Random): LimitMemories {
  const memories = { rates: rateMemory(rates, random), cooldowns: cooldownMemory(random) }
  if (cluster.type === 'single') return memories
  const hashKey = commonHashKey(cluster.secret)
  return { rates: { ...memories.rates, hashKey }, cooldowns: { ...memories.cooldowns, hashKey } }
}
