/** What a Redis that holds a journal must be set to (docs/redis.md), and what lets a lost primary be replaced soon. */
export type RedisSettings = Readonly<Record<string, string | number>>

/** Every write is kept; and no waiting for a second replica before the first is served. */
export const durableRedis: RedisSettings = {
  appendonly: 'yes',
  appendfsync: 'always',
  'no-appendfsync-on-rewrite': 'no',
  save: '',
  'maxmemory-policy': 'noeviction',
  'repl-diskless-sync': 'yes',
  'repl-diskless-sync-delay': 0,
}

export const clusteredRedis: RedisSettings = {
  'cluster-enabled': 'yes',
  'cluster-node-timeout': 1_000,
  'cluster-allow-replica-migration': 'no',
  // The slots of a primary that is away are nobody else's loss.
  'cluster-require-full-coverage': 'no',
  'repl-ping-replica-period': 1,
}

/** A primary that is cut off from its replicas, one of which is promoted, stops taking writes. */
export const replicatedRedis: RedisSettings = { 'min-replicas-to-write': 1, 'min-replicas-max-lag': 2 }

/** As arguments of `redis-server`, which takes several words of one setting as several; an empty one is a word too. */
export function redisArguments(settings: RedisSettings): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]) => [
    `--${name}`,
    ...(value === '' ? [''] : String(value).split(' ')),
  ])
}
