/**
 * Whether servers with these settings keep what was acknowledged under a policy. Pure. Each sentence names the server,
 * the setting, what it must be and why, so that an operator can put it right without this source.
 */
import type { AckPolicy } from '../../config/cluster-settings.ts'
import { nameOf } from '../../redis-url.ts'
import type { RedisMode } from './redis-nodes.ts'
import type { ServerFacts, SettingName } from './server-facts.ts'

/** `CONFIG GET` of several settings and sharded publish/subscribe came with it. */
const MAJOR_MIN = 7
/** Replicas that lag longer would let an isolated primary take writes for longer. */
const LAG_SECONDS_MAX = 10

export type Circumstances = {
  readonly ack: AckPolicy
  readonly mode: RedisMode
  /** Of this primary, linked or not, as its cluster knows them; 0 for one that is no primary. */
  readonly replicasKnown: number
}

export type Judgement = { readonly problems: readonly string[]; readonly warnings: readonly string[] }

export function judge(facts: ServerFacts, circumstances: Circumstances): Judgement {
  const name = `Redis at ${nameOf(facts.address)}`
  const say = (text: string) => `${name} ${text}`
  const major = Number(facts.version.split('.')[0])
  if (!(major >= MAJOR_MIN)) {
    return {
      problems: [say(`has version ${facts.version}: ${MAJOR_MIN}.0 or later is needed`)],
      warnings: [],
    }
  }
  const { settings } = facts
  const problems = replicaProblems(facts, circumstances)
  if (settings === undefined) {
    problems.push(
      'does not let this user read its settings, so nobody can see whether it keeps what it acknowledges: allow `CONFIG GET` (ACL `+config|get`)',
    )
    return { problems: problems.map(say), warnings: [] }
  }
  const { warnings, demands } = demandsOf(circumstances)
  for (const { setting, isMet, expected, why } of demands) {
    const value = settings[setting]
    if (value === undefined || isMet(value)) continue
    problems.push(`has ${setting} ${value || '""'}, and must have ${expected}: ${why}`)
  }
  return {
    problems: problems.map(say),
    warnings: warnings(settings).map(say),
  }
}

function replicaProblems(
  { replicas, isPrimary }: ServerFacts,
  { ack, replicasKnown }: Circumstances,
): string[] {
  if (!isPrimary) return []
  const count = Math.max(replicas.length, ack.type === 'aof' ? replicasKnown : 0)
  if (ack.type === 'aof') {
    if (count === 0) return []
    return [
      `has ${plural(count)}, and REDIS_ACK=aof waits for none: a promoted one may lack what was acknowledged. Set REDIS_ACK=replicas:${count}, or take the replicas away`,
    ]
  }
  if (count <= ack.count) return []
  return [
    `has ${plural(count)}, and REDIS_ACK=replicas:${ack.count} waits for ${ack.count}: any of the others may be promoted and lack what was acknowledged. Set REDIS_ACK=replicas:${count}, or take replicas away`,
  ]
}

type Demand = {
  readonly setting: SettingName
  readonly isMet: (value: string) => boolean
  readonly expected: string
  readonly why: string
}

function demandsOf({ ack, mode }: Circumstances) {
  const demands: Demand[] = [
    {
      setting: 'maxmemory-policy',
      isMet: (value) => value === 'noeviction',
      expected: 'noeviction',
      why: 'any other policy throws acknowledged data away when memory is short',
    },
    {
      setting: 'appendonly',
      isMet: (value) => value === 'yes',
      expected: 'yes',
      why: 'without it a restart comes back empty, and its replicas with it',
    },
    {
      setting: 'appendfsync',
      isMet: (value) => value === 'always',
      expected: 'always',
      why: 'a server that is back before it is replaced would lack what it had not synced, and its replicas would follow it',
    },
    {
      setting: 'no-appendfsync-on-rewrite',
      isMet: (value) => value === 'no',
      expected: 'no',
      why: 'while the file is rewritten nothing would be synced',
    },
  ]
  if (ack.type === 'replicas') {
    demands.push(
      {
        setting: 'min-replicas-to-write',
        isMet: (value) => Number(value) >= 1,
        expected: '1 or more',
        why: 'a primary that is cut off from its replicas, one of which is promoted, must stop taking writes',
      },
      {
        setting: 'min-replicas-max-lag',
        isMet: (value) => Number(value) >= 1 && Number(value) <= LAG_SECONDS_MAX,
        expected: `1 to ${LAG_SECONDS_MAX}`,
        why: 'it is how long such a primary goes on, in seconds; 0 means forever',
      },
    )
    if (mode === 'cluster') {
      demands.push({
        setting: 'cluster-allow-replica-migration',
        isMet: (value) => value === 'no',
        expected: 'no',
        why: `a replica that moves to another primary changes how many each has, and REDIS_ACK=replicas:${ack.count} counts on the number`,
      })
    }
  }
  const warnings = (settings: NonNullable<ServerFacts['settings']>): string[] =>
    settings['cluster-require-full-coverage'] === 'yes' && mode === 'cluster'
      ? [
          'has cluster-require-full-coverage yes: while one primary is replaced, the shards of all others stop too',
        ]
      : []
  return { demands, warnings }
}

function plural(count: number): string {
  return count === 1 ? '1 replica' : `${count} replicas`
}
