/** What one Redis server says of itself and its settings, as far as a journal's safety rests on it. */
import type { Redis } from 'ioredis'
import type { RedisAddress } from '../../redis-url.ts'

/** What is asked for by `CONFIG GET`. */
const SETTINGS = [
  'maxmemory-policy',
  'appendonly',
  'appendfsync',
  'no-appendfsync-on-rewrite',
  'min-replicas-to-write',
  'min-replicas-max-lag',
  'cluster-allow-replica-migration',
  'cluster-require-full-coverage',
] as const

export type SettingName = (typeof SETTINGS)[number]

export type ServerFacts = {
  readonly address: RedisAddress
  readonly version: string
  readonly isPrimary: boolean
  readonly isLoading: boolean
  /** Replicas that are linked and follow, with the address each gives of itself. */
  readonly replicas: readonly RedisAddress[]
  /** Undefined where `CONFIG GET` is not allowed. A setting that the server does not know is absent. */
  readonly settings: Readonly<Partial<Record<SettingName, string>>> | undefined
}

/** Rejects where the server does not answer, or not to this user. */
export async function readServerFacts(connection: Redis, address: RedisAddress): Promise<ServerFacts> {
  const info = await connection.info()
  return {
    address,
    version: fieldOf(info, 'redis_version') ?? '0',
    isPrimary: fieldOf(info, 'role') === 'master',
    isLoading: fieldOf(info, 'loading') === '1',
    replicas: [...info.matchAll(/^slave[0-9]+:ip=([^,]*),port=([0-9]+),state=online,/gm)].map(
      ([, host = '', port]) => ({ host, port: Number(port) }),
    ),
    settings: await readSettings(connection),
  }
}

async function readSettings(connection: Redis): Promise<ServerFacts['settings']> {
  try {
    const answer = (await connection.call('CONFIG', 'GET', ...SETTINGS)) as readonly string[]
    return Object.fromEntries(SETTINGS.flatMap((name) => pairOf(answer, name)))
  } catch (error) {
    // Services that rent Redis out rename the command or forbid it.
    if (error instanceof Error && /^(?:NOPERM|ERR unknown command)/.test(error.message)) return undefined
    throw error
  }
}

function pairOf(answer: readonly string[], name: SettingName): (readonly [SettingName, string])[] {
  const index = answer.indexOf(name)
  const value = index % 2 === 0 ? answer[index + 1] : undefined
  return value === undefined ? [] : [[name, value]]
}

function fieldOf(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]
}
