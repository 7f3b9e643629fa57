/**
 * One connection to one Redis server. It is not mended, resends nothing and queues nothing: what was under way when it
 * broke has an unknown outcome, and whoever owns it decides what to do. `WAIT` counts what this very connection wrote,
 * so a journal needs a connection that never becomes another one behind its back.
 */
import { Redis } from 'ioredis'
import { nameOf, type RedisAccess, type RedisAddress } from '../../redis-url.ts'
import { RedisUnavailable } from './redis-error.ts'

export type ConnectionLimits = {
  readonly connectTimeoutMs: number
  /** Of each command; its outcome is then unknown. 0: none, for commands that block on purpose. */
  readonly commandTimeoutMs: number
}

/** Resolves when it can take commands. Rejects with `RedisUnavailable`. Close it by `disconnect()`. */
export async function connectTo(
  address: RedisAddress,
  access: RedisAccess,
  { connectTimeoutMs, commandTimeoutMs }: ConnectionLimits,
): Promise<Redis> {
  const connection = new Redis({
    ...address,
    ...(access.username === undefined ? {} : { username: access.username }),
    ...(access.password === undefined ? {} : { password: access.password }),
    // The certificate is checked, against the host that the cluster, or the operator, has told.
    ...(access.tls ? { tls: {} } : {}),
    ...(commandTimeoutMs === 0 ? {} : { commandTimeout: commandTimeoutMs }),
    connectTimeout: connectTimeoutMs,
    connectionName: 'holdfast',
    disableClientInfo: true,
    enableOfflineQueue: false,
    // Whether the server is loading is for the first command to say; the check would wait for it without a bound of ours.
    enableReadyCheck: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: null,
    lazyConnect: true,
  })
  // Its commands reject, and it says `end`; the event tells nothing more, and without a listener it is printed.
  let reason = ''
  connection.on('error', (error: Error) => {
    reason = error.message
  })
  try {
    await connection.connect()
    return connection
  } catch (error) {
    connection.disconnect()
    const why = reason || (error instanceof Error ? error.message : String(error))
    throw new RedisUnavailable(`no connection to Redis at ${nameOf(address)}: ${why}`, { cause: error })
  }
}
